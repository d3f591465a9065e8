/*
** seat.h - Those who wait for a shared object, first come, first served.
**
** A waiter is a record in the arena that belongs to one slot. It stands in
** the line of one object, or in none. Under the object's guard somebody
** grants its wish: fills it in, sets its state (that store is the commit
** point), takes it out of the line and puts it in its slot's inbox.
**
** Invariants
**   - a waiter is in a line if and only if its state is SK_WAITING;
**   - a line is true in its 'next' links; 'last' and 'prev' can be remade;
**   - a waiter that was granted is never taken back: its result counts.
*/
#ifndef sk_seat_h
#define sk_seat_h

#include "object.h"

enum { SK_ALONE, SK_WAITING, SK_GRANTED, SK_TAKEN };

typedef struct Line {
  Off first, last;
} Line;

typedef struct Seat {
  Off next, prev; /* in its line */
  Off line;       /* the line it stands in */
  Off object;     /* what it waits for; 0 = idle */
  Off block;      /* a message, offered or given: a word that owns it */
  Off inbox;      /* the next one in its slot's inbox */
  Off from;       /* where it stood before and is tied to, see lock.h; or 0 */
  uint32_t state;
  int32_t result; /* of a granted wish: 0, -EPIPE or what the class says */
  uint32_t slot, number; /* whose it is; its place in the slot's table */
  uint32_t wish;         /* what the class wants to know about it */
  uint32_t spare;
  uint64_t who;   /* the task on whose behalf it waits */
  uint64_t owner; /* a pointer of its process: the task to wake */
  int64_t amount; /* for the class */
} Seat;

/* An idle waiter of 'm'. 0 or -ENOMEM. */
SK_FUNC int sk_seat_new (Member *m, Seat **w);
/* It is done with: in no line, and its block is free or moved. */
SK_FUNC void sk_seat_free (Member *m, Seat *w);

/* All under the guard of 'o'. */
SK_FUNC void sk_seat_join (Seat *w, Object *o, Line *line);
SK_FUNC void sk_seat_grant (Seat *w, int result, Bells *b);
/* The two halves of it: from the second on, the waiter may go ahead. */
SK_FUNC void sk_seat_commit (Seat *w, int result);
SK_FUNC void sk_seat_tell (Seat *w, Bells *b);
SK_FUNC void sk_seat_leave (Seat *w);
SK_FUNC void sk_seat_repair (Line *line, Bells *b);
/* Grant all in the line 'result'. */
SK_FUNC void sk_seat_grantall (Line *line, int result, Bells *b);
/* Looks along the line: 'w' may say that it waits, and not stand there yet. */
SK_FUNC bool sk_seat_stands (const Line *line, const Seat *w);

/* A glance from outside of the guard: whoever grants it may just do so. */
static inline uint32_t sk_seat_state (const Seat *w) {
  return __atomic_load_n(&w->state, __ATOMIC_ACQUIRE);
}

static inline Seat *sk_seat_first (const Line *line) {
  return line->first != 0 ? sk_at(Seat, line->first) : NULL;
}

static inline Seat *sk_seat_next (const Seat *w) {
  return w->next != 0 ? sk_at(Seat, w->next) : NULL;
}

/* Take 'w' out of its line because of 'why': -ETIMEDOUT, -ECANCELED ... False:
   its wish has been granted, or will be. */
SK_FUNC bool sk_seat_withdraw (Member *m, Seat *w, int why);
/* Its owner is dead: whatever it waits for or was given goes to others. */
SK_FUNC void sk_seat_forsake (Member *m, Seat *w);
/*
** Call 'f' for each waiter in the inbox of 'm', oldest grant first; its state
** is SK_TAKEN from then. After a death ('all') also for those that a dead
** granter did not bring to the inbox any more.
*/
SK_FUNC bool sk_seat_collect (Member *m, bool all,
                              void (*f)(void *arg, Seat *w), void *arg);
/* Call 'f' for each waiter of 's' that is not idle. */
SK_FUNC void sk_seat_each (const Slot *s, void (*f)(void *arg, Seat *w),
                           void *arg);

#endif
