/*
** semaphore.h - A number of permits for tasks of any thread or process.
**
** A permit belongs to nobody once it was acquired: anyone may release it, and
** one whose taker died is gone. But one that was granted to a waiter who died
** before it could take it goes to the next.
**
** Invariants, under the guard
**   - somebody is in line only while 'value' is 0;
**   - 'after' is what 'value' is when the change that is under way is done.
*/
#ifndef sk_semaphore_h
#define sk_semaphore_h

#include "seat.h"

typedef struct Semaphore {
  Object o;
  int64_t value; /* permits that can be acquired */
  int64_t max;
  int64_t after;
  Off granting;  /* the seat that is given a permit, or 0 */
  Off returning; /* the seat whose permit is taken back, or 0 */
  Line line;
  Line watchers; /* they want to know when an acquire need not wait */
} Semaphore;

SK_FUNC const Class sk_semaphore_class;

/* 0; -EAGAIN: there is no permit, and 'w', if any, waits in line. */
SK_FUNC int sk_semaphore_acquire (Member *m, Semaphore *s, Seat *w);
/* Need an acquire not wait? 0; -EAGAIN: it would, and 'w' will be told. */
SK_FUNC int sk_semaphore_poll (Member *m, Semaphore *s, Seat *w);
/* 0; -ERANGE: there would be more than 'max', and nothing has changed. */
SK_FUNC int sk_semaphore_release (Member *m, Semaphore *s, int64_t n);

#endif
