/*
** scope.c - The stretches of a task's run that can be cancelled. See scope.h.
*/
#include "lib.h"
#include "scope.h"

/*
** The field of a cancel's error that holds the serial of its scope, salted: an
** error that has crossed belongs to nobody here.
*/
#define SERIAL "scope"
static const char REASONS = 'r'; /* by task, in the registry */


static Scope *obtain (lua_State *L, Sched *S) {
  Scope *sc = S->spare;
  if (sc != NULL)
    S->spare = sc->parent;
  else if ((sc = malloc(sizeof *sc)) == NULL)
    luaL_error(L, "not enough memory");
  return sc;
}


void sk_scope_release (Sched *S, Scope *sc) {
  sk_timers_remove(&S->limits, &sc->limit);
  sc->parent = S->spare;
  S->spare = sc;
}


Scope *sk_scope_enter (lua_State *L, Sched *S, ScopeKind kind) {
  Task *t = S->current;
  if (sk_unlikely(t->at != L))
    luaL_error(L, "cannot open a scope inside a coroutine that is not "
                  "skein's: use skein.coroutine");
  Scope *sc = obtain(L, S);
  *sc = (Scope){.parent = t->scope,
                .task = t,
                .serial = sk_sched_newid(S),
                .kind = (uint8_t)kind};
  t->scope = sc;
  if (kind == SK_SHIELD) t->pending = false;
  return sc;
}


void sk_scope_leave (Sched *S, Scope *sc) {
  Task *t = sc->task;
  sk_assert(t->scope == sc);
  t->scope = sc->parent;
  bool mattered = sc->cancelled || sc->kind == SK_SHIELD;
  sk_scope_release(S, sc);
  if (mattered) sk_scope_refresh(t);
}


/* The run of that scope; NULL: it is none, or was given up with its owner. */
static Nursery *runof (Sched *S, const Scope *sc) {
  if (sc->kind != SK_RUN) return NULL;
  List *l = S->nurseries.next, *end = &S->nurseries;
  for (; l != NULL && l != end; l = l->next)
    if (sk_container(l, Nursery, peer)->scope == sc)
      return sk_container(l, Nursery, peer);
  return NULL;
}


void sk_scope_comehome (Sched *S, Task *t, Nursery *run) {
  if (run == NULL) return;
  run->around = t->home;
  t->home = run;
  if (t == &S->top) S->sink.driving++;
}


void sk_scope_leavehome (Sched *S, Task *t, const Nursery *run) {
  if (run == NULL || t->home != run) return;
  t->home = run->around;
  if (t == &S->top) S->sink.driving--;
}


Scope *sk_scope_detach (Sched *S, Task *t, Scope *base) {
  Scope *inner = t->scope;
  for (Scope *sc = inner; sc != base; sc = sc->parent) {
    sk_scope_leavehome(S, t, runof(S, sc));
    if (sc->kind == SK_GROUP || sc->kind == SK_RUN)
      t->strays = true; /* keeps its owner, who sees to it at its end */
    else
      sc->task = NULL;
    if (sc->parent == base) {
      sc->parent = NULL;
      break;
    }
  }
  t->scope = base;
  sk_scope_refresh(t);
  return inner;
}


void sk_scope_attach (Sched *S, Task *t, Scope *inner) {
  for (Scope *sc = inner;; sc = sc->parent) {
    sc->task = t;
    sk_scope_comehome(S, t, runof(S, sc));
    if (sc->parent != NULL) continue;
    sc->parent = t->scope;
    break;
  }
  t->scope = inner;
  sk_scope_refresh(t);
}


SK_BIRTH void sk_scope_drop (Sched *S, Task *t) {
  for (Scope *sc; (sc = t->scope) != NULL;) {
    t->scope = sc->parent;
    sk_scope_release(S, sc);
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


void sk_scope_setreason (lua_State *L, Task *t) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &REASONS) == LUA_TNIL) {
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &REASONS);
    lua_remove(L, -2);
  }
  lua_insert(L, -2);
  lua_rawsetp(L, -2, t);
  lua_pop(L, 1);
}


/* Push the reason given for the cancel of 't', or nil. */
static void pushreason (lua_State *L, const Task *t) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &REASONS) != LUA_TTABLE) return;
  lua_rawgetp(L, -1, t);
  lua_remove(L, -2);
}


void sk_scope_pusherror (lua_State *L, Task *t) {
  uint64_t serial = reaching(t);
  if (serial == t->outcome.id)
    pushreason(L, t);
  else
    lua_pushnil(L);
  lua_pushvalue(L, -1); /* a number is to stay one */
  const char *text = lua_tostring(L, -1);
  sk_pusherror(L, "cancelled", "cancelled%s%s", text != NULL ? ": " : "",
               text != NULL ? text : "");
  lua_replace(L, -2);
  lua_insert(L, -2);
  lua_setfield(L, -2, "reason");
  lua_pushinteger(L, (lua_Integer)(serial ^ sk_sched_of(L)->salt));
  lua_setfield(L, -2, SERIAL);
}


int sk_scope_raise (lua_State *L, Task *t) {
  t->raised = t->cancelled;
  sk_scope_pusherror(L, t);
  return lua_error(L);
}


bool sk_scope_owns (lua_State *L, int idx, uint64_t serial) {
  if (!sk_iserror(L, idx, "cancelled")) return false;
  lua_getfield(L, idx, SERIAL);
  uint64_t salted = (uint64_t)lua_tointeger(L, -1);
  bool owns = (salted ^ sk_sched_of(L)->salt) == serial;
  lua_pop(L, 1);
  return owns;
}


void sk_scope_open (lua_State *L) {
  static const char key;
  lua_pushliteral(L, SERIAL); /* so that to look for it takes no memory */
  lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
}


void sk_scope_fini (Sched *S) {
  for (Scope *sc; (sc = S->spare) != NULL;) {
    S->spare = sc->parent;
    free(sc);
  }
}
