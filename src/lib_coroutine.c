/*
** lib_coroutine.c - Lua's coroutines, in which a wait suspends the task.
**
** A wait inside a user's coroutine yields to the 'resume' below that runs it,
** which sees that the task is no longer active and gives way itself: up to
** the task's own coroutine, or to the top level, which runs the loop. When
** the task goes on, each of them resumes what is inside of it. 'Task.at' is
** the innermost one, where a waker puts results.
**
** A coroutine that its user suspends takes the scopes that it is in with it,
** and brings them along when it is resumed, by whomever.
*/
#include "lib.h"
#include "open.h"
#include "sched.h"
#include "scope.h"

#define STRAY "skein.scopes"

static const char STRAYS = 's'; /* scopes of suspended coroutines */

/* The scopes of a suspended coroutine. */
typedef struct Stray {
  Scope *inner; /* the innermost, or NULL */
  Sched *S;
} Stray;


/* ---- scopes of suspended coroutines ---- */

static int stray_gc (lua_State *L) {
  Stray *s = lua_touserdata(L, 1);
  if (s->inner != NULL && !s->S->closed) {
    sk_sched_discard(s->S, s->inner);
    s->S->strays--;
  }
  s->inner = NULL;
  return 0;
}


static bool isnursery (const Sched *S, const void *p) {
  const List *end = &S->nurseries;
  List *l = S->nurseries.next;
  while (l != NULL && l != end && sk_container(l, Nursery, peer) != p)
    l = l->next;
  return l != NULL && l != end;
}


/* Push a list of the groups and runs that are open inside of 'co'. They lie on
   its stack, and are to be there for 'stray_gc', too. */
static void pushnurseries (lua_State *L, const Sched *S, lua_State *co) {
  lua_Debug ar;
  lua_newtable(L);
  if (!lua_checkstack(co, 1)) luaL_error(L, "not enough memory");
  for (int level = 0; lua_getstack(co, level, &ar); level++) {
    if (lua_getlocal(co, &ar, SK_NURSERY) == NULL) continue;
    lua_xmove(co, L, 1);
    if (isnursery(S, lua_touserdata(L, -1)))
      lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    else
      lua_pop(L, 1);
  }
}


/* 'co' was suspended inside of scopes; 'base' was the innermost before. */
static void takeaway (lua_State *L, Sched *S, lua_State *co, Scope *base) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &STRAYS);
  lua_pushthread(co);
  lua_xmove(co, L, 1);
  Stray *s = lua_newuserdatauv(L, sizeof *s, 1);
  *s = (Stray){NULL, S};
  luaL_setmetatable(L, STRAY);
  pushnurseries(L, S, co);
  lua_setiuservalue(L, -2, 1);
  lua_rawset(L, -3); /* may raise; nothing is done yet */
  lua_pop(L, 1);
  s->inner = sk_scope_detach(S, S->current, base);
  S->strays++;
}


/* 'co' is about to go on: its scopes are those of the task that resumes it. */
static void bringback (lua_State *L, Sched *S, lua_State *co) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &STRAYS);
  lua_pushthread(co);
  lua_xmove(co, L, 1);
  lua_pushvalue(L, -1);
  if (lua_rawget(L, -3) == LUA_TUSERDATA) {
    Stray *s = lua_touserdata(L, -1);
    sk_scope_attach(S, S->current, s->inner);
    s->inner = NULL;
    S->strays--;
    lua_pop(L, 1);
    lua_pushnil(L);
    lua_rawset(L, -3);
    lua_pop(L, 1);
    return;
  }
  lua_pop(L, 3);
}


/* ---- resuming ---- */

