/*
** barrier.h - Where so many tasks of any thread or process meet.
**
** Invariants, under the guard
**   - fewer than 'parties' stand in line, and nobody if it is broken;
**   - 'count' is how many do; it can be counted anew.
*/
#ifndef sk_barrier_h
#define sk_barrier_h

#include "seat.h"

#define SK_BROKEN (-ECONNABORTED) /* how a wait at a broken barrier ends */

typedef struct Barrier {
  Object o;
  int32_t parties, count;
  uint32_t going; /* all have come: who is in line is being let go */
  uint32_t broken;
  Line line;
} Barrier;

SK_FUNC const Class sk_barrier_class;

/* 1 to 'parties': all have come; SK_BROKEN; -EAGAIN: 'w', if any, waits. */
SK_FUNC int sk_barrier_wait (Member *m, Barrier *r, Seat *w);
SK_FUNC void sk_barrier_abort (Member *m, Barrier *r);
SK_FUNC void sk_barrier_reset (Member *m, Barrier *r);

#endif
