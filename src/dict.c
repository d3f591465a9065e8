/*
** dict.c - A hash table in shared memory. See dict.h.
*/
#include <string.h>

#include "dict.h"

#define LEAST SK_DICT_LEAST
#define OUTATONCE 16 /* marks taken out with an entry */


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
  e->node.order = k->order;
  e->keysize = k->size;
  e->keykind = k->kind;
  e->amount = amount;
  memcpy(e->key, k->bytes, k->size);
}


static uint64_t backwards (uint64_t bits) {
  bits = __builtin_bswap64(bits);
  bits = (bits >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f)) |
         (bits & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4;
  bits = (bits >> 2 & UINT64_C(0x3333333333333333)) |
         (bits & UINT64_C(0x3333333333333333)) << 2;
  return (bits >> 1 & UINT64_C(0x5555555555555555)) |
         (bits & UINT64_C(0x5555555555555555)) << 1;
}


/* Of the key's bytes, and well mixed: the run is in its low bits. */
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
  k->order = backwards(k->hash) | 1;
}


/* ---- looking ---- */

static Node *node (Off n) {
  return sk_at(Node, n);
}


static bool ismark (Off n) {
  return (node(n)->order & 1) == 0;
}


#define NODE (offsetof(Item, bytes) + offsetof(Entry, node))

static Off nodeof (Off item) {
  return item + NODE;
}


static Off itemof (Off n) {
  return n - NODE;
}


static unsigned log2of (uint64_t x) {
  return 63 - (unsigned)__builtin_clzll(x);
}


/* Mark 'i': there is one in each run of those whose hashes end in its bits. */
static Off mark (const Dict *d, uint64_t i) {
  if (i < LEAST) return d->segment[0] + i * sizeof(Node);
  unsigned top = log2of(i);
  uint64_t first = UINT64_C(1) << top;
  return d->segment[top - log2of(LEAST) + 1] + (i - first) * sizeof(Node);
}


/* The one in whose run that of 'i' is. */
static uint64_t parent (uint64_t i) {
  return i & ~(UINT64_C(1) << log2of(i));
}


static bool isput (const Dict *d, uint64_t i) {
  return i == 0 || node(mark(d, i))->order != 0;
}


/* The first link behind 'from' to what is not before 'order'. */
static inline Off *seek (Node *from, uint64_t order) {
  Off *at = &from->next;
  while (*at != 0 && node(*at)->order < order) at = &node(*at)->next;
  return at;
}


static void putmark (Dict *d, uint64_t i);

static bool equals (const Entry *e, const Key *k) {
  return memcmp(e->key, k->bytes, k->size) == 0;
}


/* Large keys whose hashes are the same are hardly ever different. */
static bool trusts (const Key *k) {
  return k->size > SK_ITEM_LARGE && !k->collides;
}


static bool has (const Entry *e, const Key *k) {
  return e->keykind == k->kind && e->keysize == k->size &&
         (trusts(k) || equals(e, k));
}


Place sk_dict_find (Dict *d, const Key *k) {
  uint64_t i = k->hash & (d->size - 1);
  Node *from = node(mark(d, i));
  if (sk_unlikely(from->order == 0 && i != 0)) putmark(d, i);
  Off *at = seek(from, k->order);
  for (; *at != 0 && node(*at)->order == k->order; at = &node(*at)->next)
    if (has(entry(itemof(*at)), k)) return (Place){at, itemof(*at)};
  return (Place){at, 0};
}


bool sk_dict_sure (Off item, const Key *k) {
  return item == 0 || item == k->seen || !trusts(k);
}


void sk_dict_learn (Off item, Key *k) {
  if (equals(entry(item), k))
    k->seen = item;
  else
    k->collides = true;
}


Off sk_dict_next (const Dict *d, Off item) {
  Off n = item != 0 ? entry(item)->node.next : node(mark(d, 0))->next;
  while (n != 0 && ismark(n)) n = node(n)->next;
  return n != 0 ? itemof(n) : 0;
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
  if (d->log.mark != 0) node(d->log.mark)->order = d->log.order;
  d->count = d->log.count;
  sk_step();
  d->changing = 0;
  sk_step();
}


/* What is in the log, besides, happens when '*at' links to 'to'. */
static void change (Dict *d, Off *at, Off to, Off *bin) {
  d->log.at = sk_off(at);
  d->log.to = to;
  __atomic_store_n(&d->changing, 1, __ATOMIC_RELEASE);
  sk_step();
  __atomic_store_n(at, to, __ATOMIC_RELEASE); /* here it has changed */
  sk_step();
  finish(d, bin);
}


