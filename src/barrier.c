/*
** barrier.c - Where so many tasks meet. See barrier.h.
*/
#include "barrier.h"


/* Let those in line go, each with a number of its own: the first with 1. */
static void letgo (Barrier *r, Bells *b) {
  for (Seat *w; (w = sk_seat_first(&r->line)) != NULL; r->count--)
    sk_seat_grant(w, r->parties - r->count, b);
  r->going = 0;
}


static void breakup (Barrier *r, Bells *b) {
  r->broken = 1;
  sk_step();
  sk_seat_grantall(&r->line, SK_BROKEN, b);
  r->count = 0;
}


static int arrive (Barrier *r, Seat *w, Bells *b) {
  if (r->broken) return SK_BROKEN;
  if (r->count + 1 == r->parties) {
    r->going = 1; /* from here all have met */
    sk_step();
    letgo(r, b);
    return r->parties;
  }
  if (w != NULL) {
    sk_seat_join(w, &r->o, &r->line);
    r->count++;
  }
  return -EAGAIN;
}


int sk_barrier_wait (Member *m, Barrier *r, Seat *w) {
  Bells bells = {0};
  sk_object_enter(m, &r->o);
  int result = arrive(r, w, &bells);
  sk_object_leavering(m, &r->o, &bells);
  return result;
}


void sk_barrier_abort (Member *m, Barrier *r) {
  Bells bells = {0};
  sk_object_enter(m, &r->o);
  breakup(r, &bells);
  sk_object_leavering(m, &r->o, &bells);
}


void sk_barrier_reset (Member *m, Barrier *r) {
  Bells bells = {0};
  sk_object_enter(m, &r->o);
  if (r->line.first != 0) breakup(r, &bells);
  r->broken = 0;
  sk_object_leavering(m, &r->o, &bells);
}


static void repair (Object *o, Bells *b) {
  Barrier *r = (Barrier *)o;
  sk_seat_repair(&r->line, b);
  r->count = 0;
  for (Seat *w = sk_seat_first(&r->line); w != NULL; w = sk_seat_next(w))
    r->count++;
  if (r->going)
    letgo(r, b);
  else if (r->broken)
    breakup(r, b);
}


/* One gave up or died, and that breaks it; or was cancelled, as if it had
   never come. */
static void unwait (Member *m, Object *o, Seat *w, Bells *b) {
  Barrier *r = (Barrier *)o;
  (void)m;
  r->count--;
  if (w->result == -ETIMEDOUT || w->result == -EOWNERDEAD) breakup(r, b);
}


const Class sk_barrier_class = {
    .name = "barrier",
    .size = sizeof(Barrier),
    .repair = repair,
    .unwait = unwait,
};
