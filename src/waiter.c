/*
** waiter.c - Those who wait for a shared object. See waiter.h.
*/
#include <string.h>

#include "waiter.h"

#define FIRST 16 /* waiters in the first stage of a slot's table */


static Waiter *numbered (const Slot *s, uint32_t n) {
  uint32_t place, stage = sk_slot_stage(n, FIRST, &place);
  return sk_at(Waiter, s->waiters[stage]) + place;
}


void sk_waiter_each (const Slot *s, void (*f) (void *, Waiter *), void *arg) {
  for (uint32_t i = 0; i < SK_STAGES && s->waiters[i] != 0; i++) {
    Waiter *w = sk_at(Waiter, s->waiters[i]);
    for (uint32_t n = FIRST << i; n > 0; n--, w++)
      if (w->object != 0) f(arg, w);
  }
}


static int makestage (Member *m, uint32_t stage) {
  size_t size = (FIRST << stage) * sizeof(Waiter);
  int err = sk_arena_take(&m->slot->fresh, size);
  if (err != 0) return err;
  memset(sk_at(char, m->slot->fresh), 0, size);
  sk_arena_move(&m->slot->waiters[stage], &m->slot->fresh);
  return 0;
}


/* Room to remember all waiters made so far and one more as free. */
static int makeroom (Member *m) {
  if (m->waiters.made < m->waiters.cap) return 0;
  uint32_t cap = m->waiters.cap == 0 ? FIRST : m->waiters.cap * 2;
  uint32_t *list = realloc(m->waiters.list, cap * sizeof *list);
  if (list == NULL) return -ENOMEM;
  m->waiters.list = list;
  m->waiters.cap = cap;
  return 0;
}


int sk_waiter_new (Member *m, Waiter **w) {
  if (m->waiters.count > 0) {
    *w = numbered(m->slot, m->waiters.list[--m->waiters.count]);
    return 0;
  }
  uint32_t place, stage = sk_slot_stage(m->waiters.made, FIRST, &place);
  if (stage >= SK_STAGES || makeroom(m) != 0) return -ENOMEM;
  if (m->slot->waiters[stage] == 0) {
    int err = makestage(m, stage);
    if (err != 0) return err;
  }
  *w = numbered(m->slot, m->waiters.made);
  (*w)->slot = m->index;
  (*w)->number = m->waiters.made++;
  return 0;
}


void sk_waiter_free (Member *m, Waiter *w) {
  sk_assert(w->state != SK_WAITING);
  w->object = 0;
  w->state = SK_IDLE;
  m->waiters.list[m->waiters.count++] = w->number;
}


void sk_waiter_join (Waiter *w, Object *o, Line *line) {
  w->object = sk_off(o);
  w->line = sk_off(line);
  w->next = 0;
  w->prev = line->last;
  w->result = 0;
  w->state = SK_WAITING;
  sk_step();
  *(line->last != 0 ? &sk_at(Waiter, line->last)->next : &line->first) =
      sk_off(w);
  sk_step();
  line->last = sk_off(w);
}


static void unlink (Waiter *w) {
  Line *line = sk_at(Line, w->line);
  *(w->prev != 0 ? &sk_at(Waiter, w->prev)->next : &line->first) = w->next;
  sk_step();
  *(w->next != 0 ? &sk_at(Waiter, w->next)->prev : &line->last) = w->prev;
}


void sk_waiter_leave (Waiter *w) {
  unlink(w);
  w->state = SK_IDLE;
}


static void deliver (Waiter *w, Bells *b) {
  Slot *s = sk_slot(w->slot);
  Off top = __atomic_load_n(&s->inbox, __ATOMIC_RELAXED);
  do {
    w->inbox = top;
  } while (!__atomic_compare_exchange_n(&s->inbox, &top, sk_off(w), true,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
  sk_step();
  sk_slot_alert(b, w->slot);
}


void sk_waiter_grant (Waiter *w, int result, Bells *b) {
  w->result = result;
  __atomic_store_n(&w->state, SK_GRANTED, __ATOMIC_RELEASE);
  sk_step();
  unlink(w);
  sk_step();
  deliver(w, b);
}


void sk_waiter_grantall (Line *line, int result, Bells *b) {
  for (Waiter *w; (w = sk_waiter_first(line)) != NULL;)
    sk_waiter_grant(w, result, b);
}


void sk_waiter_repair (Line *line, Bells *b) {
  Off prev = 0;
  for (Off i = line->first; i != 0; i = sk_at(Waiter, i)->next) {
    sk_at(Waiter, i)->prev = prev;
    prev = i;
  }
  line->last = prev;
  for (Waiter *w = sk_waiter_first(line), *next; w != NULL; w = next) {
    next = sk_waiter_next(w);
    if (w->state != SK_GRANTED) continue;
    unlink(w);
    deliver(w, b);
  }
}


bool sk_waiter_withdraw (Member *m, Waiter *w) {
  Object *o = sk_at(Object, w->object);
  Bells bells = {0};
  sk_object_enter(m, o);
  bool waits = w->state == SK_WAITING;
  if (waits) {
    sk_waiter_leave(w);
    const Class *c = sk_object_class(o->type);
    if (c->unwait != NULL) c->unwait(m, o, w, &bells);
  }
  sk_object_leavering(m, o, &bells);
  return waits;
}


typedef struct Collector {
  Member *m;
  void (*f) (void *arg, Waiter *w);
  void *arg;
} Collector;


static bool collect (const Collector *c) {
  Off i = __atomic_exchange_n(&c->m->slot->inbox, 0, __ATOMIC_SEQ_CST);
  Off oldest = 0;
  while (i != 0) { /* turn the stack around */
    Off next = sk_at(Waiter, i)->inbox;
    sk_at(Waiter, i)->inbox = oldest;
    oldest = i;
    i = next;
  }
  for (i = oldest; i != 0;) {
    Waiter *w = sk_at(Waiter, i);
    i = w->inbox;
    w->state = SK_TAKEN;
    c->f(c->arg, w);
  }
  return oldest != 0;
}


/* Behind the guard its granter is either done or known to be dead. */
static void find (void *arg, Waiter *w) {
  const Collector *c = arg;
  if (__atomic_load_n(&w->state, __ATOMIC_ACQUIRE) != SK_GRANTED) return;
  Object *o = sk_at(Object, w->object);
  sk_object_enter(c->m, o);
  sk_object_leave(c->m, o);
  collect(c);
  if (w->state != SK_GRANTED) return;
  w->state = SK_TAKEN;
  c->f(c->arg, w);
}


bool sk_waiter_collect (Member *m, bool all, void (*f) (void *, Waiter *),
                        void *arg) {
  Collector c = {m, f, arg};
  bool any = collect(&c);
  if (all) sk_waiter_each(m->slot, find, &c);
  return any;
}
