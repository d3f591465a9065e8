/*
** queue.c - Messages from many producers to many consumers. See queue.h.
*/
#include "queue.h"

#define item(off) sk_at(Item, (off))


/* Link 'b' behind those of the same priority. */
static void insert (Queue *q, Off b) {
  Off *at = q->last != 0 ? &item(q->last)->next : &q->items;
  if (q->ordered && q->last != 0 &&
      item(b)->priority < item(q->last)->priority) {
    at = &q->items;
    while (item(*at)->priority <= item(b)->priority) at = &item(*at)->next;
  }
  item(b)->next = *at;
  sk_step();
  *at = b; /* here it is put */
  sk_step();
  if (item(b)->next == 0) q->last = b;
  q->count++;
  q->bytes += item(b)->size;
}


/* Unlink the item that the link 'at' leads to; '*word' owns it. */
static void take (Queue *q, Off *at, Off *word) {
  Off b = *at;
  *word = b;
  sk_arena_own(b, word);
  *at = item(b)->next; /* here it is got */
  sk_step();
  if (*at == 0)
    q->last = at == &q->items ? 0 : sk_off(at) - offsetof(Item, next);
  q->count--;
  q->bytes -= item(b)->size;
}


static void takefirst (Queue *q, Off *word) {
  take(q, &q->items, word);
}


/* Give the item in '*from' to waiting getter 'w'. */
static void handover (Queue *q, Seat *w, Off *from, Bells *b) {
  sk_ledger_come(&q->ledger, *from, w->slot);
  sk_arena_move(&w->block, from);
  sk_seat_commit(w, 0);
  sk_ledger_came(&q->ledger);
  sk_seat_tell(w, b);
}


/* Now a get need not wait. */
static void announce (Queue *q, Bells *b) {
  if (q->watchers.first != 0) sk_seat_grantall(&q->watchers, 0, b);
  if (sk_unlikely(q->ears != 0)) b->ears = sk_at(Ear, q->ears);
}


/* Let in the putters that fit now. */
static void admit (Queue *q, Bells *b) {
  for (Seat *w; (w = sk_seat_first(&q->putters)) != NULL;) {
    Off i = w->block;
    if (!sk_queue_fits(q, item(i)->size)) break;
    sk_ledger_come(&q->ledger, i, 0);
    insert(q, i);
    sk_ledger_came(&q->ledger);
    sk_arena_own(i, &q->items);
    w->block = 0;
    sk_seat_grant(w, 0, b);
  }
}


/* Link the item in '*word'. */
static void append (Queue *q, Off *word) {
  Off i = *word;
  insert(q, i);
  sk_arena_own(i, &q->items);
  *word = 0;
  sk_step();
}


static void offer (Seat *w, Queue *q, Off *word) {
  w->wish = SK_PUT;
  w->object = sk_off(&q->o); /* the sweep finds what it owns from here on */
  sk_step();
  sk_arena_move(&w->block, word);
  sk_seat_join(w, &q->o, &q->putters);
}


/* The getter who is served next, or NULL. */
static Seat *nextgetter (const Queue *q) {
  Off w = q->recent ? q->getters.last : q->getters.first;
  return w != 0 ? sk_at(Seat, w) : NULL;
}


static int put (Member *m, Queue *q, Seat *w, Bells *b) {
  Off *out = &m->slot->out;
  Seat *getter = nextgetter(q);
  if (q->closed) return -EPIPE;
  if (getter == NULL &&
      (q->putters.first != 0 || !sk_queue_fits(q, item(*out)->size))) {
    if (w == NULL) return -EAGAIN;
    offer(w, q, out);
    announce(q, b);
    return -EAGAIN;
  }
  if (getter != NULL)
    handover(q, getter, out, b);
  else {
    sk_ledger_come(&q->ledger, *out, 0);
    append(q, out);
    sk_ledger_came(&q->ledger);
    announce(q, b);
  }
  return 0;
}


int sk_queue_put (Member *m, Queue *q, Seat *w) {
  Bells bells;
  bells.count = 0;
  bells.more = false;
  bells.ears = NULL;
  sk_object_enter(m, &q->o);
  int err = put(m, q, w, &bells);
  sk_object_leavering(m, &q->o, &bells);
  return err;
}


/* Nothing is in the queue, but somebody waits to put: take it from there. */
static void takefrom (Member *m, Queue *q, Seat *putter, Bells *b) {
  Off *word = &m->slot->in;
  sk_ledger_come(&q->ledger, putter->block, m->index);
  *word = putter->block;
  sk_arena_own(*word, word);
  sk_ledger_came(&q->ledger);
  putter->block = 0;
  sk_seat_grant(putter, 0, b);
}


/* A put may not have to wait now. */
static void alert (Queue *q, Bells *b) {
  if (q->lookouts.first != 0) sk_seat_grantall(&q->lookouts, 0, b);
}


