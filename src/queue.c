/*
** queue.c - Messages from many producers to many consumers. See queue.h.
*/
#include "queue.h"

enum { GET, PUT, JOIN, WATCH };

#define item(off) sk_at(Item, (off))


static bool fits (const Queue *q, uint64_t size) {
  return q->count < q->capacity &&
         (q->bytes + size <= q->most || (q->count == 0 && !q->strict));
}


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


/* Item 'b' is about to be put, here or into the hands of a getter. */
static void begin (Queue *q, Off b) {
  q->was = q->unfinished;
  sk_step();
  q->coming = b;
  sk_step();
}


/* It has been put, and nobody else can have it yet. */
static void end (Queue *q) {
  q->unfinished = q->was + 1;
  sk_step();
  q->coming = 0;
  sk_step();
}


/* Give the item in '*from' to waiting getter 'w'. */
static void handover (Seat *w, Off *from, Bells *b) {
  sk_arena_move(&w->block, from);
  sk_seat_grant(w, 0, b);
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
    if (!fits(q, item(i)->size)) break;
    begin(q, i);
    insert(q, i);
    end(q);
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
  w->wish = PUT;
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
  if (getter == NULL && (q->putters.first != 0 || !fits(q, item(*out)->size))) {
    if (w == NULL) return -EAGAIN;
    offer(w, q, out);
    announce(q, b);
    return -EAGAIN;
  }
  begin(q, *out);
  if (getter != NULL) {
    sk_arena_move(&getter->block, out);
    sk_seat_commit(getter, 0);
    end(q);
    sk_seat_tell(getter, b);
  }
  else {
    append(q, out);
    end(q);
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
static void takefrom (Queue *q, Seat *putter, Off *word, Bells *b) {
  begin(q, putter->block);
  *word = putter->block;
  sk_arena_own(*word, word);
  end(q);
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
    takefirst(q, &m->slot->in);
    if (putter != NULL) admit(q, b);
    alert(q, b);
    return 0;
  }
  if (putter != NULL) {
    takefrom(q, putter, &m->slot->in, b);
    return 0;
  }
  if (q->closed) return -EPIPE;
  if (w == NULL) return -EAGAIN;
  w->wish = GET;
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
    handover(getter, word, b);
    return;
  }
  item(i)->next = q->items;
  sk_step();
  q->items = i;
  sk_step();
  sk_arena_own(i, &q->items);
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
  if (q->closed)
    ; /* nobody wants to know: it is freed */
  else if (getter != NULL)
    handover(getter, word, &bells);
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


int sk_queue_done (Member *m, Queue *q) {
  Bells bells = {0};
  int err = 0;
  sk_object_enter(m, &q->o);
  if (q->unfinished == 0)
    err = -EINVAL;
  else if (--q->unfinished == 0)
    sk_seat_grantall(&q->joiners, 0, &bells);
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


int sk_queue_join (Member *m, Queue *q, Seat *w) {
  sk_object_enter(m, &q->o);
  int err = q->unfinished == 0 ? 0 : -EAGAIN;
  if (err != 0 && w != NULL) {
    w->wish = JOIN;
    sk_seat_join(w, &q->o, &q->joiners);
  }
  sk_object_leave(m, &q->o);
  return err;
}


int sk_queue_poll (Member *m, Queue *q, Seat *w) {
  sk_object_enter(m, &q->o);
  int err = q->items != 0 || q->putters.first != 0 || q->closed ? 0 : -EAGAIN;
  if (err != 0 && w != NULL) {
    w->wish = WATCH;
    sk_seat_join(w, &q->o, &q->watchers);
  }
  sk_object_leave(m, &q->o);
  return err;
}


int sk_queue_pollput (Member *m, Queue *q, uint64_t size, Seat *w) {
  sk_object_enter(m, &q->o);
  bool can = q->closed || q->getters.first != 0 ||
             (q->putters.first == 0 && fits(q, size));
  if (!can && w != NULL) {
    w->wish = WATCH;
    sk_seat_join(w, &q->o, &q->lookouts);
  }
  sk_object_leave(m, &q->o);
  return can ? 0 : -EAGAIN;
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
** was done. True: 'coming' was given to one of them.
*/
static bool repairgetters (Queue *q) {
  bool came = false;
  for (Seat *w = sk_seat_first(&q->getters); w; w = sk_seat_next(w)) {
    if (w->block == 0) continue;
    if (w->state == SK_WAITING && sk_arena_owns(&w->block))
      sk_seat_commit(w, 0);
    if (w->state == SK_WAITING)
      w->block = 0;
    else
      came = came || w->block == q->coming;
  }
  return came;
}


/* The list is the truth. True: 'coming' is in it. */
static bool repairitems (Queue *q, Bells *b) {
  bool came = false;
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
    came = came || i == q->coming;
    q->last = i;
    q->count++;
    q->bytes += item(i)->size;
  }
  return came;
}


/* The putters whose items were taken from them. True: 'coming' was. */
static bool repairputters (Queue *q, Bells *b) {
  bool came = false;
  for (Seat *w = sk_seat_first(&q->putters), *next; w; w = next) {
    next = sk_seat_next(w);
    if (sk_arena_owns(&w->block)) continue;
    came = came || w->block == q->coming;
    w->block = 0;
    sk_seat_grant(w, 0, b);
  }
  return came;
}


static void repair (Object *o, Bells *b) {
  Queue *q = (Queue *)o;
  bool came = repairgetters(q);
  sk_seat_repair(&q->getters, b);
  sk_seat_repair(&q->putters, b);
  sk_seat_repair(&q->joiners, b);
  sk_seat_repair(&q->watchers, b);
  sk_seat_repair(&q->lookouts, b);
  came = repairitems(q, b) || came;
  came = repairputters(q, b) || came;
  if (q->coming != 0) q->unfinished = q->was + came;
  q->coming = 0;
  if (q->closed)
    shut(q, b);
  else
    admit(q, b);
  if (q->items != 0 || q->putters.first != 0) announce(q, b);
  alert(q, b); /* let them look for themselves */
  if (q->unfinished == 0) sk_seat_grantall(&q->joiners, 0, b);
}


/* A putter gave up, so that one behind it may fit. */
static void unwait (Member *m, Object *o, Seat *w, Bells *b) {
  Queue *q = (Queue *)o;
  (void)m;
  if (w->wish != PUT) return;
  admit(q, b);
  alert(q, b);
}


/* An item was given to one that died before it took it. */
static void giveback (Member *m, Object *o, Seat *w, Bells *b) {
  Queue *q = (Queue *)o;
  (void)m;
  if (w->wish == GET && sk_arena_owns(&w->block)) putfirst(q, &w->block, b);
}


/* Under the guard as any get: what is half taken is in the list again before
   the sweep frees what the dead one has. */
static void fini (Member *m, Object *o) {
  Queue *q = (Queue *)o;
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
    .fini = fini,
};
