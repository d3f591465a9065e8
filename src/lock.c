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
  if (w != NULL) {
    next = w->who;
    if (w->next != 0 || l->watchers.first != 0) next |= SK_CONTENDED;
  }
  l->depth = w != NULL ? (uint32_t)w->amount : 0;
  l->passing = result;
  sk_step();
  __atomic_store_n(&l->owner, next, __ATOMIC_RELEASE); /* it is theirs */
  sk_step();
  if (w != NULL)
    sk_seat_grant(w, result, b);
  else if (l->watchers.first != 0)
    sk_seat_grantall(&l->watchers, 0, b);
}


/* Mark the owner as contended. False: there is none. */
static bool contend (Lock *l) {
  uint64_t owner = __atomic_load_n(&l->owner, __ATOMIC_ACQUIRE);
  do {
    if (owner == 0 || owner == SK_LEFT) return false;
  } while (!(owner & SK_CONTENDED) && !change(l, &owner, owner | SK_CONTENDED));
  return true;
}


/* Nobody had the lock, so that the first in line got it. */
static void letin (Lock *l, Seat *w, Bells *b) {
  l->depth = (uint32_t)w->amount;
  if (w->next != 0 || l->watchers.first != 0) contend(l);
  sk_seat_grant(w, l->passing, b);
}


/* Somebody came to the line while the lock may have been free. */
static void lookafter (Lock *l, Bells *b) {
  Seat *w = sk_seat_first(&l->line);
  while (!contend(l)) {
    uint64_t free = __atomic_load_n(&l->owner, __ATOMIC_ACQUIRE);
    l->passing = free == SK_LEFT ? SK_ABANDONED : 0;
    sk_step();
    if (free > SK_LEFT || !change(l, &free, w->who)) continue;
    sk_step();
    letin(l, w, b);
    return;
  }
}


/* ---- rooms ---- */

static Room *roomof (const Seat *w) {
  return sk_at(Room, w->from);
}


/* Is 'w' back from its room, or was it never in one? */
static bool isback (const Lock *l, const Seat *w) {
  return w->line == sk_off(&l->line);
}


/* 'w' leaves its room and wants the lock back. */
static void comeback (Lock *l, Seat *w, uint32_t wish, Bells *b) {
  w->wish = wish;
  sk_step();
  l->moving = sk_off(w);
  sk_step();
  sk_seat_leave(w);
  sk_step();
  sk_seat_join(w, &l->o, &l->line);
  sk_step();
  l->moving = 0;
  lookafter(l, b);
}


/* Who moved it died on the way. */
static void finishmove (Lock *l) {
  Seat *w = sk_at(Seat, l->moving);
  if (!sk_seat_stands(&l->line, w)) {
    if (sk_seat_stands(&roomof(w)->line, w)) sk_seat_leave(w);
    sk_seat_join(w, &l->o, &l->line);
  }
  l->moving = 0;
}


/* Call the one that has waited longest; false: the room is empty. */
static bool call (Lock *l, Room *r, Bells *b) {
  Seat *w = sk_seat_first(&r->line);
  if (w != NULL) comeback(l, w, SK_CALLED, b);
  return w != NULL;
}


/* Who waits in a room comes back from it before anything else. */
static bool keep (Object *o, Seat *w, int why, Bells *b) {
  Lock *l = (Lock *)o;
  if (w->from == 0 || why == -EOWNERDEAD) return false;
  if (!isback(l, w)) {
    comeback(l, w, (uint32_t)-why, b);
    return true;
  }
  /* but for what says that it waits in vain, or must not wait on */
  return why == -ETIMEDOUT || why == -ECANCELED;
}


/* Who was called and cannot come passes the call on. */
static void unwait (Member *m, Object *o, Seat *w, Bells *b) {
  Lock *l = (Lock *)o;
  (void)m;
  if (w->from != 0 && w->wish == SK_CALLED && isback(l, w))
    call(l, roomof(w), b);
}


void sk_lock_addroom (Member *m, Lock *l, Room *r) {
  sk_object_enter(m, &l->o);
  r->next = l->rooms;
  sk_step();
  l->rooms = sk_off(r);
  sk_object_leave(m, &l->o);
}


