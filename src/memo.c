/*
** memo.c - What is known of each address. See memo.h.
*/
#include <string.h>

#include "memo.h"

#define FIRST 64
#define KEEP (1 << 16) /* a larger map is given back when cleared */


/* Make room for 'cap' entries, none of them there. */
static bool resize (Memo *m, size_t cap) {
  MemoSlot *slots = calloc(cap, sizeof *slots);
  if (slots == NULL) return false;
  int bits = 0;
  while (((size_t)1 << bits) < cap) bits++;
  *m = (Memo){.slots = slots, .cap = cap, .stamp = 1, .shift = 64 - bits};
  return true;
}


bool sk_memo_grow (Memo *m) {
  Memo old = *m;
  if (!resize(m, old.cap == 0 ? FIRST : old.cap * 2)) {
    *m = old;
    return false;
  }
  for (size_t i = 0; i < old.cap; i++) {
    const MemoSlot *s = &old.slots[i];
    if (s->stamp != old.stamp) continue;
    *sk_memo_probe(m, s->key) = (MemoSlot){s->key, m->stamp, s->value};
  }
  m->count = old.count;
  free(old.slots);
  return true;
}


void sk_memo_clear (Memo *m) {
  if (m->cap > KEEP) sk_memo_fini(m);
  m->count = 0;
  if (++m->stamp == 0) { /* old entries would come back to life */
    if (m->cap > 0) memset(m->slots, 0, m->cap * sizeof *m->slots);
    m->stamp = 1;
  }
}


void sk_memo_fini (Memo *m) {
  free(m->slots);
  *m = (Memo){0};
}
