/*
** clock.h - The monotonic clock, in nanoseconds.
**
** One origin for all processes of the machine, so that deadlines and
** 'skein.now()' compare across them. A thread that runs tests can hold it
** still and set it: then deadlines follow that clock, and what concerns the
** outside (sleeping in the kernel, spinning) uses the real one.
*/
#ifndef sk_clock_h
#define sk_clock_h

#include "sk.h"

SK_FUNC sk_time sk_clock_now (void);
SK_FUNC sk_time sk_clock_real (void);
/* From now on the clock of this thread stands at 'at'; 0: it is the real one. */
SK_FUNC void sk_clock_set (sk_time at);

/* Let the processor breathe inside a spinning loop. */
SK_FUNC void sk_clock_relax (void);

#endif
