/*
** lock.c - Mutual exclusion between tasks. See lock.h.
*/
#include "clock.h"
#include "lock.h"

#define LINGER 50 /* looks at a lock that is about to be released */


/* Change 'owner' from '*from'; false: it is another one, now in '*from'. */
static bool change (Lock *l, uint64_t *from, uint64_t to) {
  return __atomic_compare_exchange_n(&l->owner, from, to, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}


/* Pass the lock to the next in line, or set it free. */
static void pass (Lock *l, int result, Bells *b) {
  Seat *w = sk_seat_first(&l->line);
  uint64_t next = result == SK_ABANDONED ? SK_LEFT : 0;
  if (w != NULL) next = w->next != 0 ? w->who | SK_CONTENDED : w->who;
  l->depth = 0;
  l->passing = result;
  sk_step();
  __atomic_store_n(&l->owner, next, __ATOMIC_RELEASE); /* it is theirs */
  sk_step();
  if (w != NULL) sk_seat_grant(w, result, b);
}


/* Somebody died between naming the next owner and telling it. */
void sk_lock_repair (Object *o, Bells *b) {
  Lock *l = (Lock *)o;
  sk_seat_repair(&l->line, b);
  Seat *w = sk_seat_first(&l->line);
  if (w == NULL) return;
  uint64_t owner = sk_lock_owner(l);
  if (owner == w->who)
    sk_seat_grant(w, l->passing, b);
  else if (owner == 0)
    pass(l, l->owner == SK_LEFT ? SK_ABANDONED : 0, b);
}


void sk_lock_giveback (Member *m, Object *o, Seat *w, Bells *b) {
  Lock *l = (Lock *)o;
  (void)m;
  if (sk_lock_owner(l) == w->who) pass(l, SK_ABANDONED, b);
}


void sk_lock_depart (Object *o, uint32_t slot, Bells *b) {
  Lock *l = (Lock *)o;
  if (sk_lock_owner(l) >> 40 == slot) pass(l, SK_ABANDONED, b);
}


/* Stand in line behind the owner. False: it is free, or belongs to 'who'. */
bool sk_lock_await (Lock *l, uint64_t who, Seat *w) {
  uint64_t owner = __atomic_load_n(&l->owner, __ATOMIC_ACQUIRE);
  do {
    if (owner == 0 || owner == SK_LEFT) return false;
    if ((owner & ~SK_CONTENDED) == who) return false;
  } while (!(owner & SK_CONTENDED) && !change(l, &owner, owner | SK_CONTENDED));
  w->who = who;
  sk_seat_join(w, &l->o, &l->line);
  return true;
}


/* Under the guard. */
static int acquire (Lock *l, uint64_t who, Seat *w) {
  for (;;) {
    uint64_t owner = __atomic_load_n(&l->owner, __ATOMIC_ACQUIRE);
    if (owner == 0 || owner == SK_LEFT) {
      int result = owner == SK_LEFT ? SK_ABANDONED : 0;
      if (change(l, &owner, who)) return result;
    }
    else if ((owner & ~SK_CONTENDED) == who) {
      if (!l->reentrant) return -EDEADLK;
      l->depth++;
      return 0;
    }
    else if (w == NULL || sk_lock_await(l, who, w))
      return -EAGAIN;
  }
}


int sk_lock_acquire (Member *m, Lock *l, uint64_t who, Seat *w) {
  uint64_t nobody = 0;
  if (sk_likely(change(l, &nobody, who))) return 0;
  if (w == NULL && !l->reentrant && nobody != SK_LEFT &&
      (nobody & ~SK_CONTENDED) != who)
    return -EAGAIN;
  sk_object_enter(m, &l->o);
  int result = acquire(l, who, w);
  sk_object_leave(m, &l->o);
  return result;
}


bool sk_lock_linger (const Member *m, const Lock *l) {
  for (int i = 0; i < LINGER; i++) {
    uint64_t owner = __atomic_load_n(&l->owner, __ATOMIC_RELAXED);
    if (owner == 0 || owner == SK_LEFT) return true;
    if (owner & SK_CONTENDED || owner >> 40 == m->index) return false;
    sk_clock_relax();
  }
  return false;
}


/* Under the guard. */
static int release (Lock *l, uint64_t who, Bells *b) {
  if (sk_lock_owner(l) != who) return -EPERM;
  if (l->depth > 0)
    l->depth--;
  else
    pass(l, 0, b);
  return 0;
}


int sk_lock_release (Member *m, Lock *l, uint64_t who) {
  uint64_t mine = who;
  if (sk_likely(l->depth == 0 && change(l, &mine, 0))) return 0;
  Bells bells;
  bells.count = 0;
  bells.more = false;
  bells.ears = NULL;
  sk_object_enter(m, &l->o);
  int result = release(l, who, &bells);
  sk_object_leavering(m, &l->o, &bells);
  return result;
}


uint32_t sk_lock_abandon (Member *m, Object *o, uint64_t who) {
  Lock *l = (Lock *)o;
  Bells bells = {0};
  if (sk_lock_owner(l) != who) return 0;
  uint32_t times = l->depth + 1;
  sk_object_enter(m, o);
  pass(l, SK_ABANDONED, &bells);
  sk_object_leavering(m, o, &bells);
  return times;
}


const Class sk_lock_class = {
    .name = "lock",
    .size = sizeof(Lock),
    .repair = sk_lock_repair,
    .giveback = sk_lock_giveback,
    .depart = sk_lock_depart,
    .abandon = sk_lock_abandon,
};
