/*
** parcel.c - What a process or thread is given and sends back. See parcel.h.
*/
#include "parcel.h"


void sk_parcel_put (Member *m, Parcel *p, Off *to) {
  sk_object_enter(m, &p->o);
  sk_arena_move(to, &m->slot->out);
  sk_object_leave(m, &p->o);
}


bool sk_parcel_take (Member *m, Parcel *p, Off *from) {
  sk_item_free(m, &m->slot->in); /* a raise may have left it */
  sk_object_enter(m, &p->o);
  bool there = sk_arena_owns(from);
  if (there) sk_arena_move(&m->slot->in, from);
  sk_object_leave(m, &p->o);
  return there;
}


void sk_parcel_finish (Member *m, Parcel *p, Bells *b) {
  sk_object_enter(m, &p->o);
  p->done = 1;
  sk_step();
  sk_seat_grantall(&p->line, 0, b);
  sk_object_leave(m, &p->o);
}


int sk_parcel_await (Member *m, Parcel *p, Seat *w) {
  sk_object_enter(m, &p->o);
  int err = p->done ? 0 : -EAGAIN;
  if (err != 0 && w != NULL) sk_seat_join(w, &p->o, &p->line);
  sk_object_leave(m, &p->o);
  return err;
}


static void repair (Object *o, Bells *b) {
  Parcel *p = (Parcel *)o;
  sk_seat_repair(&p->line, b);
  if (p->done) sk_seat_grantall(&p->line, 0, b);
}


static void fini (Member *m, Object *o) {
  Parcel *p = (Parcel *)o;
  sk_item_free(m, &p->setup);
  sk_item_free(m, &p->input);
  sk_item_free(m, &p->output);
}


const Class sk_parcel_class = {
    .name = "parcel",
    .size = sizeof(Parcel),
    .repair = repair,
    .fini = fini,
};
