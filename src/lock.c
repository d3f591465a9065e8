/*
** lock.c - Mutual exclusion between tasks. See lock.h.
*/
#include "lock.h"


/* Pass the lock to the next in line, or set it free. */
static void pass (Lock *l, int result, Bells *b) {
  Seat *w = sk_seat_first(&l->line);
  if (w == NULL) {
    l->abandoned = result == SK_ABANDONED;
    l->owner = 0;
    sk_step();
    if (l->watchers.first != 0) sk_seat_grantall(&l->watchers, 0, b);
    return;
  }
  l->slot = w->slot;
  l->depth = (uint32_t)w->amount;
  l->passing = result;
  sk_step();
  l->owner = w->who; /* from here it is theirs */
  sk_step();
  sk_seat_grant(w, result, b);
}


/* Let in who stands in line, if nobody has the lock. */
static void letin (Lock *l, Bells *b) {
  if (l->owner == 0) pass(l, l->abandoned ? SK_ABANDONED : 0, b);
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
  letin(l, b);
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
  int result = 0;
  sk_object_enter(m, &l->o);
  if (l->owner != who)
    result = -EPERM;
  else {
    w->who = who;
    w->amount = l->depth;
    w->wish = 0;
    w->from = sk_off(r);
    sk_seat_join(w, &l->o, &r->line);
    sk_step();
    pass(l, 0, &bells);
  }
  sk_object_leavering(m, &l->o, &bells);
  return result;
}


int sk_lock_call (Member *m, Lock *l, Room *r, uint64_t who, uint64_t n) {
  Bells bells = {0};
  int result = 0;
  sk_object_enter(m, &l->o);
  if (l->owner != who)
    result = -EPERM;
  else
    while (n > 0 && call(l, r, &bells)) n--;
  sk_object_leavering(m, &l->o, &bells);
  return result;
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
  if (w != NULL && l->owner == w->who)
    sk_seat_grant(w, l->passing, b);
  else
    letin(l, b);
}


void sk_lock_giveback (Member *m, Object *o, Seat *w, Bells *b) {
  Lock *l = (Lock *)o;
  if (w->result < 0 || l->owner == 0 || l->owner != w->who) return;
  unwait(m, o, w, b);
  w->wish = 0; /* the call has been passed on */
  pass(l, SK_ABANDONED, b);
}


void sk_lock_depart (Object *o, uint32_t slot, Bells *b) {
  Lock *l = (Lock *)o;
  if (l->owner != 0 && l->slot == slot) pass(l, SK_ABANDONED, b);
}


/* ---- owning it ---- */

void sk_lock_join (Lock *l, uint64_t who, Seat *w) {
  w->who = who;
  w->amount = 1; /* the depth that it will have */
  w->wish = 0;
  w->from = 0;
  sk_seat_join(w, &l->o, &l->line);
}


int sk_lock_acquire (Member *m, Lock *l, uint64_t who, Seat *w) {
  int result = 0;
  sk_object_enter(m, &l->o);
  if (l->owner == 0) {
    result = l->abandoned ? SK_ABANDONED : 0;
    l->slot = m->index;
    l->depth = 1;
    sk_step();
    l->owner = who;
    sk_step();
    l->abandoned = 0;
  }
  else if (l->owner == who) {
    if (l->reentrant)
      l->depth++;
    else
      result = -EDEADLK;
  }
  else {
    result = -EAGAIN;
    if (w != NULL) sk_lock_join(l, who, w);
  }
  sk_object_leave(m, &l->o);
  return result;
}


int sk_lock_poll (Member *m, Lock *l, uint64_t who, Seat *w) {
  sk_object_enter(m, &l->o);
  bool free = l->owner == 0 || (l->owner == who && l->reentrant);
  if (!free && w != NULL) {
    w->who = 0;
    sk_seat_join(w, &l->o, &l->watchers);
  }
  sk_object_leave(m, &l->o);
  return free ? 0 : -EAGAIN;
}


int sk_lock_release (Member *m, Lock *l, uint64_t who) {
  Bells bells;
  bells.count = 0;
  bells.more = false;
  int result = 0;
  sk_object_enter(m, &l->o);
  if (l->owner != who)
    result = -EPERM;
  else if (l->depth > 1)
    l->depth--;
  else
    pass(l, 0, &bells);
  sk_object_leavering(m, &l->o, &bells);
  return result;
}


void sk_lock_abandon (Member *m, Lock *l, uint64_t who) {
  Bells bells = {0};
  sk_object_enter(m, &l->o);
  if (l->owner == who) pass(l, SK_ABANDONED, &bells);
  sk_object_leavering(m, &l->o, &bells);
}


const Class sk_lock_class = {
    .name = "lock",
    .size = sizeof(Lock),
    .repair = sk_lock_repair,
    .keep = keep,
    .unwait = unwait,
    .giveback = sk_lock_giveback,
    .depart = sk_lock_depart,
};