/*
** Is 'co' suspended in a wait, not by its user? Then the innermost function
** is one of skein's: its first upvalue is the scheduler.
*/
static bool iswaiting (lua_State *L, const Sched *S, lua_State *co) {
  lua_Debug ar;
  if (lua_status(co) != LUA_YIELD || !lua_getstack(co, 0, &ar)) return false;
  lua_getinfo(co, "f", &ar);
  lua_xmove(co, L, 1);
  bool waits = lua_iscfunction(L, -1) && lua_getupvalue(L, -1, 1) != NULL;
  if (waits) {
    waits = lua_touserdata(L, -1) == S;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return waits;
}


/* The error at the top of 'co' gets out of a wrapped coroutine. */
static int propagate (lua_State *L, lua_State *co) {
  int status = lua_status(co);
  if (status != LUA_OK && status != LUA_YIELD) { /* not just misused */
    status = lua_resetthread(co);
    lua_xmove(co, L, 1);
  }
  if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}


/* 'co' has given back control: what its resume returns. The stack: co, wrap. */
static int deliver (lua_State *L, lua_State *co, int status, int n) {
  bool wrap = lua_toboolean(L, 2);
  if (status != LUA_OK && status != LUA_YIELD) {
    lua_xmove(co, L, 1);
    if (wrap) return propagate(L, co);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
  }
  if (!lua_checkstack(L, n + 1)) {
    lua_pop(co, n);
    if (wrap) return luaL_error(L, "too many results to resume");
    lua_pushboolean(L, 0);
    lua_pushliteral(L, "too many results to resume");
    return 2;
  }
  if (!wrap) lua_pushboolean(L, 1);
  lua_xmove(co, L, n);
  return wrap ? n : n + 1;
}


static int goon (lua_State *L, int status, lua_KContext base);


/* Let 'co' run; 'base' is the innermost scope around it. */
static int run (lua_State *L, Sched *S, lua_State *co, int narg, Scope *base) {
  Task *t = S->current;
  for (;;) {
    int n, status;
    t->at = S->active = co;
    status = lua_resume(co, L, narg, &n);
    if (status != LUA_YIELD || t->state == SK_ACTIVE) {
      t->at = S->active = L;
      if (t->scope != base) takeaway(L, S, co, base);
      return deliver(L, co, status, n);
    }
    if (L != S->top.co) return lua_yieldk(L, 0, (lua_KContext)base, goon);
    sk_sched_drive(S, L);
    narg = t->at == co && t->woken > 0 ? t->woken : 0;
  }
}


static int goon (lua_State *L, int status, lua_KContext base) {
  (void)status;
  Sched *S = sk_upvalue(L);
  lua_State *co = lua_tothread(L, 1);
  const Task *t = S->current;
  int narg = t->at == co && t->woken > 0 ? t->woken : 0;
  return run(L, S, co, narg, (Scope *)base);
}


/* Can a wait inside of a coroutine resumed here suspend the task? */
static bool cangiveway (lua_State *L, const Sched *S) {
  const Task *t = S->current;
  if (t->at != L || t->state != SK_ACTIVE) return false;
  return L == S->top.co ? !S->looping : lua_isyieldable(L);
}


/* Resume the coroutine at 1, 'wrap' at 2, with the arguments above. */
static int resume (lua_State *L) {
  Sched *S = sk_upvalue(L);
  lua_State *co = lua_tothread(L, 1);
  int narg = lua_gettop(L) - 2;
  if (iswaiting(L, S, co))
    return luaL_error(L, "cannot resume a coroutine that waits");
  if (!lua_checkstack(co, narg))
    return luaL_error(L, "too many arguments to resume");
  lua_xmove(L, co, narg);
  if (!cangiveway(L, S)) { /* as Lua does it */
    int n, status = lua_resume(co, L, narg, &n);
    return deliver(L, co, status, n);
  }
  Scope *base = S->current->scope;
  if (S->strays > 0) bringback(L, S, co);
  return run(L, S, co, narg, base);
}


static lua_State *checkco (lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co != NULL, 1, "coroutine");
  return co;
}


/* coroutine.resume(co, ...) -> true, ... | false, err */
static int co_resume (lua_State *L) {
  Sched *S = sk_upvalue(L);
  if (iswaiting(L, S, checkco(L))) {
    lua_pushboolean(L, 0);
    lua_pushliteral(L, "cannot resume a coroutine that waits");
    return 2;
  }
  lua_pushboolean(L, 0);
  lua_insert(L, 2);
  return resume(L);
}


static int wrapped (lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_insert(L, 1);
  lua_pushboolean(L, 1);
  lua_insert(L, 2);
  return resume(L);
}


/* coroutine.wrap(f) -> function */
static int co_wrap (lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, wrapped, 2);
  return 1;
}


/* core.co_iswaiting(co) -> boolean: must it not be closed or resumed? */
static int co_iswaiting (lua_State *L) {
  lua_pushboolean(L, iswaiting(L, sk_upvalue(L), checkco(L)));
  return 1;
}


static const luaL_Reg functions[] = {
    {"co_resume", co_resume},
    {"co_wrap", co_wrap},
    {"co_iswaiting", co_iswaiting},
    {NULL, NULL},
};

static const luaL_Reg meta[] = {{"__gc", stray_gc}, {NULL, NULL}};


void sk_open_coroutine (lua_State *L, Sched *S) {
  sk_newclass(L, S, STRAY, NULL, meta);
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &STRAYS);
  sk_addfunctions(L, S, functions);
}
