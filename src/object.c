/*
** object.c - Shared objects and the references to them. See object.h.
*/
#include <string.h>

#include "object.h"
#include "refs.h"

/* Process-wide: every state sets them at load, and to the same. */
static const Class *classes[SK_TYPES];


void sk_object_register (uint32_t type, const Class *c) {
  __atomic_store_n(&classes[type], c, __ATOMIC_RELAXED);
}


const Class *sk_object_class (uint32_t type) {
  return __atomic_load_n(&classes[type], __ATOMIC_RELAXED);
}


/* Link at the front of a list whose head is '*head'; see unlink. */
static void link (Off *head, Off *next, Off *prev, Off me, size_t prevat) {
  *next = *head;
  *prev = 0;
  if (*head != 0) *sk_at(Off, *head + prevat) = me;
  *head = me;
  sk_step();
}


static void linkobject (Root *f, Object *o) {
  link(&f->objects, &o->next, &o->prev, sk_off(o), offsetof(Object, prev));
}


static void unlinkobject (Root *f, Object *o) {
  *(o->prev != 0 ? &sk_at(Object, o->prev)->next : &f->objects) = o->next;
  if (o->next != 0) sk_at(Object, o->next)->prev = o->prev;
}


/* False: it is not in the list, for its maker, or who unlinked it, died. */
static bool unlinkcargo (Root *f, Cargo *c) {
  Off *at = c->prev != 0 ? &sk_at(Cargo, c->prev)->next : &f->carriers;
  if (*at != sk_off(c)) return false;
  *at = c->next;
  if (c->next != 0) sk_at(Cargo, c->next)->prev = c->prev;
  return true;
}


/* The lists are true in their 'next' links; make the rest so. */
static void relink (Root *f) {
  Off prev = 0;
  for (Off i = f->objects; i != 0; i = sk_at(Object, i)->next) {
    Object *o = sk_at(Object, i);
    o->prev = prev;
    o->self = i;
    if (sk_arena_owner(i) != sk_off(&o->self)) sk_arena_own(i, &o->self);
    prev = i;
  }
  prev = 0;
  for (Off i = f->carriers; i != 0; i = sk_at(Cargo, i)->next) {
    sk_at(Cargo, i)->prev = prev;
    prev = i;
  }
}


static void tally (Object *o, uint32_t flags, int by) {
  const Class *c = sk_object_class(o->type);
  if (c->tally != NULL) c->tally(o, flags, by);
}


static void mark (void *unused, Object *o, uint32_t flags) {
  (void)unused;
  o->marks++;
  tally(o, flags, 1);
}


/* An object that a message refers to, and with which flags. */
static Object *target (Off ref, uint32_t *flags) {
  *flags = ref & SK_REF_FLAGS;
  return sk_at(Object, ref & ~(Off)SK_REF_FLAGS);
}


static Off *carried (Cargo *c) {
  return (Off *)(void *)((char *)c + c->where);
}


/* Under refguard; others look at it without, see 'isshared'. */
static void setrefs (Object *o, uint32_t n) {
  __atomic_store_n(&o->refs, n, __ATOMIC_RELAXED);
}


static void addrefs (Object *o, uint32_t n) {
  setrefs(o, o->refs + n);
}


static void count (Root *f) {
  uint32_t flags;
  for (Off i = f->objects; i != 0; i = sk_at(Object, i)->next) {
    sk_at(Object, i)->marks = 0;
    tally(sk_at(Object, i), 0, 0);
  }
  for (uint32_t i = 1; i < sk_slot_reached(); i++)
    if (sk_slot_state(&f->slot[i]) != SK_SLOT_FREE)
      sk_refs_each(&f->slot[i], mark, NULL);
  for (Off i = f->carriers; i != 0; i = sk_at(Cargo, i)->next) {
    Cargo *c = sk_at(Cargo, i);
    for (uint32_t n = 0; n < c->nrefs; n++) {
      Object *o = target(carried(c)[n], &flags);
      mark(NULL, o, flags);
    }
  }
  for (Off i = f->objects; i != 0; i = sk_at(Object, i)->next)
    setrefs(sk_at(Object, i), sk_at(Object, i)->marks);
}


Root *sk_object_enterrefs (void) {
  Root *f = sk_root();
  if (sk_unlikely(sk_guard_enter(&f->refguard))) {
    relink(f);
    count(f);
    sk_guard_repaired(&f->refguard);
  }
  return f;
}


void sk_object_leaverefs (Root *f) {
  sk_guard_leave(&f->refguard);
}


/* Under refguard: if nobody refers to 'o', this member takes it down. */
static void doom (Member *m, Object *o) {
  if (o->refs > 0 || o->dying != 0) return;
  o->dying = m->index;
  o->grave = m->dead;
  m->dead = sk_off(o);
}


static void destroy (Member *m, Object *o) {
  const Class *c = sk_object_class(o->type);
  if (c->fini != NULL) c->fini(m, o);
  Root *f = sk_object_enterrefs();
  sk_arena_move(&m->slot->fresh, &o->self); /* ours, once it is not listed */
  unlinkobject(f, o);
  sk_step();
  sk_object_leaverefs(f);
  sk_arena_give(&m->slot->fresh);
}


