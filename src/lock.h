/*
** lock.h - Mutual exclusion between tasks of any thread or process.
**
** A lock belongs to a task ('who', unique in the family), and passes straight
** to the one that waits longest. When the owner dies it passes on as
** abandoned; with nobody waiting, the next to acquire it is told.
**
** A room of a lock is where those wait who gave it up until somebody calls
** them: a condition is one. Called, or tired of waiting, they move to the line
** of the lock, and their wait is over when they have it back, exactly as they
** had it. 'w->wish' tells why one came back.
**
** Invariants
**   - a lock that is free, or whose owner is not SK_CONTENDED, changes hands
**     by one atomic operation on 'owner', without the guard;
**   - an owner is contended while anyone stands in line or watches; then
**     'owner' is changed under the guard only, by the owner or for a dead one;
**   - 'moving' is in a line, or on its way to that of the lock;
**   - 'depth' is 0 while nobody has the lock.
*/
#ifndef sk_lock_h
#define sk_lock_h

#include "seat.h"

enum { SK_ABANDONED = 1 };
enum { SK_CALLED = 1 }; /* a wish; else 0, or the errno that ended the wait */

#define SK_CONTENDED (UINT64_C(1) << 63)
#define SK_LEFT UINT64_C(1) /* an owner: none, and the last one died */

typedef struct Room {
  Line line;
  Off next; /* another room of the same lock */
} Room;

typedef struct Lock {
  Object o;
  uint64_t owner; /* 0: free */
  uint32_t depth; /* how many times more the owner acquired it */
  uint32_t reentrant;
  int32_t passing; /* what the one it is passed to will be told */
  uint32_t spare;
  Line line;
  Line watchers; /* they want to know when it is free */
  Off rooms;
  Off moving; /* the seat that comes back from a room; or 0 */
} Lock;

SK_FUNC const Class sk_lock_class;

/* Has the object a lock, which it begins with? */
SK_FUNC bool sk_lock_is (const Object *o);

#define SK_LOCKSLOT                                                            \
  40 /* an owner: its slot from this bit on, below it the task */

/* A task as an owner: its number is unique in the slot that it lives in. */
static inline uint64_t sk_lock_who (const Member *m, uint64_t task) {
  return (uint64_t)m->index << SK_LOCKSLOT | task;
}

/* Who has it; 0: nobody. */
static inline uint64_t sk_lock_owner (const Lock *l) {
  uint64_t owner = __atomic_load_n(&l->owner, __ATOMIC_ACQUIRE);
  return owner == SK_LEFT ? 0 : owner & ~SK_CONTENDED;
}

/*
** 0; SK_ABANDONED: it is yours, its last owner died; -EDEADLK: it was yours
** already; -EAGAIN: somebody else's, and 'w', if any, waits in line.
*/
SK_FUNC int sk_lock_acquire (Member *m, Lock *l, uint64_t who, Seat *w);
/* Who does not stand in line yet may look out for a moment: is it free now? */
SK_FUNC bool sk_lock_linger (const Member *m, const Lock *l);
/* 0, or -EPERM: it is not yours. */
SK_FUNC int sk_lock_release (Member *m, Lock *l, uint64_t who);

/* Could 'who' acquire it now? 0; -EAGAIN: no, and 'w' will be told. */
SK_FUNC int sk_lock_poll (Member *m, Lock *l, uint64_t who, Seat *w);

SK_FUNC void sk_lock_addroom (Member *m, Lock *l, Room *r);
/* Nobody is in it. It may have been removed before. */
SK_FUNC void sk_lock_removeroom (Member *m, Lock *l, Room *r);
/* 'who', its owner, gives it up until it is called: then, with the lock, it
   has it 'w->amount' times more. 0, or -EPERM. */
SK_FUNC int sk_lock_wait (Member *m, Lock *l, Room *r, uint64_t who, Seat *w);
/* 'who', its owner, calls those 'n' that have waited longest. 0, or -EPERM. */
SK_FUNC int sk_lock_call (Member *m, Lock *l, Room *r, uint64_t who,
                          uint64_t n);

/*
** For classes whose objects begin with a lock: enter the guard to look at or
** change the object on behalf of 'who'. 0, or -EAGAIN and not entered: another
** one holds the lock, and 'w', if any, waits for it.
*/
SK_FUNC int sk_lock_enter (Member *m, Lock *l, uint64_t who, Seat *w);

/* For classes whose objects begin with a Lock; all under the guard. */
SK_FUNC bool sk_lock_await (Lock *l, uint64_t who, Seat *w);
SK_FUNC void sk_lock_repair (Object *o, Bells *b);
SK_FUNC void sk_lock_giveback (Member *m, Object *o, Seat *w, Bells *b);
SK_FUNC void sk_lock_depart (Object *o, uint32_t slot, Bells *b);
/* Not under the guard. */
SK_FUNC uint32_t sk_lock_abandon (Member *m, Object *o, uint64_t who);

#endif
