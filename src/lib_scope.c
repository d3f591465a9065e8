/*
** lib_scope.c - Stretches of a run: skein.timeout and skein.shield.
**
** The function runs in the calling task's stead, under a protected call that
** the scheduler's message handler (upvalue 2) watches; whichever way it ends,
** the continuation leaves the scope.
*/
#include "coro.h"
#include "handle.h"
#include "lib.h"
#include "open.h"
#include "scope.h"

static const char AWAIT = 'w'; /* of the function that awaits a handle */


/* Raise the error at the top again; it keeps its traceback. */
static int rethrow (lua_State *L, Task *t) {
  t->rethrown = true;
  return lua_error(L);
}


/* Put the message handler at 1, below the function. */
static void inserthandler (lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_replace(L, 1);
}


static int finishtimeout (lua_State *L, int status, lua_KContext ctx) {
  Sched *S = sk_upvalue(L);
  Scope *sc = (Scope *)ctx;
  Task *t = sc->task;
  bool ok = status == LUA_OK || status == LUA_YIELD;
  bool expired = !ok && sc->expired && sk_scope_owns(L, -1, sc->serial);
  sk_scope_leave(S, sc);
  if (ok) return lua_gettop(L) - 1;
  if (!expired) return rethrow(L, t);
  if (t->pending) return sk_scope_raise(L, t); /* an outer one as well */
  return sk_raise(L, "timeout", "timeout");
}


/* Give the scope its deadline; one of "now" ends the first wait. */
static void limit (lua_State *L, Sched *S, Scope *sc, sk_time due) {
  if (due == SK_FOREVER) return;
  if (due == SK_NOW) {
    sc->expired = true;
    sk_sched_cancelscope(S, sc);
  }
  else if (sk_timers_add(&S->limits, &sc->limit, due) < 0) {
    sk_scope_leave(S, sc);
    luaL_error(L, "not enough memory");
  }
}


/* core.timeout(seconds, fn, ...) -> what fn returned */
static int core_timeout (lua_State *L) {
  Sched *S = sk_upvalue(L);
  sk_time due = sk_checkspan(L, 1);
  if (lua_type(L, 2) != LUA_TFUNCTION) {
    if (sk_handle_test(L, 2) == NULL)
      return luaL_typeerror(L, 2, "function or handle");
    if (sk_handle_ended(L, S, 2)) { /* whatever the time, even none */
      sk_sched_checkpoint(L, S);
      return sk_sched_turn(L, S, sk_outcome_push(L, 2));
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &AWAIT);
    lua_insert(L, 2);
  }
  inserthandler(L);
  Scope *sc = sk_scope_enter(L, S, SK_TIMEOUT);
  limit(L, S, sc, due);
  int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 1,
                          (lua_KContext)sc, finishtimeout);
  return finishtimeout(L, status, (lua_KContext)sc);
}


static int finishshield (lua_State *L, int status, lua_KContext ctx) {
  Sched *S = sk_upvalue(L);
  Scope *sc = (Scope *)ctx;
  Task *t = sc->task;
  sk_scope_leave(S, sc);
  if (status != LUA_OK && status != LUA_YIELD) return rethrow(L, t);
  return lua_gettop(L) - 1;
}


/* core.shield(fn, ...) -> what fn returned; no cancel reaches it */
static int core_shield (lua_State *L) {
  Sched *S = sk_upvalue(L);
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_pushnil(L);
  lua_insert(L, 1);
  inserthandler(L);
  Scope *sc = sk_scope_enter(L, S, SK_SHIELD);
  int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 1,
                          (lua_KContext)sc, finishshield);
  return finishshield(L, status, (lua_KContext)sc);
}


/* core.set_await(f) - f(handle) gets it, and cancels it when left early */
static int core_setawait (lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  sk_setours(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &AWAIT);
  return 0;
}


static const luaL_Reg functions[] = {
    {"timeout", core_timeout},
    {"shield", core_shield},
    {"set_await", core_setawait},
    {NULL, NULL},
};


void sk_open_scope (lua_State *L, Sched *S) {
  sk_scope_open(L);
  lua_pushlightuserdata(L, S);
  sk_coro_pushhandler(L);
  luaL_setfuncs(L, functions, 2);
}
