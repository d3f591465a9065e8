/*
** end.h - Our ends of the pipes of a child, for when this process ends before
** it: then it has read all of its stdin, and what it writes goes nowhere.
**
** Others own the descriptor, and may have closed it: so it is known by what it
** was when it was noted. Zeroed memory is no end. Plain C.
*/
#ifndef sk_end_h
#define sk_end_h

#include "sk.h"

typedef struct End {
  int fd;
  bool pumped; /* a forked child has no use for its copy */
  uint64_t ino;
} End;

SK_FUNC void sk_end_set (End *e, int fd, bool pumped);
/* Is it still open, and not another's number? */
SK_FUNC bool sk_end_is (const End *e);
SK_FUNC void sk_end_close (End *e);
/* Read what has come, to no avail. */
SK_FUNC void sk_end_spill (End *e);

#endif
