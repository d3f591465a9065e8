/*
** prod.h - A signal to this thread again, a little later.
**
** One alert may not do: a signal handler cannot tell which coroutine runs
** inside of the one that it knows of, as long as that may be moving. So it
** comes again, after the thread has used some more processor time. Safe in
** signal handlers. Zeroed memory is valid.
*/
#ifndef sk_prod_h
#define sk_prod_h

#include <signal.h>

#include "sk.h"

#define SK_PROD_AFTER 10000000 /* nanoseconds of processor time */

typedef struct Prod {
  bool armed; /* there is a timer */
  int timer;  /* the kernel's number of it */
} Prod;

/* Send 'signo' to the calling thread once more. */
SK_FUNC void sk_prod_again (Prod *p, int signo);
/* Is it that what the handler was called for? */
SK_FUNC bool sk_prod_issent (const Prod *p, const siginfo_t *info);
SK_FUNC void sk_prod_stop (Prod *p);

#endif
