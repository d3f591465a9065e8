/*
** sched.c - Park and wake. See sched.h.
**
** Invariants
**   - a parked task stands in at most one list by 'self', and in others only
**     through its 'wait', whose 'withdraw' takes it out of all of them;
**   - a task is in 'ready' exactly while its state is SK_READY.
*/
#include <limits.h>
#include <string.h>

#include "clock.h"
#include "lib.h"
#include "sched.h"
#include "scope.h"

/* ---- waking ---- */

void sk_sched_ready (Sched *S, Task *t) {
  t->state = SK_READY;
  t->self.task = t;
  sk_list_add(&S->ready, &t->self.link);
}


void sk_sched_wake (Sched *S, Task *t, int n) {
  sk_assert(t->state == SK_PARKED);
  sk_list_remove(&t->self.link);
  sk_timers_remove(&S->timers, &t->timer);
  if (t->wait != NULL) {
    if (t->wait->shared) S->shared--;
    if (t->wait->hope) S->hopes--;
    t->wait = NULL;
  }
  t->woken = n;
  sk_sched_ready(S, t);
}


Waiter *sk_sched_claimany (Sched *S, List *waiters) {
  for (List *link; (link = sk_list_pop(waiters)) != NULL;) {
    Waiter *w = sk_container(link, Waiter, link);
    Task *t = w->task;
    if (t->state != SK_PARKED) continue; /* of before a fork */
    t->self.tag = w->tag;
    if (t->wait == NULL || t->wait->withdraw(S, t, t->wait)) return w;
  }
  return NULL;
}


void sk_sched_grant (Sched *S, Waiter *w, int n) {
  Task *t = w->task;
  t->self.tag = w->tag;
  if (t->wait != NULL && t->wait->granted != NULL)
    t->wait->granted(S, t, t->wait, w);
  sk_sched_wake(S, t, n);
}


void sk_sched_wakeall (Sched *S, List *waiters, int err) {
  for (Waiter *w; (w = sk_sched_claim(S, waiters)) != NULL;)
    sk_sched_wake(S, w->task, err);
}


bool sk_sched_disturb (Sched *S, Task *t, int err) {
  if (t->state != SK_PARKED) return false;
  t->woken = err; /* tells 'withdraw' why */
  if (t->wait != NULL && !t->wait->withdraw(S, t, t->wait)) return false;
  sk_sched_wake(S, t, err);
  return true;
}


/* ---- cancelling ---- */

static void reach (Sched *S, Task *t) {
  sk_scope_refresh(t);
  if (t->pending) sk_sched_disturb(S, t, -ECANCELED);
}


void sk_sched_cancelscope (Sched *S, Scope *sc) {
  if (sc->cancelled) return;
  sc->cancelled = true;
  if (sc->task != NULL) reach(S, sc->task);
}


void sk_sched_cancel (Sched *S, Task *t) {
  if (t->cancelled) return;
  t->cancelled = true;
  reach(S, t);
}


void sk_sched_cancelall (Sched *S, Nursery *n) {
  if (n->scope != NULL) sk_sched_cancelscope(S, n->scope);
  for (List *l = n->members.next; l != NULL && l != &n->members; l = l->next)
    sk_sched_cancel(S, sk_container(l, Task, sibling));
}


void sk_sched_giveup (Sched *S, Nursery *n) {
  for (List *l; (l = sk_list_pop(&n->members)) != NULL;) {
    Task *t = sk_container(l, Task, sibling);
    t->nursery = &S->loose;
    t->home = NULL;
    sk_list_add(&S->loose.members, l);
    S->loose.live++;
  }
  n->live = 0;
}


static void disown (Sched *S, Nursery *n) {
  sk_sched_cancelall(S, n);
  sk_sched_giveup(S, n);
  sk_list_remove(&n->peer);
  n->closed = true;
}


void sk_sched_disown (Sched *S, Task *t) {
  List *next, *end = &S->nurseries;
  for (List *l = end->next; l != NULL && l != end; l = next) {
    next = l->next;
    Nursery *n = sk_container(l, Nursery, peer);
    if (n->scope->task == t) disown(S, n);
  }
}


