/*
** cell.c - One shared value. See cell.h.
*/
#include "cell.h"


int sk_cell_enter (Member *m, Cell *c, uint64_t who, Seat *w) {
  sk_object_enter(m, &c->lock.o);
  uint64_t owner = sk_lock_owner(&c->lock);
  if (sk_likely(owner == 0 || owner == who)) return 0;
  if (w != NULL && !sk_lock_await(&c->lock, who, w)) return 0;
  sk_object_leave(m, &c->lock.o);
  return -EAGAIN;
}


void sk_cell_leave (Member *m, Cell *c) {
  sk_object_leave(m, &c->lock.o);
}


void sk_cell_set (Member *m, Cell *c, const Content *new) {
  Content *old = &c->content[c->which];
  Content *to = &c->content[1 - c->which];
  if (to->kind == SK_CELL_ITEM) sk_arena_give(&to->item); /* of one who died */
  to->kind = new->kind;
  to->u = new->u;
  to->item = 0;
  if (new->kind == SK_CELL_ITEM) sk_arena_move(&to->item, &m->slot->out);
  sk_step();
  c->which = 1 - c->which; /* here it has changed */
  sk_step();
  if (old->kind == SK_CELL_ITEM) sk_arena_move(&m->slot->in, &old->item);
}


void sk_cell_tidy (Member *m) {
  if (m->slot->in != 0) sk_item_free(m, &m->slot->in);
}


static void repair (Object *o, Bells *b) {
  Cell *c = (Cell *)o;
  sk_lock_repair(o, b);
  Content *stale = &c->content[1 - c->which];
  /* what it may own is freed with the cell, or by the next change */
  if (stale->kind == SK_CELL_ITEM && !sk_arena_owns(&stale->item))
    stale->item = 0;
}


static void fini (Member *m, Object *o) {
  Cell *c = (Cell *)o;
  for (int i = 0; i < 2; i++)
    if (c->content[i].kind == SK_CELL_ITEM)
      sk_item_free(m, &c->content[i].item);
}


const Class sk_cell_class = {
    .name = "value",
    .size = sizeof(Cell),
    .repair = repair,
    .giveback = sk_lock_giveback,
    .depart = sk_lock_depart,
    .abandon = sk_lock_abandon,
    .fini = fini,
};
