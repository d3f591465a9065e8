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


/* 'priority' is free to use in a message that nobody will queue again. */
#define frameof(i) ((i)->priority)

Item *sk_item_open (Member *m, const void *frame) {
  Off *open = &m->slot->open;
  int64_t here = (int64_t)(intptr_t)frame; /* the stack grows downwards */
  while (*open != 0 && frameof(sk_at(Item, *open)) <= here) sk_item_close(m);
  Item *i = sk_at(Item, m->slot->in);
  frameof(i) = here;
  i->next = 0;
  if (sk_unlikely(*open != 0)) sk_arena_move(&i->next, open);
  sk_arena_move(open, &m->slot->in);
  return i;
}


void sk_item_close (Member *m) {
  Off *open = &m->slot->open;
  Item *i = sk_at(Item, *open);
  if (sk_likely(i->next == 0)) {
    sk_item_free(m, open);
    return;
  }
  sk_item_free(m, &m->slot->waste); /* of one that died */
  sk_arena_move(&m->slot->waste, open);
  sk_arena_move(open, &i->next);
  sk_item_free(m, &m->slot->waste);
}


void sk_item_freeall (Member *m, Off *word) {
  while (sk_arena_owns(word)) {
    Off *at = word;
    while (sk_arena_owns(&sk_at(Item, *at)->next)) at = &sk_at(Item, *at)->next;
    sk_item_free(m, at);
  }
  *word = 0;
}
