/*
** refs.c - The table of references of a slot. See refs.h.
*/
#include <string.h>

#include "refs.h"

#define FIRST 64u /* entries in the first stage of a table */


Ref *sk_refs_at (const Slot *s, uint32_t n) {
  uint32_t place, stage = sk_slot_stage(n, FIRST, &place);
  return sk_at(Ref, s->refs[stage]) + place;
}


void sk_refs_each (const Slot *s, void (*f)(void *, struct Object *, uint32_t),
                   void *arg) {
  for (uint32_t i = 0; i < SK_STAGES; i++) {
    /* its owner may add one just now */
    Off table = __atomic_load_n(&s->refs[i], __ATOMIC_ACQUIRE);
    if (table == 0) return;
    const Ref *r = sk_at(Ref, table);
    for (uint32_t n = FIRST << i; n > 0; n--, r++)
      if (r->object != 0) f(arg, sk_at(struct Object, r->object), r->flags);
  }
}


void sk_refs_give (Member *m, uint32_t n) {
  if (m->refs.count == m->refs.cap) {
    uint32_t cap = m->refs.cap == 0 ? FIRST : m->refs.cap * 2;
    uint32_t *list = realloc(m->refs.list, cap * sizeof *list);
    if (list == NULL) return;
    m->refs.list = list;
    m->refs.cap = cap;
  }
  m->refs.list[m->refs.count++] = n;
}


int sk_refs_maketable (Member *m, Off *word, uint32_t stage) {
  size_t size = (FIRST << stage) * sizeof(Ref);
  int err = sk_arena_take(&m->slot->fresh, size);
  if (err != 0) return err;
  memset(sk_at(char, m->slot->fresh), 0, size);
  sk_arena_move(word, &m->slot->fresh);
  return 0;
}


int sk_refs_take (Member *m, uint32_t *n) {
  if (m->refs.count > 0) {
    *n = m->refs.list[--m->refs.count];
    return 0;
  }
  uint32_t place, stage = sk_slot_stage(m->refs.made, FIRST, &place);
  if (stage >= SK_STAGES) return -ENOMEM;
  if (place == 0 && m->slot->refs[stage] == 0) {
    int err = sk_refs_maketable(m, &m->slot->refs[stage], stage);
    if (err != 0) return err;
  }
  *n = m->refs.made++;
  return 0;
}
