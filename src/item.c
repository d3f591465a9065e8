/*
** item.c - Messages in the arena. See item.h.
*/
#include <string.h>

#include "item.h"


int sk_item_new (Member *m, size_t size, const Off *refs, size_t nrefs) {
  Off *fresh = &m->slot->fresh;
  if (m->slot->out != 0) sk_item_free(m, &m->slot->out); /* a raise left it */
  size_t where = (offsetof(Item, bytes) + size + 7) / 8 * 8;
  int err = sk_arena_take(fresh, where + nrefs * sizeof(Off));
  if (err != 0) return err;
  Item *i = sk_at(Item, *fresh);
  i->cargo.nrefs = 0;
  i->cargo.where = where;
  i->next = 0;
  i->size = size;
  i->priority = 0;
  i->tag = 0;
  i->home = 0;
  i->holder = 0;
  i->step = 0;
  if (nrefs > 0) memcpy((char *)i + where, refs, nrefs * sizeof(Off));
  sk_arena_move(&m->slot->out, fresh); /* from here it is swept as a message */
  if (nrefs > 0) sk_object_load(&i->cargo, nrefs);
  return 0;
}


void sk_item_free (Member *m, Off *word) {
  if (sk_arena_owns(word)) sk_object_unload(m, &sk_at(Item, *word)->cargo);
  sk_arena_give(word);
  if (m->dead != 0) sk_object_bury(m);
}


void sk_item_unsent (Member *m, Off *word) {
  if (sk_arena_owns(word)) sk_object_reclaim(m, &sk_at(Item, *word)->cargo);
  sk_item_free(m, word);
}
