/*
** scope.c - The stretches of a task's run that can be cancelled. See scope.h.
*/
#include "lib.h"
#include "scope.h"

/* The error of a cancel holds the scope's serial under this address. */
static const char SERIAL = 's';


static Scope *obtain (lua_State *L, Sched *S) {
  Scope *sc = S->spare;
  if (sc != NULL)
    S->spare = sc->parent;
  else if ((sc = malloc(sizeof *sc)) == NULL)
    luaL_error(L, "not enough memory");
  return sc;
}


static void release (Sched *S, Scope *sc) {
  sk_timers_remove(&S->limits, &sc->limit);
  sc->parent = S->spare;
  S->spare = sc;
}


Scope *sk_scope_enter (lua_State *L, Sched *S, ScopeKind kind) {
  Task *t = S->current;
  Scope *sc = obtain(L, S);
  *sc = (Scope){
      .parent = t->scope, .task = t, .serial = ++S->ids, .kind = (uint8_t)kind};
  t->scope = sc;
  if (kind == SK_SHIELD) t->pending = false;
  return sc;
}


void sk_scope_leave (Sched *S, Scope *sc) {
  Task *t = sc->task;
  sk_assert(t->scope == sc);
  t->scope = sc->parent;
  bool mattered = sc->cancelled || sc->kind == SK_SHIELD;
  release(S, sc);
  if (mattered) sk_scope_refresh(t);
}


void sk_scope_drop (Sched *S, Task *t) {
  for (Scope *sc; (sc = t->scope) != NULL;) {
    t->scope = sc->parent;
    release(S, sc);
  }
}


/* The serial of the outermost cancelled scope that reaches 't'; 0: none. */
static uint64_t reaching (const Task *t) {
  uint64_t serial = 0;
  for (const Scope *sc = t->scope; sc != NULL; sc = sc->parent) {
    if (sc->kind == SK_SHIELD) return serial;
    if (sc->cancelled) serial = sc->serial;
  }
  return t->cancelled ? t->outcome.id : serial;
}


void sk_scope_refresh (Task *t) {
  t->pending = reaching(t) != 0;
}


void sk_scope_pusherror (lua_State *L, Task *t) {
  sk_pusherror(L, "cancelled", "cancelled");
  lua_pushinteger(L, (lua_Integer)reaching(t));
  lua_rawsetp(L, -2, &SERIAL);
}


int sk_scope_raise (lua_State *L, Task *t) {
  sk_scope_pusherror(L, t);
  return lua_error(L);
}


bool sk_scope_owns (lua_State *L, int idx, uint64_t serial) {
  if (!sk_iserror(L, idx, "cancelled")) return false;
  lua_rawgetp(L, idx, &SERIAL);
  bool owns = (uint64_t)lua_tointeger(L, -1) == serial;
  lua_pop(L, 1);
  return owns;
}


void sk_scope_fini (Sched *S) {
  for (Scope *sc; (sc = S->spare) != NULL;) {
    S->spare = sc->parent;
    free(sc);
  }
}