void sk_lock_removeroom (Member *m, Lock *l, Room *r) {
  sk_object_enter(m, &l->o);
  Off *at = &l->rooms;
  while (*at != 0 && *at != sk_off(r)) at = &sk_at(Room, *at)->next;
  if (*at != 0) *at = r->next;
  sk_object_leave(m, &l->o);
}


int sk_lock_wait (Member *m, Lock *l, Room *r, uint64_t who, Seat *w) {
  Bells bells = {0};
  if (sk_lock_owner(l) != who) return -EPERM;
  sk_object_enter(m, &l->o);
  w->who = who;
  w->amount = l->depth;
  w->wish = 0;
  w->from = sk_off(r);
  sk_seat_join(w, &l->o, &r->line);
  sk_step();
  pass(l, 0, &bells);
  sk_object_leavering(m, &l->o, &bells);
  return 0;
}


int sk_lock_call (Member *m, Lock *l, Room *r, uint64_t who, uint64_t n) {
  Bells bells = {0};
  if (sk_lock_owner(l) != who) return -EPERM;
  sk_object_enter(m, &l->o);
  while (n > 0 && call(l, r, &bells)) n--;
  sk_object_leavering(m, &l->o, &bells);
  return 0;
}


/* ---- deaths ---- */

static void repairlines (Lock *l, Bells *b) {
  sk_seat_repair(&l->line, b);
  sk_seat_repair(&l->watchers, b);
  for (Off i = l->rooms; i != 0; i = sk_at(Room, i)->next)
    sk_seat_repair(&sk_at(Room, i)->line, b);
  if (l->moving != 0) finishmove(l);
}


/* Somebody died between naming the next owner and telling it. */
void sk_lock_repair (Object *o, Bells *b) {
  Lock *l = (Lock *)o;
  repairlines(l, b);
  Seat *w = sk_seat_first(&l->line);
  if (w != NULL && sk_lock_owner(l) == w->who)
    letin(l, w, b);
  else if (w != NULL)
    lookafter(l, b);
  if (l->watchers.first != 0 && !contend(l))
    sk_seat_grantall(&l->watchers, 0, b);
}


void sk_lock_giveback (Member *m, Object *o, Seat *w, Bells *b) {
  Lock *l = (Lock *)o;
  if (w->who == 0 || sk_lock_owner(l) != w->who) return;
  unwait(m, o, w, b);
  w->wish = 0; /* the call has been passed on */
  pass(l, SK_ABANDONED, b);
}


void sk_lock_depart (Object *o, uint32_t slot, Bells *b) {
  Lock *l = (Lock *)o;
  if (sk_lock_owner(l) >> SK_LOCKSLOT == slot) pass(l, SK_ABANDONED, b);
}


bool sk_lock_is (const Object *o) {
  return sk_object_class(o->type)->giveback == sk_lock_giveback;
}


/* ---- owning it ---- */

/* Stand in line behind the owner. False: it is free, or belongs to 'who'. */
bool sk_lock_await (Lock *l, uint64_t who, Seat *w) {
  if (sk_lock_owner(l) == who || !contend(l)) return false;
  w->who = who;
  w->amount = 0; /* the depth that it will have */
  w->wish = 0;
  w->from = 0;
  sk_seat_join(w, &l->o, &l->line);
  return true;
}


int sk_lock_enter (Member *m, Lock *l, uint64_t who, Seat *w) {
  sk_object_enter(m, &l->o);
  uint64_t owner = sk_lock_owner(l);
  if (sk_likely(owner == 0 || owner == who)) return 0;
  if (w != NULL && !sk_lock_await(l, who, w)) return 0;
  sk_object_leave(m, &l->o);
  return -EAGAIN;
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


int sk_lock_poll (Member *m, Lock *l, uint64_t who, Seat *w) {
  sk_object_enter(m, &l->o);
  bool ready = (l->reentrant && sk_lock_owner(l) == who) || !contend(l);
  if (!ready && w != NULL) {
    w->who = 0;
    sk_seat_join(w, &l->o, &l->watchers);
  }
  sk_object_leave(m, &l->o);
  return ready ? 0 : -EAGAIN;
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
    .keep = keep,
    .unwait = unwait,
    .giveback = sk_lock_giveback,
    .depart = sk_lock_depart,
    .abandon = sk_lock_abandon,
};