void sk_sched_discard (Sched *S, Scope *inner) {
  for (Scope *sc; (sc = inner) != NULL;) {
    inner = sc->parent;
    sc->task = NULL;
    List *next, *end = &S->nurseries;
    for (List *l = end->next; l != NULL && l != end; l = next) {
      next = l->next;
      Nursery *n = sk_container(l, Nursery, peer);
      if (n->scope == sc) disown(S, n);
    }
    sk_scope_release(S, sc);
  }
}


/* ---- parking ---- */

#define AGAIN (-1) /* no number of results: a continuation waits once more */


/* Can Lua yield across the function that a traceback calls 'name'? */
static bool letsyield (const char *name) {
  return strstr(name, "'pcall'") != NULL || strstr(name, "'xpcall'") != NULL ||
         strstr(name, "'dofile'") != NULL || strstr(name, "'skein.") != NULL;
}


/*
** Push what stands between the running function and its coroutine, as a
** traceback calls it ("function 'table.sort'"), or nil.
*/
static void pushbarrier (lua_State *L) {
  lua_Debug ar;
  for (int level = 1; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "S", &ar);
    if (*ar.what != 'C') continue;
    luaL_traceback(L, L, NULL, level);
    const char *trace = lua_tostring(L, -1);
    const char *name = strstr(trace, "[C]: in ");
    if (name != NULL) {
      name += strlen("[C]: in ");
      lua_pushlstring(L, name, strcspn(name, "\n"));
      if (*name != '?' && !letsyield(lua_tostring(L, -1))) return;
      lua_pop(L, 1);
    }
    lua_pop(L, 1);
  }
  lua_pushnil(L);
}


static int cannotwait (lua_State *L, Sched *S) {
  if (S->closed) return sk_misuse(L, "cannot wait here: the program ends");
  if (S->current->at != L)
    return sk_misuse(L, "cannot wait inside a coroutine that is not skein's: "
                        "use skein.coroutine");
  pushbarrier(L);
  const char *barrier = lua_tostring(L, -1);
  if (barrier != NULL)
    return sk_misuse(L, "cannot wait here: Lua cannot yield inside %s",
                     barrier);
  return sk_misuse(L, "cannot wait here: inside a C function or metamethod "
                      "that cannot yield");
}


static bool maywait (lua_State *L, const Sched *S) {
  const Task *t = S->current;
  return t->at == L && t->state == SK_ACTIVE && !S->closed &&
         (L == S->top.co ? !S->looping : lua_isyieldable(L));
}


Task *sk_sched_prepare (lua_State *L, Sched *S, sk_time due) {
  if (sk_unlikely(!maywait(L, S))) cannotwait(L, S);
  luaL_checkstack(L, LUA_MINSTACK / 2, "no room to wait");
  Task *t = S->current;
  if (due != SK_FOREVER && sk_timers_add(&S->timers, &t->timer, due) < 0)
    luaL_error(L, "not enough memory");
  return t;
}


void sk_sched_unprepare (Sched *S) {
  sk_timers_remove(&S->timers, &S->current->timer);
}


/*
** Give the processor away; the running task is parked or ready. At top level a
** continuation that waits once more gives that back to the loop in here: no
** frames pile up, however often that is.
*/
static int leave (lua_State *L, Sched *S, lua_KContext ctx, lua_KFunction k) {
  bool again = S->again;
  S->again = false;
  if (L != S->top.co) return lua_yieldk(L, 0, ctx, k);
  S->goon = (GoOn){ctx, k};
  if (again) return AGAIN;
  int n;
  do {
    GoOn next = S->goon;
    S->top.since = S->now = sk_clock_now(); /* the loop may have rested long */
    sk_sched_drive(S, L);
    n = next.k(L, LUA_YIELD, next.ctx);
  } while (n == AGAIN);
  return n;
}


