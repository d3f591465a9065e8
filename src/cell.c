/*
** cell.c - One shared value. See cell.h.
*/
#include "cell.h"
#include "clock.h"


int sk_cell_enter (Member *m, Cell *c, uint64_t who, Seat *w, bool *had) {
  int err = w == NULL ? sk_lock_try(m, &c->lock, who)
                      : sk_lock_acquire(m, &c->lock, who, w);
  *had = err == -EDEADLK;
  return err == -EAGAIN ? err : 0;
}


void sk_cell_leave (Member *m, Cell *c, uint64_t who, bool had) {
  if (!had) sk_lock_release(m, &c->lock, who);
}


/* What is written has to be there before 'changes' says so. */
static void publish (Cell *c) {
  sk_step();
  __atomic_store_n(&c->changes, c->changes + 1, __ATOMIC_RELEASE);
  sk_step();
}


/* Both contents are numbers. Others may be reading the one that is written:
   they see afterwards that 'changes' has changed. */
static void setnumber (Cell *c, const Content *new) {
  Content *to = &c->content[(c->changes + 1) & 1];
  __atomic_thread_fence(__ATOMIC_RELEASE);
  __atomic_store_n(&to->kind, new->kind, __ATOMIC_RELAXED);
  __atomic_store_n(&to->u.i, new->u.i, __ATOMIC_RELAXED);
  publish(c);
}


/* Under the guard. */
static void setitem (Member *m, Cell *c, const Content *new) {
  Content *old = &c->content[c->changes & 1];
  Content *to = &c->content[(c->changes + 1) & 1];
  if (to->kind == SK_CELL_ITEM)
    sk_item_free(m, &to->item); /* of one who died */
  __atomic_thread_fence(__ATOMIC_RELEASE);
  __atomic_store_n(&to->kind, new->kind, __ATOMIC_RELAXED);
  __atomic_store_n(&to->u.i, new->u.i, __ATOMIC_RELAXED);
  to->item = 0;
  if (new->kind == SK_CELL_ITEM) sk_arena_move(&to->item, &m->slot->out);
  publish(c);
  if (old->kind == SK_CELL_ITEM) sk_arena_move(&m->slot->in, &old->item);
}


void sk_cell_set (Member *m, Cell *c, const Content *new) {
  if (sk_likely(new->kind != SK_CELL_ITEM &&
                c->content[0].kind != SK_CELL_ITEM &&
                c->content[1].kind != SK_CELL_ITEM)) {
    setnumber(c, new);
    return;
  }
  sk_object_enter(m, &c->lock.o);
  setitem(m, c, new);
  sk_object_leave(m, &c->lock.o);
}


/* Copy what is valid, if it stays so meanwhile. (What block an item has, only
   who is under the guard may see.) */
static bool copy (const Cell *c, Content *to) {
  uint64_t changes = __atomic_load_n(&c->changes, __ATOMIC_ACQUIRE);
  const Content *from = &c->content[changes & 1];
  to->kind = __atomic_load_n(&from->kind, __ATOMIC_RELAXED);
  to->u.i = __atomic_load_n(&from->u.i, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return __atomic_load_n(&c->changes, __ATOMIC_RELAXED) == changes;
}


bool sk_cell_read (Member *m, Cell *c, Content *now) {
  for (;;) {
    while (!copy(c, now)) sk_clock_relax();
    if (sk_likely(now->kind != SK_CELL_ITEM)) return false;
    sk_object_enter(m, &c->lock.o);
    if (copy(c, now) && now->kind == SK_CELL_ITEM) {
      now->item = c->content[c->changes & 1].item;
      return true;
    }
    sk_object_leave(m, &c->lock.o); /* it has become a number */
  }
}


void sk_cell_tidy (Member *m) {
  if (m->slot->in != 0) sk_item_free(m, &m->slot->in);
}


static void repair (Object *o, Bells *b) {
  Cell *c = (Cell *)o;
  sk_lock_repair(o, b);
  Content *stale = &c->content[(c->changes + 1) & 1];
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