void sk_object_bury (Member *m) {
  if (m->burying) return;
  m->burying = true;
  for (Off i; (i = m->dead) != 0;) {
    m->dead = sk_at(Object, i)->grave;
    destroy(m, sk_at(Object, i));
  }
  m->burying = false;
}


static void settle (Member *m, Object *o, Bells *b) {
  const Class *c = sk_object_class(o->type);
  if (c->tallied != NULL) c->tallied(m, o, b);
}


void sk_object_recount (Member *m) {
  Bells bells = {0};
  Root *f = sk_object_enterrefs();
  relink(f);
  count(f);
  for (Off i = f->objects; i != 0; i = sk_at(Object, i)->next)
    settle(m, sk_at(Object, i), &bells);
  for (Off i = f->objects; i != 0; i = sk_at(Object, i)->next) {
    Object *o = sk_at(Object, i);
    if (o->dying != 0 && sk_slot_state(sk_slot(o->dying)) != SK_SLOT_LIVE)
      o->dying = 0; /* who was at it died too */
  }
  for (Off i = f->objects; i != 0; i = sk_at(Object, i)->next)
    doom(m, sk_at(Object, i));
  sk_object_leaverefs(f);
  sk_object_bury(m);
  sk_slot_ring(&bells);
}


uint32_t sk_object_count (void) {
  if (sk_mapping_base == NULL || *sk_arena_root() == 0) return 0;
  Root *f = sk_object_enterrefs();
  uint32_t n = 0;
  for (Off i = f->objects; i != 0; i = sk_at(Object, i)->next) n++;
  sk_object_leaverefs(f);
  return n;
}


int sk_object_new (Member *m, uint32_t type, uint32_t flags, Object **out,
                   uint32_t *ref) {
  size_t size = sk_object_class(type)->size;
  int err = sk_refs_take(m, ref);
  if (err != 0) return err;
  err = sk_arena_take(&m->slot->fresh, size);
  if (err != 0) {
    sk_refs_give(m, *ref);
    return err;
  }
  Off b = m->slot->fresh;
  Object *o = sk_at(Object, b);
  memset(o, 0, size);
  sk_guard_init(&o->guard);
  o->type = type;
  o->refs = 1;
  o->self = b;
  Root *f = sk_object_enterrefs();
  Ref *r = sk_refs_at(m->slot, *ref);
  r->flags = flags;
  linkobject(f, o);
  tally(o, flags, 1);
  r->object = b;
  sk_step();
  sk_arena_own(b, &o->self);
  m->slot->fresh = 0;
  sk_object_leaverefs(f);
  *out = o;
  return 0;
}


int sk_object_hold (Member *m, Object *o, uint32_t flags, uint32_t *ref) {
  Bells bells = {0};
  int err = sk_refs_take(m, ref);
  if (err != 0) return err;
  Root *f = sk_object_enterrefs();
  Ref *r = sk_refs_at(m->slot, *ref);
  r->flags = flags;
  r->object = sk_off(o);
  sk_step();
  addrefs(o, 1);
  tally(o, flags, 1);
  settle(m, o, &bells);
  sk_object_leaverefs(f);
  sk_slot_ring(&bells);
  return 0;
}


uint32_t sk_object_flags (Member *m, uint32_t ref) {
  return sk_refs_at(m->slot, ref)->flags;
}


/* Under refguard. */
static void setflags (Ref *r, uint32_t flags) {
  Object *o = sk_at(Object, r->object);
  tally(o, r->flags, -1);
  r->flags = flags;
  tally(o, flags, 1);
}


void sk_object_setflags (Member *m, uint32_t ref, uint32_t flags) {
  Bells bells = {0};
  Root *f = sk_object_enterrefs();
  Ref *r = sk_refs_at(m->slot, ref);
  setflags(r, flags);
  settle(m, sk_at(Object, r->object), &bells);
  sk_object_leaverefs(f);
  sk_slot_ring(&bells);
}


void sk_object_drop (Member *m, uint32_t ref) {
  Ref *r = sk_refs_at(m->slot, ref);
  Object *o = sk_at(Object, r->object);
  Bells bells = {0};
  const Class *c = sk_object_class(o->type);
  if (c->depart != NULL) {
    sk_object_enter(m, o);
    c->depart(o, m->index, &bells);
    sk_object_leavering(m, o, &bells);
  }
  Root *f = sk_object_enterrefs();
  r->object = 0;
  sk_step();
  addrefs(o, (uint32_t)-1);
  tally(o, r->flags, -1);
  settle(m, o, &bells);
  doom(m, o);
  sk_object_leaverefs(f);
  sk_slot_ring(&bells);
  sk_refs_give(m, ref);
  sk_object_bury(m);
}