static int get (Member *m, Queue *q, Seat *w, Bells *b) {
  Seat *putter = sk_seat_first(&q->putters);
  if (q->items != 0) {
    sk_ledger_go(&q->ledger, q->items, m->index);
    takefirst(q, &m->slot->in);
    sk_ledger_gone(&q->ledger);
    if (putter != NULL) admit(q, b);
    alert(q, b);
    return 0;
  }
  if (putter != NULL) {
    takefrom(m, q, putter, b);
    return 0;
  }
  if (q->closed) return -EPIPE;
  if (w == NULL) return -EAGAIN;
  w->wish = SK_GET;
  w->block = 0;
  sk_seat_join(w, &q->o, &q->getters);
  alert(q, b);
  return -EAGAIN;
}


int sk_queue_get (Member *m, Queue *q, Seat *w) {
  Bells bells;
  bells.count = 0;
  bells.more = false;
  bells.ears = NULL;
  if (m->slot->in != 0) sk_item_free(m, &m->slot->in); /* a raise left it */
  sk_object_enter(m, &q->o);
  int err = get(m, q, w, &bells);
  sk_object_leavering(m, &q->o, &bells);
  return err;
}


static void putfirst (Queue *q, Off *word, Bells *b) {
  Off i = *word;
  Seat *getter = nextgetter(q);
  if (getter != NULL) {
    handover(q, getter, word, b);
    return;
  }
  sk_ledger_come(&q->ledger, i, 0);
  item(i)->next = q->items;
  sk_step();
  q->items = i;
  sk_step();
  sk_arena_own(i, &q->items);
  sk_ledger_came(&q->ledger);
  *word = 0;
  if (q->last == 0) q->last = i;
  q->count++;
  q->bytes += item(i)->size;
  announce(q, b);
}


void sk_queue_return (Member *m, Queue *q, Off *word) {
  Bells bells = {0};
  sk_object_enter(m, &q->o);
  putfirst(q, word, &bells);
  sk_object_leavering(m, &q->o, &bells);
}


int sk_queue_remove (Member *m, Queue *q, uint64_t tag) {
  Bells bells = {0};
  int err = 0;
  sk_object_enter(m, &q->o);
  Off *at = &q->items;
  while (*at != 0 && item(*at)->tag != tag) at = &item(*at)->next;
  if (*at == 0)
    err = -ENOENT;
  else {
    take(q, at, &m->slot->in);
    admit(q, &bells);
    alert(q, &bells);
  }
  sk_object_leavering(m, &q->o, &bells);
  return err;
}


/* Nobody shall wait for what cannot come any more. */
static void shut (Queue *q, Bells *b) {
  sk_seat_grantall(&q->getters, -EPIPE, b);
  announce(q, b);
  sk_seat_grantall(&q->putters, -EPIPE, b);
  alert(q, b);
}


void sk_queue_close (Member *m, Queue *q) {
  Bells bells = {0};
  sk_object_enter(m, &q->o);
  q->closed = 1;
  sk_step();
  shut(q, &bells);
  sk_object_leavering(m, &q->o, &bells);
}


/* A home takes what comes, however full it is; or it is closed for good. */
void sk_queue_gohome (Member *m, Off *word) {
  if (!sk_arena_owns(word) || item(*word)->home == 0) return;
  Queue *q = sk_at(Queue, item(*word)->home);
  Bells bells = {0};
  sk_object_enter(m, &q->o);
  Seat *getter = nextgetter(q);
  if (!sk_arena_owns(word))
    ; /* who died here was bringing it, and it has come just now */
  else if (q->closed)
    ; /* nobody wants to know: it is freed */
  else if (getter != NULL)
    handover(q, getter, word, &bells);
  else {
    append(q, word);
    announce(q, &bells);
  }
  sk_object_leavering(m, &q->o, &bells);
}


void sk_queue_reopen (Member *m, Queue *q) {
  sk_object_enter(m, &q->o);
  q->closed = 0;
  sk_object_leave(m, &q->o);
}


/* 'w' was given an item and never took it: it is put anew, and not owed. */
static void takeback (Queue *q, Seat *w, Bells *b) {
  if (w->wish != SK_GET || !sk_arena_owns(&w->block)) return;
  putfirst(q, &w->block, b);
  sk_ledger_done(&q->ledger, w->slot);
}


void sk_queue_decline (Member *m, Queue *q, Seat *w) {
  Bells bells = {0};
  sk_object_enter(m, &q->o);
  takeback(q, w, &bells);
  sk_object_leavering(m, &q->o, &bells);
}


int sk_queue_done (Member *m, Queue *q) {
  Bells bells = {0};
  sk_object_enter(m, &q->o);
  int err = sk_ledger_done(&q->ledger, m->index);
  if (q->ledger.unfinished == 0) sk_seat_grantall(&q->joiners, 0, &bells);
  sk_object_leavering(m, &q->o, &bells);
  return err;
}


