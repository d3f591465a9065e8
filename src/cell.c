/*
** cell.c - One shared value. See cell.h.
*/
#include "cell.h"


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