void sk_object_enter (Member *m, Object *o) {
  m->slot->busy = sk_off(o);
  if (sk_unlikely(sk_guard_enter(&o->guard))) {
    Bells bells = {0};
    const Class *c = sk_object_class(o->type);
    sk_arena_mend(); /* what its words own is certain from here */
    if (c->repair != NULL) c->repair(o, &bells);
    sk_guard_repaired(&o->guard);
    sk_slot_ring(&bells); /* rare enough to ring under the guard */
  }
}


void sk_object_leave (Member *m, Object *o) {
  sk_guard_leave(&o->guard);
  m->slot->busy = 0;
}


/* A dead member was inside, without a reference perhaps: so it may be gone. */
void sk_object_visit (Member *m, Off place) {
  if (place == 0) return;
  Root *f = sk_object_enterrefs();
  for (Off i = f->objects; i != 0; i = sk_at(Object, i)->next) {
    if (place - i >= sk_object_class(sk_at(Object, i)->type)->size) continue;
    sk_object_enter(m, sk_at(Object, place));
    sk_object_leave(m, sk_at(Object, place));
    break;
  }
  sk_object_leaverefs(f);
}


void sk_object_leavering (Member *m, Object *o, Bells *b) {
  sk_object_leave(m, o);
  if (b->count > 0 || b->more || b->ears != NULL) sk_slot_ring(b);
}


void sk_object_load (Cargo *c, uint32_t nrefs) {
  uint32_t flags;
  Root *f = sk_object_enterrefs();
  for (uint32_t i = 0; i < nrefs; i++) {
    Object *o = target(carried(c)[i], &flags);
    addrefs(o, 1);
    tally(o, flags, 1);
  }
  c->prev = 0;
  c->nrefs = nrefs;
  sk_step();
  link(&f->carriers, &c->next, &c->prev, sk_off(c), offsetof(Cargo, prev));
  sk_object_leaverefs(f);
}


void sk_object_mend (void) {
  sk_object_leaverefs(sk_object_enterrefs());
}


void sk_object_unload (Member *m, Cargo *c) {
  uint32_t flags;
  Bells bells = {0};
  if (c->nrefs == 0) return;
  Root *f = sk_object_enterrefs();
  uint32_t n = unlinkcargo(f, c) ? c->nrefs : 0;
  sk_step();
  c->nrefs = 0; /* whoever frees the message later has nothing to unload */
  for (uint32_t i = 0; i < n; i++) {
    Object *o = target(carried(c)[i], &flags);
    addrefs(o, (uint32_t)-1);
    tally(o, flags, -1);
    settle(m, o, &bells);
  }
  for (uint32_t i = 0; i < n; i++) doom(m, target(carried(c)[i], &flags));
  sk_object_leaverefs(f);
  sk_slot_ring(&bells);
}


void sk_object_reclaim (Member *m, const Cargo *c) {
  const Off *refs = (const Off *)(const void *)((const char *)c + c->where);
  for (uint32_t i = 0; i < c->nrefs; i++) {
    if (!(refs[i] & SK_REF_ACTIVE)) continue;
    for (uint32_t n = 0; n < m->refs.made; n++) {
      const Ref *r = sk_refs_at(m->slot, n);
      if (r->object != 0 && (r->object | r->flags) == refs[i] - SK_REF_ACTIVE)
        sk_object_setflags(m, n, r->flags | SK_REF_ACTIVE);
    }
  }
}


void sk_object_entrust (Member *m, uint32_t ref, uint32_t to) {
  Bells bells = {0};
  Root *f = sk_object_enterrefs();
  Ref *r = sk_refs_at(m->slot, ref);
  Object *o = sk_at(Object, r->object);
  setflags(sk_refs_at(sk_slot(to), ref), r->flags | SK_REF_ACTIVE);
  setflags(r, r->flags & ~(uint32_t)SK_REF_ACTIVE);
  settle(m, o, &bells);
  sk_object_leaverefs(f);
  sk_slot_ring(&bells);
}


int sk_object_inherit (Member *from, uint32_t to) {
  Slot *s = sk_slot(to);
  for (uint32_t i = 0; i < SK_STAGES && from->slot->refs[i] != 0; i++) {
    int err = sk_refs_maketable(from, &s->refs[i], i);
    if (err != 0) return err;
  }
  Root *f = sk_object_enterrefs();
  for (uint32_t n = 0; n < from->refs.made; n++) {
    const Ref *r = sk_refs_at(from->slot, n);
    Ref *copy = sk_refs_at(s, n);
    if (r->object == 0) continue;
    copy->flags = r->flags & ~(uint32_t)SK_REF_ACTIVE;
    copy->object = r->object;
    addrefs(sk_at(Object, r->object), 1);
    tally(sk_at(Object, r->object), copy->flags, 1);
  }
  sk_object_leaverefs(f);
  return 0;
}


int sk_object_lend (Member *m, Object *o, uint32_t to) {
  Slot *s = sk_slot(to);
  int err = sk_refs_maketable(m, &s->refs[0], 0);
  if (err != 0) return err;
  Root *f = sk_object_enterrefs();
  sk_refs_at(s, 0)->object = sk_off(o);
  addrefs(o, 1);
  sk_object_leaverefs(f);
  return 0;
}
