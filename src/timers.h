/*
** timers.h - Pending deadlines, nearest first.
**
** A 4-ary min-heap. A Timer is embedded in its owner and knows its place in
** the heap, so that removing one needs no search: O(log n) to add or remove,
** O(1) to read the next deadline. Timers due at the same instant come out in
** the order they went in. Zeroed memory is a valid empty set and a valid idle
** timer. Plain C: no Lua, no clock.
*/
#ifndef sk_timers_h
#define sk_timers_h

#include "sk.h"

typedef struct Timer {
  sk_time due;
  uint32_t seq; /* order of arrival, to break ties; compared by difference */
  uint32_t pos; /* place in the heap, from 1; 0 = idle */
} Timer;

typedef struct Timers {
  struct TimerSlot *heap; /* heap[1 .. count]; heap[0] is not used */
  uint32_t count, cap;
  uint32_t seq;
} Timers;

/* Make idle timer 't' pending. Returns 0 or -ENOMEM. */
SK_FUNC int sk_timers_add (Timers *ts, Timer *t, sk_time due);
/* Make 't' idle. Does nothing if it already is. */
SK_FUNC void sk_timers_remove (Timers *ts, Timer *t);
/* The nearest deadline, or SK_FOREVER if nothing is pending. */
SK_FUNC sk_time sk_timers_next (const Timers *ts);
/* Remove and return the nearest timer if due by 'now', else NULL. */
SK_FUNC Timer *sk_timers_pop (Timers *ts, sk_time now);
/* All deadlines come earlier by 'by', endless ones excepted. */
SK_FUNC void sk_timers_shift (Timers *ts, sk_time by);
/* Make all idle and give the memory back. */
SK_FUNC void sk_timers_fini (Timers *ts);

#endif
