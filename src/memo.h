/*
** memo.h - What is known of each address: a map from pointers to numbers.
**
** Open addressing, linear probing. An entry counts only if it bears the
** present stamp, so that forgetting everything is one increment. Zeroed
** memory is a valid empty map. Plain C.
*/
#ifndef sk_memo_h
#define sk_memo_h

#include "sk.h"

typedef struct MemoSlot {
  const void *key;
  uint32_t stamp;
  uint32_t value;
} MemoSlot;

typedef struct Memo {
  MemoSlot *slots;
  size_t count, cap; /* cap is 0 or a power of 2 */
  uint32_t stamp;    /* of the entries that count; 0 is none */
  int shift;         /* of a hash to an index */
} Memo;

/* Forget everything, and give back memory that was needed only once. */
SK_FUNC void sk_memo_clear (Memo *m);
SK_FUNC void sk_memo_fini (Memo *m);

/* Twice the room. Returns false if memory ended. */
SK_FUNC bool sk_memo_grow (Memo *m);


/* The slot of 'key', or the free one where it belongs. */
static inline MemoSlot *sk_memo_probe (const Memo *m, const void *key) {
  uint64_t hash = (uint64_t)(uintptr_t)key * 0x9E3779B97F4A7C15u;
  size_t i = (size_t)(hash >> m->shift);
  while (m->slots[i].stamp == m->stamp && m->slots[i].key != key)
    i = (i + 1) & (m->cap - 1);
  return &m->slots[i];
}


/* What is known of 'key'; 0 if nothing. */
static inline uint32_t sk_memo_get (const Memo *m, const void *key) {
  if (m->count == 0) return 0;
  const MemoSlot *s = sk_memo_probe(m, key);
  return s->stamp == m->stamp ? s->value : 0;
}


/* Where what is known of 'key' is kept, 0 at first; NULL: memory ended. */
static inline uint32_t *sk_memo_at (Memo *m, const void *key) {
  if (sk_unlikely(m->count * 2 >= m->cap) && !sk_memo_grow(m)) return NULL;
  MemoSlot *s = sk_memo_probe(m, key);
  if (s->stamp != m->stamp) {
    *s = (MemoSlot){key, m->stamp, 0};
    m->count++;
  }
  return &s->value;
}

#endif
