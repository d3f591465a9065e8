/*
** condition.c - A room of a lock. See condition.h.
*/
#include "condition.h"


int sk_condition_init (Member *m, Condition *c, Lock *l) {
  Off ref = sk_off(l);
  int err = sk_item_new(m, 0, &ref, 1);
  if (err != 0) return err;
  sk_arena_move(&c->bond, &m->slot->out);
  c->lock = ref;
  sk_step();
  sk_lock_addroom(m, l, &c->room);
  return 0;
}


static Object *keeps (const Object *o) {
  const Condition *c = (const Condition *)o;
  return c->lock != 0 ? sk_at(Object, c->lock) : NULL;
}


static void fini (Member *m, Object *o) {
  Condition *c = (Condition *)o;
  if (c->lock != 0) sk_lock_removeroom(m, sk_condition_lock(c), &c->room);
  c->lock = 0;
  sk_step();
  sk_item_free(m, &c->bond);
}


const Class sk_condition_class = {
    .name = "condition",
    .size = sizeof(Condition),
    .keeps = keeps,
    .fini = fini,
};
