/*
** stock.c - Small blocks kept at hand. See stock.h.
*/
#include <string.h>

#include "stock.h"

#define BATCH 16 /* blocks that come or go together, at most */


/* Have some, twice as many each time: who sends one message needs no more. */
static void refill (Member *m, uint32_t c) {
  Slot *s = m->slot;
  uint8_t n = m->batch[c];
  m->batch[c] = n == 0 ? 1 : n < BATCH ? (uint8_t)(2 * n) : BATCH;
  if (n > 0)
    m->stocked[c] = (uint8_t)sk_arena_stock(&s->stock[c], &s->via, c, n);
}


int sk_stock_take (Member *m, Off *word, size_t size) {
  uint32_t c = sk_arena_class(size);
  if (c >= SK_STOCKS || m->direct) return sk_arena_take(word, size);
  if (m->stocked[c] == 0) refill(m, c);
  if (m->stocked[c] == 0) return sk_arena_take(word, size);
  sk_arena_pop(word, &m->slot->stock[c]);
  m->stocked[c]--;
  return 0;
}


/* Is it one of the words of the slot itself? */
static bool isown (const Slot *s, const Off *word) {
  return (uintptr_t)word - (uintptr_t)s < sizeof *s;
}


/*
** A block goes from a word of the slot itself, so that whoever sweeps that has
** both, the chain and the word. From anywhere else (a slot that we sweep, an
** object) it could be given a second time, by one who looks there first.
*/
void sk_stock_give (Member *m, Off *word) {
  Slot *s = m->slot;
  uint32_t c = sk_arena_owns(word) ? sk_arena_classof(*word) : SK_STOCKS;
  if (c >= SK_STOCKS || m->direct) {
    sk_arena_give(word);
    return;
  }
  if (!isown(s, word)) {
    sk_arena_move(&s->via, word);
    word = &s->via;
  }
  sk_arena_push(&s->stock[c], word);
  if (++m->stocked[c] < 2 * BATCH) return;
  sk_arena_unstock(&s->stock[c], &s->via, BATCH);
  m->stocked[c] -= BATCH;
}


void sk_stock_clear (Slot *s) {
  for (uint32_t c = 0; c < SK_STOCKS; c++) sk_arena_mendchain(&s->stock[c]);
  sk_arena_give(&s->via);
  for (uint32_t c = 0; c < SK_STOCKS; c++)
    if (s->stock[c] != 0) sk_arena_unstock(&s->stock[c], &s->via, UINT32_MAX);
}


void sk_stock_flush (Member *m) {
  sk_stock_clear(m->slot);
  memset(m->stocked, 0, sizeof m->stocked);
}
