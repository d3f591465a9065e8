/*
** dict.c - A hash table in shared memory. See dict.h.
*/
#include <string.h>

#include "dict.h"

#define LEAST 8 /* chains */


/* ---- entries ---- */

static Entry *entry (Off item) {
  return (Entry *)(void *)sk_at(Item, item)->bytes;
}


const Entry *sk_dict_entry (Off item) {
  return entry(item);
}


static bool ownsitself (Off item) {
  return sk_arena_owner(item) == sk_off(&entry(item)->self);
}


size_t sk_dict_room (const Key *k) {
  return (sizeof(Entry) + k->size + 7) / 8 * 8;
}


void sk_dict_amend (Member *m, Amount amount) {
  entry(m->slot->out)->amount = amount;
}


void sk_dict_prepare (Member *m, const Key *k, Amount amount) {
  Entry *e = entry(m->slot->out);
  e->self = 0;
  e->hash = k->hash;
  e->keysize = k->size;
  e->keykind = k->kind;
  e->amount = amount;
  memcpy(e->key, k->bytes, k->size);
}


/* Of the key's bytes, and well mixed: the chain is in its low bits. */
void sk_dict_hash (Key *k) {
  uint64_t h = k->kind + UINT64_C(0xcbf29ce484222325), word;
  const char *p = k->bytes;
  size_t n = k->size;
  for (; n >= sizeof word; n -= sizeof word, p += sizeof word) {
    memcpy(&word, p, sizeof word);
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 32;
  }
  for (; n > 0; n--, p++) h = (h ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
  h = (h ^ k->size) * UINT64_C(0x9e3779b97f4a7c15);
  k->hash = h ^ h >> 32;
}


static bool equals (const Entry *e, const Key *k) {
  return memcmp(e->key, k->bytes, k->size) == 0;
}


/* Large keys whose hashes are the same are hardly ever different. */
static bool trusts (const Key *k) {
  return k->size > SK_ITEM_LARGE && !k->collides;
}


static bool has (const Entry *e, const Key *k) {
  return e->hash == k->hash && e->keykind == k->kind && e->keysize == k->size &&
         (trusts(k) || equals(e, k));
}


bool sk_dict_sure (Off e, const Key *k) {
  return e == 0 || e == k->seen || !trusts(k);
}


void sk_dict_learn (Off e, Key *k) {
  if (equals(entry(e), k))
    k->seen = e;
  else
    k->collides = true;
}


/* ---- chains ---- */

/* The link to the first entry of chain 'i' of table 'which'. */
static Off *chain (const Dict *d, uint32_t which, uint64_t i) {
  return sk_at(Off, d->table[which]) + (i & (d->size[which] - 1));
}


Off *sk_dict_find (Dict *d, const Key *k) {
  uint32_t w = d->which;
  Off *at = chain(d, w, k->hash);
  while (*at != 0 && !has(entry(*at), k)) at = &entry(*at)->next[w];
  return at;
}


Off sk_dict_next (const Dict *d, Off e) {
  uint32_t w = d->which;
  uint64_t i = 0;
  if (e != 0) {
    if (entry(e)->next[w] != 0) return entry(e)->next[w];
    i = (entry(e)->hash & (d->size[w] - 1)) + 1;
  }
  while (i < d->size[w] && *chain(d, w, i) == 0) i++;
  return i < d->size[w] ? *chain(d, w, i) : 0;
}


/* An empty table of 'size' chains. 0 or -ENOMEM. */
static int maketable (Dict *d, uint32_t which, uint64_t size) {
  int err = sk_arena_take(&d->table[which], size * sizeof(Off));
  if (err != 0) return err;
  sk_arena_clear(d->table[which], size * sizeof(Off));
  d->size[which] = size;
  return 0;
}


int sk_dict_make (Dict *d) {
  return maketable(d, d->which, LEAST);
}


/* Without memory for it everything stays as it is, and works. */
static void resize (Dict *d, uint64_t size) {
  uint32_t other = 1 - d->which;
  if (maketable(d, other, size) != 0) return;
  for (Off e = sk_dict_next(d, 0); e != 0; e = sk_dict_next(d, e)) {
    Off *first = chain(d, other, entry(e)->hash);
    entry(e)->next[other] = *first;
    *first = e;
  }
  sk_step();
  d->which = other; /* here it is the one in use */
  sk_step();
  sk_arena_give(&d->table[1 - other]);
}


/* ---- changes ---- */

/* The link has changed: what goes with it. Who leaves is given to 'bin'. */
static void finish (Dict *d, Off *bin) {
  Off coming = d->log.coming, leaving = d->log.leaving;
  if (coming != 0) {
    entry(coming)->self = coming;
    sk_arena_own(coming, &entry(coming)->self);
  }
  if (leaving != 0 && ownsitself(leaving))
    sk_arena_move(bin, &entry(leaving)->self);
  d->count = d->log.count;
  sk_step();
  d->changing = 0;
  sk_step();
}


static void change (Member *m, Dict *d, Off *at, Off to, Off coming) {
  sk_item_free(m, &d->trash); /* of one who died */
  d->log.at = sk_off(at);
  d->log.to = to;
  d->log.coming = coming;
  d->log.leaving = *at;
  d->log.count = d->count + (coming != 0) - (*at != 0);
  __atomic_store_n(&d->changing, 1, __ATOMIC_RELEASE);
  sk_step();
  __atomic_store_n(at, to, __ATOMIC_RELEASE); /* here it has changed */
  sk_step();
  finish(d, &m->slot->in);
}


void sk_dict_put (Member *m, Dict *d, Off *at) {
  Off e = m->slot->out;
  bool fresh = *at == 0;
  entry(e)->next[d->which] = fresh ? 0 : entry(*at)->next[d->which];
  change(m, d, at, e, e);
  m->slot->out = 0;
  if (fresh && d->count > d->size[d->which]) resize(d, d->size[d->which] * 2);
}


void sk_dict_remove (Member *m, Dict *d, Off *at) {
  change(m, d, at, entry(*at)->next[d->which], 0);
  uint64_t size = d->size[d->which];
  if (size > LEAST && d->count < size / 8) resize(d, size / 4);
}


void sk_dict_renumber (Off *at, Amount new) {
  int64_t bits;
  memcpy(&bits, &new.u, sizeof bits);
  __atomic_store_n(&entry(*at)->amount.u.i, bits, __ATOMIC_RELEASE);
  sk_step();
}


/* ---- its class ---- */

static void repair (Object *o, Bells *b) {
  Dict *d = (Dict *)o;
  sk_lock_repair(o, b);
  if (d->changing && *sk_at(Off, d->log.at) == d->log.to) finish(d, &d->trash);
  d->changing = 0;
  sk_arena_give(&d->table[1 - d->which]);
}


/* An entry belongs to 'trash' before its link goes. */
static void freechain (Member *m, Dict *d, Off *first) {
  for (Off e; (e = *first) != 0;) {
    if (d->trash != e) sk_item_free(m, &d->trash);
    d->trash = e;
    sk_arena_own(e, &d->trash);
    *first = entry(e)->next[d->which];
    sk_step();
  }
}


static void fini (Member *m, Object *o) {
  Dict *d = (Dict *)o;
  if (d->table[d->which] != 0)
    for (uint64_t i = 0; i < d->size[d->which]; i++)
      freechain(m, d, chain(d, d->which, i));
  sk_item_free(m, &d->trash);
  sk_arena_give(&d->table[0]);
  sk_arena_give(&d->table[1]);
}


const Class sk_dict_class = {
    .name = "dict",
    .size = sizeof(Dict),
    .repair = repair,
    .giveback = sk_lock_giveback,
    .depart = sk_lock_depart,
    .abandon = sk_lock_abandon,
    .fini = fini,
};
