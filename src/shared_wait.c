/*
** shared_wait.c - Waiting for shared objects. See shared.h.
*/
#include <string.h>

#include "lock.h"
#include "shared.h"


uint64_t sk_shared_who (const Shared *s) {
  return sk_lock_who(&s->m, s->S->current->outcome.id);
}


static bool withdraw (Sched *S, Task *t, Wait *w) {
  Petition *p = sk_container(w, Petition, wait);
  (void)S;
  if (!sk_seat_withdraw(&p->shared->m, p->seat, t->woken)) return false;
  p->task = NULL;
  return true;
}


Object *sk_shared_awaited (const Task *t) {
  if (t->wait == NULL || t->wait->withdraw != withdraw) return NULL;
  return sk_at(Object, sk_container(t->wait, Petition, wait)->seat->object);
}


/* The first spare petition, which stays where it is. NULL: no memory. */
static Petition *spare (Shared *s) {
  if (s->spare != NULL) return s->spare;
  Petition *p = calloc(1, sizeof *p);
  if (p == NULL || sk_seat_new(&s->m, &p->seat) != 0) {
    free(p);
    return NULL;
  }
  p->wait = (Wait){.withdraw = withdraw, .shared = true};
  p->shared = s;
  p->seat->owner = (uintptr_t)p;
  p->older = s->newest;
  s->newest = p;
  return s->spare = p;
}


Petition *sk_shared_petition (lua_State *L, Shared *s, sk_time due) {
  Petition *p = spare(s);
  if (p == NULL) luaL_error(L, "cannot wait: not enough memory");
  sk_sched_prepare(L, s->S, due);
  s->spare = p->next;
  return p;
}


Petition *sk_shared_watcher (Shared *s, void (*notify)(Petition *)) {
  Petition *p = spare(s);
  if (p == NULL) return NULL;
  s->spare = p->next;
  p->notify = notify;
  return p;
}


static void release (Shared *s, Petition *p) {
  p->task = NULL;
  p->notify = NULL;
  p->idle = false;
  p->decline = NULL;
  p->seat->object = 0;
  p->seat->from = 0;
  p->seat->state = SK_ALONE;
  p->next = s->spare;
  s->spare = p;
}


void sk_shared_dropwaits (Shared *s) {
  for (Petition *p; (p = s->newest) != NULL;) {
    s->newest = p->older;
    if (p->task != NULL) p->task->wait = NULL; /* of a state that is closed */
    free(p);
  }
  s->spare = NULL;
}


void sk_shared_dismiss (Shared *s, Petition *p) {
  sk_sched_unprepare(s->S);
  release(s, p);
}


void sk_shared_unwatch (Shared *s, Petition *p) {
  if (p->seat->object != 0 && sk_seat_state(p->seat) != SK_TAKEN &&
      !sk_seat_withdraw(&s->m, p->seat, -ECANCELED)) {
    p->notify = NULL; /* a grant is under way: take it, and be deaf to it */
    s->rescan = true;
    sk_shared_collect(s);
  }
  if (p->decline != NULL && sk_arena_owns(&p->seat->block)) p->decline(p);
  sk_item_free(&s->m, &p->seat->block);
  release(s, p);
}


int sk_shared_suspend (lua_State *L, Shared *s, Petition *p, const char *what,
                       lua_KFunction k) {
  p->task = s->S->current;
  return sk_sched_suspend(L, s->S, NULL, &p->wait, what, (lua_KContext)p, k);
}


static void deaf (Petition *p) {
  (void)p;
}


/* A stranger resumed the coroutine that waits, which breaks it: what it waits
   for, or was given, goes to others. */
static void forsake (Shared *s, Petition *p) {
  Task *t = p->task;
  if (t != NULL) {
    p->task = NULL;
    t->wait = NULL;
    s->S->shared--;
  }
  p->notify = deaf;
  sk_seat_forsake(&s->m, p->seat);
  sk_shared_collect(s); /* if it was granted: out of the inbox */
  sk_item_free(&s->m, &p->seat->block);
  release(s, p);
}


int sk_shared_settle (lua_State *L, Sched *S, lua_KContext ctx) {
  Petition *p = (Petition *)ctx;
  Shared *s = p->shared;
  if (sk_unlikely(S->current->at != L)) forsake(s, p);
  int n = sk_sched_outcome(L, S);
  int result = n < 0 ? n : p->seat->result;
  sk_item_free(&s->m, &s->m.slot->in); /* a raise may have left it */
  if (result < 0)
    sk_item_unsent(&s->m, &p->seat->block);
  else if (p->seat->block != 0)
    sk_arena_move(&s->m.slot->in, &p->seat->block);
  release(s, p);
  if (sk_likely(result >= 0)) return result;
  if (n < 0 && n != -ETIMEDOUT) sk_sched_raise(L, S, n);
  return result;
}