static void exchange (Member *m, Dict *d, Place p, Off to, Off coming) {
  sk_item_free(m, &d->trash); /* of one who died */
  d->log.coming = coming;
  d->log.leaving = p.item;
  d->log.count = d->count + (coming != 0) - (p.item != 0);
  d->log.mark = 0;
  change(d, p.at, to, &m->slot->in);
}


static void changemark (Dict *d, Off *at, Off to, Off mark, uint64_t order) {
  d->log.coming = d->log.leaving = 0;
  d->log.count = d->count;
  d->log.mark = mark;
  d->log.order = order;
  change(d, at, to, &d->trash);
}


static void putmark (Dict *d, uint64_t i) {
  uint64_t order = backwards(i);
  if (!isput(d, parent(i))) putmark(d, parent(i));
  Off *at = seek(node(mark(d, parent(i))), order), new = mark(d, i);
  node(new)->next = *at;
  changemark(d, at, new, new, order);
}


static void takemark (Dict *d, uint64_t i) {
  Node *n = node(mark(d, i));
  Off *at = seek(node(mark(d, parent(i))), n->order);
  changemark(d, at, n->next, mark(d, i), 0);
}


/* One segment more, of marks that are not in the list. 0 or -ENOMEM. */
static int addsegment (Dict *d) {
  uint32_t n = d->segments;
  uint64_t marks = n == 0 ? LEAST : (uint64_t)LEAST << (n - 1);
  if (n == SK_DICT_SEGMENTS) return -ENOMEM;
  int err = sk_arena_take(&d->segment[n], marks * sizeof(Node));
  if (err != 0) return err;
  sk_arena_clear(d->segment[n], marks * sizeof(Node));
  d->segments = n + 1;
  sk_step();
  return 0;
}


static void dropsegment (Dict *d) {
  d->segments--;
  sk_step();
  sk_arena_give(&d->segment[d->segments]);
}


int sk_dict_make (Dict *d) {
  d->size = LEAST;
  return addsegment(d);
}


static uint64_t room (const Dict *d) {
  return (uint64_t)LEAST << (d->segments - 1);
}


/* Without memory for it everything stays as it is, and works. */
static void grow (Dict *d) {
  if (d->size == room(d) && addsegment(d) != 0) return;
  d->size *= 2;
  sk_step();
}


/* Marks that are not in use are taken out, some at a time; then they go. */
static void shrink (Dict *d) {
  if (d->size == room(d)) {
    if (d->size == LEAST || d->count >= d->size / 8) return;
    d->left = d->size / 2;
    sk_step();
    d->size /= 2;
    sk_step();
  }
  for (int i = 0; i < OUTATONCE && d->left > 0; i++) {
    uint64_t last = d->size + d->left - 1;
    if (isput(d, last)) takemark(d, last);
    d->left--;
  }
  if (d->left == 0) dropsegment(d);
}


void sk_dict_put (Member *m, Dict *d, Place p) {
  Off e = m->slot->out;
  entry(e)->node.next = p.item != 0 ? entry(p.item)->node.next : *p.at;
  exchange(m, d, p, nodeof(e), e);
  m->slot->out = 0;
  if (p.item == 0 && d->count > d->size) grow(d);
}


void sk_dict_remove (Member *m, Dict *d, Place p) {
  exchange(m, d, p, entry(p.item)->node.next, 0);
  shrink(d);
}


void sk_dict_renumber (Off item, Amount new) {
  int64_t bits;
  memcpy(&bits, &new.u, sizeof bits);
  __atomic_store_n(&entry(item)->amount.u.i, bits, __ATOMIC_RELEASE);
  sk_step();
}


/* ---- its class ---- */

static void repair (Object *o, Bells *b) {
  Dict *d = (Dict *)o;
  sk_lock_repair(o, b);
  if (d->changing && *sk_at(Off, d->log.at) == d->log.to) finish(d, &d->trash);
  d->changing = 0;
  if (d->segments < SK_DICT_SEGMENTS) sk_arena_give(&d->segment[d->segments]);
}


/* An entry belongs to 'trash' before its link goes. */
static void freelist (Member *m, Dict *d, Off *first) {
  for (Off n; (n = *first) != 0;) {
    Off next = node(n)->next;
    if (!ismark(n)) {
      if (d->trash != itemof(n)) sk_item_free(m, &d->trash);
      d->trash = itemof(n);
      sk_arena_own(itemof(n), &d->trash);
    }
    *first = next;
    sk_step();
  }
}


static void fini (Member *m, Object *o) {
  Dict *d = (Dict *)o;
  if (d->segments > 0 && d->segment[0] != 0)
    freelist(m, d, &node(mark(d, 0))->next);
  sk_item_free(m, &d->trash);
  for (int i = SK_DICT_SEGMENTS - 1; i >= 0; i--) sk_arena_give(&d->segment[i]);
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
