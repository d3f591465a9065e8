/*
** seat.c - Those who wait for a shared object. See seat.h.
*/
#include <string.h>

#include "seat.h"

#define FIRST 16u /* seats in the first stage of a slot's table */


static Seat *numbered (const Slot *s, uint32_t n) {
  uint32_t place, stage = sk_slot_stage(n, FIRST, &place);
  return sk_at(Seat, s->seats[stage]) + place;
}


void sk_seat_each (const Slot *s, void (*f)(void *, Seat *), void *arg) {
  for (uint32_t i = 0; i < SK_STAGES && s->seats[i] != 0; i++) {
    Seat *w = sk_at(Seat, s->seats[i]);
    for (uint32_t n = FIRST << i; n > 0; n--, w++)
      if (w->object != 0) f(arg, w);
  }
}


static int makestage (Member *m, uint32_t stage) {
  size_t size = (FIRST << stage) * sizeof(Seat);
  int err = sk_arena_take(&m->slot->fresh, size);
  if (err != 0) return err;
  memset(sk_at(char, m->slot->fresh), 0, size);
  sk_arena_move(&m->slot->seats[stage], &m->slot->fresh);
  return 0;
}


/* Room to remember all seats made so far and one more as free. */
static int makeroom (Member *m) {
  if (m->seats.made < m->seats.cap) return 0;
  uint32_t cap = m->seats.cap == 0 ? FIRST : m->seats.cap * 2;
  uint32_t *list = realloc(m->seats.list, cap * sizeof *list);
  if (list == NULL) return -ENOMEM;
  m->seats.list = list;
  m->seats.cap = cap;
  return 0;
}


int sk_seat_new (Member *m, Seat **w) {
  if (m->seats.count > 0) {
    *w = numbered(m->slot, m->seats.list[--m->seats.count]);
    return 0;
  }
  uint32_t place, stage = sk_slot_stage(m->seats.made, FIRST, &place);
  if (stage >= SK_STAGES || makeroom(m) != 0) return -ENOMEM;
  if (m->slot->seats[stage] == 0) {
    int err = makestage(m, stage);
    if (err != 0) return err;
  }
  *w = numbered(m->slot, m->seats.made);
  (*w)->slot = m->index;
  (*w)->number = m->seats.made++;
  return 0;
}


void sk_seat_free (Member *m, Seat *w) {
  sk_assert(w->state != SK_WAITING);
  w->object = 0;
  w->state = SK_ALONE;
  m->seats.list[m->seats.count++] = w->number;
}


void sk_seat_join (Seat *w, Object *o, Line *line) {
  w->object = sk_off(o);
  w->line = sk_off(line);
  w->next = 0;
  w->prev = line->last;
  w->result = 0;
  w->state = SK_WAITING;
  sk_step();
  *(line->last != 0 ? &sk_at(Seat, line->last)->next : &line->first) =
      sk_off(w);
  sk_step();
  line->last = sk_off(w);
}


static void unlink (Seat *w) {
  Line *line = sk_at(Line, w->line);
  Off *at = w->prev != 0 ? &sk_at(Seat, w->prev)->next : &line->first;
  if (*at != sk_off(w)) return; /* it died before it was linked */
  *at = w->next;
  sk_step();
  *(w->next != 0 ? &sk_at(Seat, w->next)->prev : &line->last) = w->prev;
}


void sk_seat_leave (Seat *w) {
  unlink(w);
  w->state = SK_ALONE;
}


