/*
** lock.h - Mutual exclusion between tasks of any thread or process.
**
** A lock belongs to a task ('who', unique in the family), and passes straight
** to the one that waits longest. When the owner dies it passes on as
** abandoned; with nobody waiting, the next to acquire it is told.
*/
#ifndef sk_lock_h
#define sk_lock_h

#include "seat.h"

enum { SK_ABANDONED = 1 };

typedef struct Lock {
  Object o;
  uint64_t owner; /* 0: free */
  uint32_t slot;  /* where the owner lives */
  uint32_t depth; /* how often it acquired it */
  uint32_t reentrant;
  uint32_t abandoned; /* the last owner died, and nobody was told yet */
  int32_t passing;    /* what the one it is passed to will be told */
  uint32_t spare;
  Line line;
} Lock;

SK_FUNC const Class sk_lock_class;

/*
** 0; SK_ABANDONED: it is yours, its last owner died; -EDEADLK: it was yours
** already; -EAGAIN: somebody else's, and 'w', if any, waits in line.
*/
SK_FUNC int sk_lock_acquire (Member *m, Lock *l, uint64_t who, Seat *w);
/* 0, or -EPERM: it is not yours. */
SK_FUNC int sk_lock_release (Member *m, Lock *l, uint64_t who);
/* The task 'who' has ended: if it owned the lock, it has abandoned it. */
SK_FUNC void sk_lock_abandon (Member *m, Lock *l, uint64_t who);

/* For classes whose objects begin with a Lock; all under the guard. */
SK_FUNC void sk_lock_repair (Object *o, Bells *b);
SK_FUNC void sk_lock_giveback (Member *m, Object *o, Seat *w, Bells *b);
SK_FUNC void sk_lock_depart (Object *o, uint32_t slot, Bells *b);

#endif
