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
    return;
  }
  l->slot = w->slot;
  l->depth = 1;
  l->passing = result;
  sk_step();
  l->owner = w->who; /* from here it is theirs */
  sk_step();
  sk_seat_grant(w, result, b);
}


/* Somebody died between naming the next owner and telling it. */
void sk_lock_repair (Object *o, Bells *b) {
  Lock *l = (Lock *)o;
  sk_seat_repair(&l->line, b);
  Seat *w = sk_seat_first(&l->line);
  if (w == NULL) return;
  if (l->owner == w->who)
    sk_seat_grant(w, l->passing, b);
  else if (l->owner == 0)
    pass(l, l->abandoned ? SK_ABANDONED : 0, b);
}


void sk_lock_giveback (Member *m, Object *o, Seat *w, Bells *b) {
  Lock *l = (Lock *)o;
  (void)m;
  if (w->result >= 0 && l->owner == w->who) pass(l, SK_ABANDONED, b);
}


void sk_lock_depart (Object *o, uint32_t slot, Bells *b) {
  Lock *l = (Lock *)o;
  if (l->owner != 0 && l->slot == slot) pass(l, SK_ABANDONED, b);
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
    if (w != NULL) {
      w->who = who;
      sk_seat_join(w, &l->o, &l->line);
    }
  }
  sk_object_leave(m, &l->o);
  return result;
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
    .giveback = sk_lock_giveback,
    .depart = sk_lock_depart,
};
