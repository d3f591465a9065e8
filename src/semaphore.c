/*
** semaphore.c - A number of permits. See semaphore.h.
*/
#include "semaphore.h"

enum { ACQUIRE, WATCH };


static void grant (Semaphore *s, Seat *w, Bells *b) {
  s->after = s->value - 1;
  sk_step();
  s->granting = sk_off(w);
  sk_step();
  s->value = s->after;
  sk_step();
  sk_seat_grant(w, 0, b);
  s->granting = 0;
}


/* Permits have come: to those in line first. */
static void serve (Semaphore *s, Bells *b) {
  for (Seat *w; s->value > 0 && (w = sk_seat_first(&s->line)) != NULL;)
    grant(s, w, b);
  if (s->value > 0 && s->watchers.first != 0)
    sk_seat_grantall(&s->watchers, 0, b);
}


int sk_semaphore_acquire (Member *m, Semaphore *s, Seat *w) {
  int result = 0;
  sk_object_enter(m, &s->o);
  if (s->value > 0)
    s->value--;
  else {
    result = -EAGAIN;
    if (w != NULL) {
      w->wish = ACQUIRE;
      sk_seat_join(w, &s->o, &s->line);
    }
  }
  sk_object_leave(m, &s->o);
  return result;
}


int sk_semaphore_poll (Member *m, Semaphore *s, Seat *w) {
  sk_object_enter(m, &s->o);
  int result = s->value > 0 ? 0 : -EAGAIN;
  if (result != 0 && w != NULL) {
    w->wish = WATCH;
    sk_seat_join(w, &s->o, &s->watchers);
  }
  sk_object_leave(m, &s->o);
  return result;
}


int sk_semaphore_release (Member *m, Semaphore *s, int64_t n) {
  Bells bells = {0};
  int result = 0;
  sk_object_enter(m, &s->o);
  if (n > s->max - s->value)
    result = -ERANGE;
  else {
    s->value += n;
    sk_step();
    serve(s, &bells);
  }
  sk_object_leavering(m, &s->o, &bells);
  return result;
}


/* Somebody died in 'grant' or 'giveback': do what is left of it. */
static void redo (Semaphore *s, Bells *b) {
  if (s->granting == 0 && s->returning == 0) return;
  s->value = s->after;
  if (s->granting != 0) {
    Seat *w = sk_at(Seat, s->granting);
    if (sk_seat_stands(&s->line, w)) sk_seat_grant(w, 0, b);
  }
  else
    sk_at(Seat, s->returning)->wish = WATCH;
  s->granting = s->returning = 0;
}


static void repair (Object *o, Bells *b) {
  Semaphore *s = (Semaphore *)o;
  sk_seat_repair(&s->line, b);
  sk_seat_repair(&s->watchers, b);
  redo(s, b);
  serve(s, b);
}


/* A permit was granted to one that died before it took it. */
static void giveback (Member *m, Object *o, Seat *w, Bells *b) {
  Semaphore *s = (Semaphore *)o;
  (void)m;
  if (w->wish != ACQUIRE) return;
  s->after = s->value + 1;
  sk_step();
  s->returning = sk_off(w);
  sk_step();
  s->value = s->after;
  sk_step();
  w->wish = WATCH; /* it has none any more */
  s->returning = 0;
  serve(s, b);
}


const Class sk_semaphore_class = {
    .name = "semaphore",
    .size = sizeof(Semaphore),
    .repair = repair,
    .giveback = giveback,
};
