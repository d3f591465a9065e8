/*
** clock.h - The monotonic clock, in nanoseconds.
**
** One origin for all processes of the machine, so that deadlines and
** 'skein.now()' compare across them.
*/
#ifndef sk_clock_h
#define sk_clock_h

#include "sk.h"

SK_FUNC sk_time sk_clock_now (void);

/* Let the processor breathe inside a spinning loop. */
SK_FUNC void sk_clock_relax (void);

#endif
