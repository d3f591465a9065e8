/*
** queue_poll.c - Waiting until a get or a put need not wait, or all is done.
** See queue.h.
**
** At a queue of capacity 0 a put has to find a getter in line, and one who
** merely waits until a get need not wait is none: two of that kind, one at each
** side, would wait for each other. So the one who wants to get does stand in
** line where somebody wants to put; whatever is given to it there is its item.
*/
#include "queue.h"


int sk_queue_join (Member *m, Queue *q, Seat *w) {
  sk_object_enter(m, &q->o);
  int err = q->ledger.unfinished == 0 ? 0 : -EAGAIN;
  if (err != 0 && w != NULL) {
    w->wish = SK_JOIN;
    sk_seat_join(w, &q->o, &q->joiners);
  }
  sk_object_leave(m, &q->o);
  return err;
}


int sk_queue_poll (Member *m, Queue *q, Seat *w) {
  sk_object_enter(m, &q->o);
  int err = q->items != 0 || q->putters.first != 0 || q->closed ? 0 : -EAGAIN;
  if (err != 0 && w != NULL) {
    w->wish = SK_WATCH;
    sk_seat_join(w, &q->o, &q->watchers);
  }
  sk_object_leave(m, &q->o);
  return err;
}


int sk_queue_pollget (Member *m, Queue *q, Seat *w) {
  Bells bells = {0};
  if (q->capacity > 0) return sk_queue_poll(m, q, w);
  sk_object_enter(m, &q->o);
  int err = q->putters.first != 0 || q->closed ? 0 : -EAGAIN;
  bool meets = q->lookouts.first != 0;
  w->wish = meets ? SK_GET : SK_WATCH;
  w->block = 0;
  if (err != 0) sk_seat_join(w, &q->o, meets ? &q->getters : &q->watchers);
  if (err != 0 && meets) sk_seat_grantall(&q->lookouts, 0, &bells);
  sk_object_leavering(m, &q->o, &bells);
  return err;
}


int sk_queue_pollput (Member *m, Queue *q, uint64_t size, Seat *w) {
  Bells bells = {0};
  sk_object_enter(m, &q->o);
  bool can = q->closed || q->getters.first != 0 ||
             (q->putters.first == 0 && sk_queue_fits(q, size));
  if (!can && w != NULL) {
    w->wish = SK_WATCH;
    sk_seat_join(w, &q->o, &q->lookouts);
    if (q->capacity == 0) sk_seat_grantall(&q->watchers, 0, &bells);
  }
  sk_object_leavering(m, &q->o, &bells);
  return can ? 0 : -EAGAIN;
}
