/*
** hope.c - Can others do something about an object? See hope.h.
*/
#include "hope.h"
#include "refs.h"

typedef struct Own { /* references of this member and its idle workers */
  Member *m;
  Object *o;
  uint32_t refs;
} Own;

static void countown (void *arg, Object *o, uint32_t flags) {
  Own *own = arg;
  (void)flags;
  own->refs += o == own->o;
}


static uint32_t ownrefs (Member *m, Object *o) {
  Own own = {m, o, 0};
  Root *f = sk_root();
  sk_refs_each(m->slot, countown, &own);
  for (uint32_t i = 1; i < sk_slot_reached(); i++)
    if (sk_slot_rests(m, &f->slot[i]))
      sk_refs_each(&f->slot[i], countown, &own);
  return own.refs;
}


/* What nobody else refers to, and it refers to that object. */
static void countkept (void *arg, Object *o, uint32_t flags) {
  Own *own = arg;
  const Class *c = sk_object_class(o->type);
  (void)flags;
  if (c->keeps != NULL && c->keeps(o) == own->o)
    own->refs += o->refs == ownrefs(own->m, o);
}


static uint32_t idleworkers (const Member *m) {
  const Root *f = sk_root();
  uint32_t n = 0;
  for (uint32_t i = 1; i < sk_slot_reached(); i++)
    n += sk_slot_rests(m, &f->slot[i]);
  return n;
}


bool sk_hope_isshared (Member *m, Object *o) {
  if (o->whole != 0) o = sk_at(Object, o->whole);
  /* a member has a handle, or one for each end of a pipe, and no more */
  uint32_t most = 2 * (1 + idleworkers(m));
  if (__atomic_load_n(&o->refs, __ATOMIC_RELAXED) > most && o->type != SK_LOCK)
    return true; /* a lock also has its conditions */
  Root *f = sk_object_enterrefs();
  Own own = {m, o, ownrefs(m, o)};
  sk_refs_each(m->slot, countkept, &own);
  bool shared = o->refs > own.refs;
  sk_object_leaverefs(f);
  return shared;
}
