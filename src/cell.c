/*
** cell.c - One shared value. See cell.h.
*/
#include "cell.h"
#include "clock.h"

#define which(word) ((word) >> SK_CELL_BITS & 1)


static void setword (Cell *c, uint64_t word) {
  sk_step();
  __atomic_store_n(&c->word, word, __ATOMIC_RELEASE);
  sk_step();
}


void sk_cell_shut (Cell *c) {
  uint64_t word = sk_cell_word(c);
  if (!(word & SK_CELL_HAS) || word & SK_CELL_SHUT) return;
  sk_step();
  __atomic_fetch_or(&c->word, SK_CELL_SHUT, __ATOMIC_ACQ_REL);
  sk_step();
}


/* Not if others stand in line: what would change it at once must not overtake
   them. The last of them opens it. */
void sk_cell_open (Cell *c, uint64_t who) {
  uint64_t word = sk_cell_word(c);
  if (!(word & SK_CELL_SHUT)) return;
  if (__atomic_load_n(&c->lock.owner, __ATOMIC_RELAXED) != who) return;
  setword(c, word & ~SK_CELL_SHUT);
}


int sk_cell_enter (Member *m, Cell *c, uint64_t who, Seat *w, bool *had) {
  int err = w == NULL ? sk_lock_try(m, &c->lock, who)
                      : sk_lock_acquire(m, &c->lock, who, w);
  *had = err == -EDEADLK;
  if (err == -EAGAIN) return err;
  sk_cell_shut(c);
  return 0;
}


void sk_cell_leave (Member *m, Cell *c, uint64_t who, bool had) {
  if (had) return;
  sk_cell_open(c, who);
  sk_lock_release(m, &c->lock, who);
}


/* Copy what is valid, if it stays so meanwhile. (Which message, only who is
   inside of the guard may see.) */
static bool copy (const Cell *c, Content *to) {
  uint64_t word = sk_cell_word(c);
  if (sk_cell_parse(word, to)) return true;
  to->kind = __atomic_load_n(&c->kind[which(word)], __ATOMIC_RELAXED);
  to->u.i = __atomic_load_n(&c->bits[which(word)], __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return __atomic_load_n(&c->word, __ATOMIC_RELAXED) == word;
}


Content sk_cell_content (const Cell *c) {
  Content now;
  while (!copy(c, &now)) sk_clock_relax(); /* never, if it is ours */
  return now;
}


/* ---- changes ---- */

/* Is the present content a message? */
static bool hasitem (const Cell *c) {
  uint64_t word = sk_cell_word(c);
  return !(word & SK_CELL_HAS) && c->kind[which(word)] == SK_CELL_ITEM;
}


/* The word for what does not fit into it, with which goes the content that is
   not valid. Others may be reading that: they see that the word has changed. */
static uint64_t writecontent (Member *m, Cell *c, const Content *new) {
  uint64_t word = sk_cell_word(c);
  uint64_t n = word & SK_CELL_HAS ? c->number : word >> SK_CELL_BITS;
  uint64_t to = ++n & 1;
  if (c->kind[to] == SK_CELL_ITEM)
    sk_item_free(m, &c->item[to]); /* of one who died */
  c->number = n;
  __atomic_thread_fence(__ATOMIC_RELEASE);
  __atomic_store_n(&c->kind[to], (uint16_t) new->kind, __ATOMIC_RELAXED);
  __atomic_store_n(&c->bits[to], new->u.i, __ATOMIC_RELAXED);
  if (new->kind == SK_CELL_ITEM) sk_arena_move(&c->item[to], &m->slot->out);
  return n << SK_CELL_BITS;
}


/* Under the guard, if any content is or was a message. */
static void set (Member *m, Cell *c, const Content *new) {
  Off *was = hasitem(c) ? &c->item[which(sk_cell_word(c))] : NULL;
  uint64_t word = sk_cell_format(new);
  /* what is there must be written before the word says so */
  setword(c, word != 0 ? word | SK_CELL_SHUT : writecontent(m, c, new));
  if (was != NULL) sk_arena_move(&m->slot->in, was);
}


void sk_cell_set (Member *m, Cell *c, const Content *new) {
  if (sk_likely(new->kind != SK_CELL_ITEM && c->kind[0] != SK_CELL_ITEM &&
                c->kind[1] != SK_CELL_ITEM)) {
    set(m, c, new);
    return;
  }
  sk_object_enter(m, &c->lock.o);
  set(m, c, new);
  sk_object_leave(m, &c->lock.o);
}


void sk_cell_tidy (Member *m) {
  if (m->slot->in != 0) sk_item_free(m, &m->slot->in);
}


bool sk_cell_read (Member *m, Cell *c, Content *now) {
  for (;;) {
    while (!copy(c, now)) sk_clock_relax();
    if (sk_likely(now->kind != SK_CELL_ITEM)) return false;
    sk_object_enter(m, &c->lock.o);
    if (copy(c, now) && now->kind == SK_CELL_ITEM) return true;
    sk_object_leave(m, &c->lock.o); /* it has become a number */
  }
}


/* ---- its class ---- */

static void repair (Object *o, Bells *b) {
  Cell *c = (Cell *)o;
  uint64_t word = sk_cell_word(c);
  sk_lock_repair(o, b);
  /* what a content that is not valid may own is freed with the cell, or when
     that content is written */
  for (uint64_t i = 0; i < 2; i++)
    if ((word & SK_CELL_HAS || i != which(word)) &&
        c->kind[i] == SK_CELL_ITEM && !sk_arena_owns(&c->item[i]))
      c->item[i] = 0;
}


static void fini (Member *m, Object *o) {
  Cell *c = (Cell *)o;
  for (int i = 0; i < 2; i++)
    if (c->kind[i] == SK_CELL_ITEM) sk_item_free(m, &c->item[i]);
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
