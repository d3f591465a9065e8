/*
** mapping.h - One anonymous file in memory that processes share.
**
** It is reserved large and sparse: only touched pages cost. Its size is sealed,
** so nobody can make it another one under our feet. It begins with two words
** that are the mapping's own; all else is zero at first.
*/
#ifndef sk_mapping_h
#define sk_mapping_h

#include "sk.h"

#define SK_PAGE UINT64_C(4096)

typedef struct Mapping {
  uint64_t magic;
  uint64_t size; /* a power of two, 16 MiB at least */
} Mapping;

/* Make one, or map the one behind 'fd', which is owned from then: the address
   in '*base'. The descriptor, close-on-exec, or -errno. */
SK_FUNC int sk_mapping_make (char **base);
SK_FUNC int sk_mapping_attach (int fd, char **base);
/* Let go of whole pages: they read as zero. False: they stay as they are. */
SK_FUNC bool sk_mapping_punch (int fd, uint64_t from, uint64_t to);
/* Bytes of memory that it takes. */
SK_FUNC uint64_t sk_mapping_pages (int fd);

#endif