static void deliver (Seat *w, Bells *b) {
  Slot *s = sk_slot(w->slot);
  Off top = __atomic_load_n(&s->inbox, __ATOMIC_RELAXED);
  do {
    w->inbox = top;
  } while (!__atomic_compare_exchange_n(&s->inbox, &top, sk_off(w), true,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
  sk_step();
  sk_slot_alert(b, w->slot);
}


void sk_seat_commit (Seat *w, int result) {
  w->result = result;
  __atomic_store_n(&w->state, SK_GRANTED, __ATOMIC_RELEASE);
  sk_step();
}


void sk_seat_tell (Seat *w, Bells *b) {
  unlink(w);
  sk_step();
  deliver(w, b);
}


void sk_seat_grant (Seat *w, int result, Bells *b) {
  sk_seat_commit(w, result);
  sk_seat_tell(w, b);
}


void sk_seat_grantall (Line *line, int result, Bells *b) {
  for (Seat *w; (w = sk_seat_first(line)) != NULL;) sk_seat_grant(w, result, b);
}


void sk_seat_repair (Line *line, Bells *b) {
  Off prev = 0;
  for (Off i = line->first; i != 0; i = sk_at(Seat, i)->next) {
    sk_at(Seat, i)->prev = prev;
    prev = i;
  }
  line->last = prev;
  for (Seat *w = sk_seat_first(line), *next; w != NULL; w = next) {
    next = sk_seat_next(w);
    if (w->state != SK_GRANTED) continue;
    unlink(w);
    deliver(w, b);
  }
}


bool sk_seat_stands (const Line *line, const Seat *w) {
  const Seat *i = sk_seat_first(line);
  while (i != NULL && i != w) i = sk_seat_next(i);
  return i != NULL;
}


bool sk_seat_withdraw (Member *m, Seat *w, int why) {
  Object *o = sk_at(Object, w->object);
  const Class *c = sk_object_class(o->type);
  Bells bells = {0};
  sk_object_enter(m, o);
  bool goes = w->state == SK_WAITING;
  if (goes && c->keep != NULL) goes = !c->keep(o, w, why, &bells);
  if (goes) {
    w->result = why;
    sk_seat_leave(w);
    if (c->unwait != NULL) c->unwait(m, o, w, &bells);
  }
  sk_object_leavering(m, o, &bells);
  return goes;
}


void sk_seat_forsake (Member *m, Seat *w) {
  Object *o = sk_at(Object, w->object);
  const Class *c = sk_object_class(o->type);
  Bells bells = {0};
  sk_object_enter(m, o);
  if (w->state == SK_WAITING) {
    w->result = -EOWNERDEAD;
    /* it may have died on its way into the line, or out of it */
    if (sk_seat_stands(sk_at(Line, w->line), w)) unlink(w);
    w->state = SK_ALONE;
    if (c->unwait != NULL) c->unwait(m, o, w, &bells);
  }
  else if (w->state != SK_ALONE && c->giveback != NULL)
    c->giveback(m, o, w, &bells);
  sk_object_leavering(m, o, &bells);
}


typedef struct Collector {
  Member *m;
  void (*f)(void *arg, Seat *w);
  void *arg;
} Collector;


static bool collect (const Collector *c) {
  Off i = __atomic_exchange_n(&c->m->slot->inbox, 0, __ATOMIC_SEQ_CST);
  Off oldest = 0;
  while (i != 0) { /* turn the stack around */
    Off next = sk_at(Seat, i)->inbox;
    sk_at(Seat, i)->inbox = oldest;
    sk_at(Seat, i)->state = SK_TAKEN; /* all: 'f' may collect again */
    oldest = i;
    i = next;
  }
  for (i = oldest; i != 0;) {
    Seat *w = sk_at(Seat, i);
    i = w->inbox;
    c->f(c->arg, w);
  }
  return oldest != 0;
}


/* Behind the guard its granter is either done or known to be dead. */
static void find (void *arg, Seat *w) {
  const Collector *c = arg;
  if (sk_seat_state(w) != SK_GRANTED) return;
  Object *o = sk_at(Object, w->object);
  sk_object_enter(c->m, o);
  sk_object_leave(c->m, o);
  collect(c);
  if (w->state != SK_GRANTED) return;
  w->state = SK_TAKEN;
  c->f(c->arg, w);
}


bool sk_seat_collect (Member *m, bool all, void (*f)(void *, Seat *),
                      void *arg) {
  Collector c = {m, f, arg};
  bool any = collect(&c);
  if (all) sk_seat_each(m->slot, find, &c);
  return any;
}
