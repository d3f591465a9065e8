/*
** mapping.h - One anonymous file in memory, which all of a family map.
**
** It is reserved large and sparse: only touched pages cost. Its size is sealed,
** so nobody can make it another one under our feet. Addresses differ from
** process to process, so inside of it everything is named by its offset. It
** begins with a Mapping; all else is zero at first.
*/
#ifndef sk_mapping_h
#define sk_mapping_h

#include "sk.h"

#define SK_PAGE UINT64_C(4096)

typedef uint64_t Off; /* an offset in it; 0 = nothing */

typedef struct Mapping {
  uint64_t magic;
  uint64_t size; /* a power of two, 16 MiB at least */
} Mapping;

SK_FUNC char *sk_mapping_base; /* process-wide; NULL until there is one */

#define sk_at(type, off) ((type *)(void *)(sk_mapping_base + (off)))
#define sk_off(p) ((Off)((const char *)(p)-sk_mapping_base))

/* Make one. 0 or -errno. */
SK_FUNC int sk_mapping_make (void);
/* Map the one behind 'fd', as a fresh child does. Owns 'fd' from then. */
SK_FUNC int sk_mapping_attach (int fd);
/* Its descriptor, close-on-exec; -1 if there is none. */
SK_FUNC int sk_mapping_fd (void);
/* Let go of whole pages: they read as zero. False: they stay as they are. */
SK_FUNC bool sk_mapping_punch (Off from, Off to);
/* Bytes of memory behind it. */
SK_FUNC uint64_t sk_mapping_pages (void);

#endif
