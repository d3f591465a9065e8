/*
** event.c - A flag that is waited for. See event.h.
*/
#include "event.h"


void sk_event_set (Member *m, Event *e) {
  Bells bells = {0};
  sk_object_enter(m, &e->o);
  e->isset = 1;
  sk_step();
  sk_seat_grantall(&e->line, 0, &bells);
  sk_object_leavering(m, &e->o, &bells);
}


void sk_event_clear (Member *m, Event *e) {
  sk_object_enter(m, &e->o);
  e->isset = 0;
  sk_object_leave(m, &e->o);
}


int sk_event_wait (Member *m, Event *e, Seat *w) {
  sk_object_enter(m, &e->o);
  int result = e->isset ? 0 : -EAGAIN;
  if (result != 0 && w != NULL) sk_seat_join(w, &e->o, &e->line);
  sk_object_leave(m, &e->o);
  return result;
}


static void repair (Object *o, Bells *b) {
  Event *e = (Event *)o;
  sk_seat_repair(&e->line, b);
  if (e->isset) sk_seat_grantall(&e->line, 0, b);
}


const Class sk_event_class = {
    .name = "event",
    .size = sizeof(Event),
    .repair = repair,
};