void sk_queue_expel (Member *m, Queue *q, Line *line) {
  Bells bells = {0};
  sk_object_enter(m, &q->o);
  for (Seat *w = sk_seat_first(line), *next; w != NULL; w = next) {
    next = sk_seat_next(w);
    if (w->slot != m->index) continue;
    sk_seat_grant(w, -EPIPE, &bells);
  }
  admit(q, &bells);
  alert(q, &bells);
  sk_object_leavering(m, &q->o, &bells);
}


/* The seat whose word 'block' is at 'owner', if it waits to put here. */
static Seat *putterof (const Queue *q, Off owner) {
  Seat *w = sk_at(Seat, owner - offsetof(Seat, block));
  for (Seat *p = sk_seat_first(&q->putters); p; p = sk_seat_next(p))
    if (p == w) return w;
  return NULL;
}


/*
** The getters: who has been given an item gets it, also if that was all that
** was done. If it is 'coming', it has come; so it is said before the getter
** leaves the line: whoever repairs may die as well, and is repaired after.
*/
static void repairgetters (Queue *q) {
  for (Seat *w = sk_seat_first(&q->getters); w; w = sk_seat_next(w)) {
    if (w->block == 0) continue;
    if (w->state == SK_WAITING && sk_arena_owns(&w->block))
      sk_seat_commit(w, 0);
    if (w->state == SK_WAITING)
      w->block = 0;
    else if (w->block == q->ledger.coming)
      sk_ledger_came(&q->ledger);
  }
}


/* The list is the truth. True: the item that was being got is in it. */
static bool repairitems (Queue *q, Bells *b) {
  bool stays = false;
  q->last = 0;
  q->count = q->bytes = 0;
  for (Off i = q->items; i != 0; i = item(i)->next) {
    Off owner = sk_arena_owner(i);
    if (owner != sk_off(&q->items)) {
      Seat *w = putterof(q, owner);
      sk_arena_own(i, &q->items);
      if (w != NULL) { /* its item was let in */
        w->block = 0;
        sk_seat_grant(w, 0, b);
      }
    }
    if (i == q->ledger.coming) sk_ledger_came(&q->ledger);
    stays = stays || i == q->ledger.going;
    q->last = i;
    q->count++;
    q->bytes += item(i)->size;
  }
  return stays;
}


/* The putters whose items were taken from them. */
static void repairputters (Queue *q, Bells *b) {
  for (Seat *w = sk_seat_first(&q->putters), *next; w; w = next) {
    next = sk_seat_next(w);
    if (sk_arena_owns(&w->block)) continue;
    if (w->block != 0 && w->block == q->ledger.coming)
      sk_ledger_came(&q->ledger);
    w->block = 0;
    sk_seat_grant(w, 0, b);
  }
}


static void repair (Object *o, Bells *b) {
  Queue *q = (Queue *)o;
  repairgetters(q);
  sk_seat_repair(&q->getters, b);
  sk_seat_repair(&q->putters, b);
  sk_seat_repair(&q->joiners, b);
  sk_seat_repair(&q->watchers, b);
  sk_seat_repair(&q->lookouts, b);
  bool stays = repairitems(q, b);
  repairputters(q, b);
  sk_ledger_repair(&q->ledger, stays);
  if (q->closed)
    shut(q, b);
  else
    admit(q, b);
  if (q->items != 0 || q->putters.first != 0) announce(q, b);
  alert(q, b); /* let them look for themselves */
  if (q->ledger.unfinished == 0) sk_seat_grantall(&q->joiners, 0, b);
}


/* A putter gave up, so that one behind it may fit. */
static void unwait (Member *m, Object *o, Seat *w, Bells *b) {
  Queue *q = (Queue *)o;
  (void)m;
  if (w->wish != SK_PUT) return;
  admit(q, b);
  alert(q, b);
}


/* An item was given to one that died before it took it. */
static void giveback (Member *m, Object *o, Seat *w, Bells *b) {
  (void)m;
  takeback((Queue *)o, w, b);
}


/* What it got and did not say to be done, nobody will. */
static void depart (Object *o, uint32_t slot, Bells *b) {
  Queue *q = (Queue *)o;
  sk_ledger_forgive(&q->ledger, slot);
  if (q->ledger.unfinished == 0) sk_seat_grantall(&q->joiners, 0, b);
}


/* Under the guard as any get: what is half taken is in the list again before
   the sweep frees what the dead one has. */
static void fini (Member *m, Object *o) {
  Queue *q = (Queue *)o;
  sk_ledger_fini(&q->ledger);
  while (q->items != 0) {
    sk_object_enter(m, o);
    if (q->items != 0) takefirst(q, &m->slot->waste);
    sk_object_leave(m, o);
    sk_item_free(m, &m->slot->waste);
  }
}


const Class sk_queue_class = {
    .name = "queue",
    .size = sizeof(Queue),
    .repair = repair,
    .unwait = unwait,
    .giveback = giveback,
    .depart = depart,
    .fini = fini,
};
