/*
** item.c - Messages in the arena. See item.h.
*/
#include <string.h>

#include "item.h"
#include "stock.h"


int sk_item_new (Member *m, size_t size, const Off *refs, size_t nrefs) {
  Off *fresh = &m->slot->fresh;
  if (m->slot->out != 0) sk_item_free(m, &m->slot->out); /* a raise left it */
  size_t where = (offsetof(Item, bytes) + size + 7) / 8 * 8;
  int err = sk_stock_take(m, fresh, where + nrefs * sizeof(Off));
  if (err != 0) return err;
  Item *i = sk_at(Item, *fresh);
  i->cargo.nrefs = 0;
  i->cargo.lent = 0;
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
  if (nrefs > 0) sk_object_load(&i->cargo, (uint32_t)nrefs);
  return 0;
}


/* ---- loans ---- */

static Root *enterloans (void) {
  Root *f = sk_root();
  /* each change is one store, that of who owns the message */
  if (sk_unlikely(sk_guard_enter(&f->loanguard)))
    sk_guard_repaired(&f->loanguard);
  return f;
}


static Off read (const Off *loan) {
  return __atomic_load_n(loan, __ATOMIC_RELAXED);
}


static void write (Off *loan, Off item) {
  __atomic_store_n(loan, item, __ATOMIC_RELAXED);
  sk_step();
}


static size_t countloans (const Slot *s) {
  return s->loans != 0 ? sk_arena_room(s->loans) / sizeof(Off) : 0;
}


/* A loan of 'item' in slot 's' other than 'but', or NULL. */
static Off *loanof (Slot *s, Off item, const Off *but) {
  if (read(&s->loan) == item && &s->loan != but) return &s->loan;
  size_t n = countloans(s);
  for (Off *loan = sk_at(Off, s->loans); n > 0; n--, loan++)
    if (read(loan) == item && loan != but) return loan;
  return NULL;
}


/* Make somebody who reads the message in '*word' its owner. False: nobody does,
   nor will, for it is in no object any more. */
static bool passon (Off *word) {
  Off *loan = NULL;
  Root *f = enterloans();
  for (uint32_t i = 1; i < sk_slot_reached() && loan == NULL; i++)
    if (sk_slot_state(&f->slot[i]) != SK_SLOT_FREE)
      loan = loanof(&f->slot[i], *word, word);
  if (loan != NULL) {
    sk_arena_own(*word, loan);
    *word = 0;
  }
  sk_guard_leave(&f->loanguard);
  return loan != NULL;
}


void sk_item_free (Member *m, Off *word) {
  if (sk_arena_owns(word)) {
    Cargo *c = &sk_at(Item, *word)->cargo;
    if (sk_unlikely(c->lent) && passon(word)) return;
    sk_object_unload(m, c);
  }
  sk_stock_give(m, word);
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


void sk_item_borrow (Off *loan, Off item) {
  __atomic_store_n(&sk_at(Item, item)->cargo.lent, 1, __ATOMIC_RELAXED);
  sk_step();
  write(loan, item);
}


static void giveback (Member *m, Off *loan) {
  if (*loan == 0) return;
  Root *f = enterloans();
  bool mine = sk_arena_owns(loan);
  if (!mine) write(loan, 0);
  sk_guard_leave(&f->loanguard);
  if (mine) sk_item_free(m, loan);
}


/* Under the loanguard others look at the list. */
static void setlist (Off *to, Off *from) {
  Root *f = enterloans();
  sk_arena_move(to, from);
  sk_guard_leave(&f->loanguard);
}


void sk_item_returnall (Member *m, Slot *s) {
  giveback(m, &s->loan);
  if (s->loans == 0) return;
  Off *loan = sk_at(Off, s->loans);
  for (size_t n = countloans(s); n > 0; n--) giveback(m, loan++);
  sk_arena_give(&m->slot->fresh);
  setlist(&m->slot->fresh, &s->loans);
  sk_arena_give(&m->slot->fresh);
}


Off *sk_item_loans (Member *m, size_t n) {
  Off *fresh = &m->slot->fresh;
  sk_item_return(m, m->slot);
  if (sk_arena_take(fresh, n * sizeof(Off)) != 0) return NULL;
  sk_arena_clear(*fresh, sk_arena_room(*fresh));
  setlist(&m->slot->loans, fresh);
  return sk_at(Off, m->slot->loans);
}