int sk_sched_suspend (lua_State *L, Sched *S, List *on, Wait *w,
                      const char *what, lua_KContext ctx, lua_KFunction k) {
  Task *t = S->current;
  if (on != NULL) {
    t->self.task = t;
    sk_list_add(on, &t->self.link);
  }
  t->wait = w;
  if (w != NULL && w->shared) S->shared++;
  if (w != NULL && w->hope) S->hopes++;
  t->what = what;
  t->since = S->now;
  t->state = SK_PARKED;
  return leave(L, S, ctx, k);
}


int sk_sched_parkk (lua_State *L, Sched *S, List *on, sk_time due,
                    const char *what, lua_KContext ctx, lua_KFunction k) {
  sk_sched_prepare(L, S, due);
  return sk_sched_suspend(L, S, on, NULL, what, ctx, k);
}


int sk_sched_finish (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  int n = sk_sched_woken(L, (Sched *)ctx);
  return n >= 0 ? n : sk_fail(L, n);
}


int sk_sched_finishtrue (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  int n = sk_sched_woken(L, (Sched *)ctx);
  if (n < 0) return sk_fail(L, n);
  lua_pushboolean(L, 1);
  return 1;
}


int sk_sched_park (lua_State *L, Sched *S, List *on, sk_time due,
                   const char *what) {
  sk_sched_prepare(L, S, due);
  return sk_sched_suspend(L, S, on, NULL, what, (lua_KContext)S,
                          sk_sched_finish);
}


int sk_sched_outcome (lua_State *L, Sched *S) {
  if (sk_unlikely(S->current->at != L))
    luaL_error(L, "a coroutine that waits was resumed");
  return S->current->woken;
}


/* Nothing can ever go on: tell what everything waits for. */
static int deadlock (lua_State *L, Sched *S) {
  sk_pusherror(L, "deadlock", "deadlock");
  lua_pushliteral(
      L, "deadlock: every task waits for something that can never come\n");
  S->current->state = SK_PARKED; /* as it was when that was found */
  S->dump(L, S);
  S->current->state = SK_ACTIVE;
  lua_concat(L, 2);
  lua_setfield(L, -2, "message");
  sk_where(L);
  lua_setfield(L, -2, "where");
  return lua_error(L);
}


int sk_sched_raise (lua_State *L, Sched *S, int err) {
  switch (err) {
  case -ECANCELED: return sk_scope_raise(L, S->current);
  case -EINTR: return sk_raise(L, "interrupted", "interrupted");
  default: return deadlock(L, S);
  }
}


int sk_sched_woken (lua_State *L, Sched *S) {
  int n = sk_sched_outcome(L, S);
  if (sk_unlikely(n == -ECANCELED || n == -EINTR || n == -EDEADLK))
    return sk_sched_raise(L, S, n);
  return n;
}


void sk_sched_mustraise (lua_State *L, Sched *S) {
  bool interrupted = S->alerts != 0 && sk_sched_attend(S);
  if (S->current->pending) sk_scope_raise(L, S->current);
  if (interrupted && S->current == &S->top) sk_sched_raise(L, S, -EINTR);
}


static int finishyield (lua_State *L, int status, lua_KContext n) {
  (void)L, (void)status;
  return (int)n;
}


int sk_sched_giveturn (lua_State *L, Sched *S, int n) {
  S->quick = 0;
  if (!maywait(L, S)) return n;
  S->steps = UINT_MAX - 1; /* look at the clock as well */
  sk_sched_ready(S, S->current);
  return leave(L, S, n, finishyield);
}


static int finishcheckpoint (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  sk_sched_checkpoint(L, (Sched *)ctx);
  return 0;
}


int sk_sched_step (lua_State *L, Sched *S) {
  if (!maywait(L, S)) cannotwait(L, S);
  S->quick = 0;
  sk_sched_look(S);
  sk_sched_ready(S, &S->top);
  return leave(L, S, (lua_KContext)S, finishcheckpoint);
}


int sk_sched_yield (lua_State *L, Sched *S) {
  if (!maywait(L, S)) cannotwait(L, S);
  S->quick = 0;
  if (L == S->top.co) S->steps = UINT_MAX - 1;
  sk_sched_ready(S, S->current);
  return leave(L, S, (lua_KContext)S, finishcheckpoint);
}
