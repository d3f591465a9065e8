/*
** outcome.c - How a task, thread, process or job ended. See outcome.h.
**
** The user value of a handle holds its single result, or nil while there is
** none; or, if 'boxed', a table: [1 .. count] the results or [1] the error,
** and the fields "name", "done" (callbacks), "trace" and "report".
*/
#include <string.h>

#include "lib.h"
#include "outcome.h"
#include "report.h"
#include "scope.h"
#include "select.h"

#define GETS 1 /* 'value' of a waiter that takes the error */

static const char CLASS = 'c'; /* of the HandleClass, in a metatable */


/* ---- handles ---- */

static const HandleClass *classof (lua_State *L, int idx) {
  if (lua_type(L, idx) != LUA_TUSERDATA || !lua_getmetatable(L, idx))
    return NULL;
  lua_rawgetp(L, -1, &CLASS);
  const HandleClass *c = lua_touserdata(L, -1);
  lua_pop(L, 2);
  return c;
}


Outcome *sk_outcome_test (lua_State *L, int idx) {
  return classof(L, idx) != NULL ? lua_touserdata(L, idx) : NULL;
}


Outcome *sk_outcome_check (lua_State *L, int arg) {
  Outcome *o = sk_outcome_test(L, arg);
  if (o == NULL) luaL_typeerror(L, arg, "task, thread, process or job");
  return o;
}


void sk_outcome_pushbox (lua_State *L, int handle) {
  Outcome *o = lua_touserdata(L, handle);
  lua_getiuservalue(L, handle, 1);
  if (o->boxed) return;
  lua_newtable(L); /* value box */
  lua_rotate(L, -2, 1);
  lua_rawseti(L, -2, 1); /* a single result, or nil */
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, handle, 1);
  o->boxed = true;
}


void *sk_outcome_new (lua_State *L, Sched *S, const HandleClass *c, size_t size,
                      int name) {
  if (name != 0) name = lua_absindex(L, name);
  Outcome *o = lua_newuserdatauv(L, size, 1);
  memset(o, 0, size);
  o->id = sk_sched_newid(S);
  lua_rawgetp(L, LUA_REGISTRYINDEX, c);
  lua_setmetatable(L, -2);
  if (name != 0 && !lua_isnil(L, name)) {
    sk_outcome_pushbox(L, lua_absindex(L, -1));
    lua_pushvalue(L, name);
    lua_setfield(L, -2, "name");
    lua_pop(L, 1);
  }
  return o;
}


void sk_outcome_pushname (lua_State *L, int handle) {
  handle = lua_absindex(L, handle);
  const HandleClass *c = classof(L, handle);
  Outcome *o = lua_touserdata(L, handle);
  if (o->boxed) {
    lua_getiuservalue(L, handle, 1);
    lua_getfield(L, -1, "name");
    lua_remove(L, -2);
    if (!lua_isnil(L, -1)) return;
    lua_pop(L, 1);
  }
  lua_pushfstring(L, "%s %I", c->kind, (LUAI_UACINT)o->id);
}


void sk_outcome_pushwho (lua_State *L, int handle) {
  const HandleClass *c = classof(L, handle);
  const Outcome *o = lua_touserdata(L, handle);
  sk_outcome_pushname(L, handle);
  const char *name = lua_tostring(L, -1);
  const char *made = lua_pushfstring(L, "%s %I", c->kind, (LUAI_UACINT)o->id);
  if (strcmp(name, made) != 0)
    lua_pushfstring(L, "%s '%s'", c->kind, name);
  else
    lua_pushvalue(L, -1);
  lua_replace(L, -3);
  lua_pop(L, 1);
}


/* core.is_handle(value) -> boolean */
int sk_outcome_ishandle (lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, sk_outcome_test(L, 1) != NULL);
  return 1;
}


/* ---- the end ---- */

void sk_outcome_settrace (lua_State *L, int handle) {
  handle = lua_absindex(L, handle);
  sk_outcome_pushbox(L, handle);
  lua_insert(L, -2);
  lua_setfield(L, -2, "trace");
  lua_pop(L, 1);
}


/* Pop the top 'n' values and keep them as what came out. */
static void store (lua_State *L, const Outcome *o, int handle, int n) {
  if (n == 0 && !o->boxed) return;
  if (n == 1 && !o->boxed) {
    lua_setiuservalue(L, handle, 1);
    return;
  }
  sk_outcome_pushbox(L, handle);
  lua_insert(L, -n - 1);
  for (int i = n; i >= 1; i--) lua_rawseti(L, -i - 1, i);
  lua_pop(L, 1);
}


static bool isawaited (Outcome *o) {
  List *end = &o->waiters;
  for (List *l = end->next; l != NULL && l != end; l = l->next)
    if (sk_container(l, Waiter, link)->value == GETS) return true;
  return false;
}


/* Start a small task for each callback in the box of the handle. */
static void rundone (lua_State *L, Sched *S, int handle) {
  lua_getiuservalue(L, handle, 1);
  if (lua_getfield(L, -1, "done") == LUA_TTABLE) {
    lua_Integer n = luaL_len(L, -1);
    for (lua_Integer i = 1; i <= n; i++) {
      lua_rawgeti(L, -1, i);
      lua_pushvalue(L, handle);
      S->spawn(L, S, 1);
      lua_pop(L, 1);
    }
    lua_pushnil(L);
    lua_setfield(L, -3, "done");
  }
  lua_pop(L, 2);
}


void sk_outcome_settle (lua_State *L, Sched *S, int handle, Status status,
                        int n) {
  if (handle < 0) handle = lua_absindex(L, handle);
  Outcome *o = lua_touserdata(L, handle);
  if (sk_unlikely(sk_outcome_ended(o))) {
    lua_pop(L, n);
    return;
  }
  store(L, o, handle, n);
  if (status == SK_FAILED && !o->asked && !isawaited(o))
    sk_report_make(L, S, handle);
  o->status = (uint8_t)status;
  o->count = n;
  sk_sched_wakeall(S, &o->waiters, 0);
  if (o->boxed) rundone(L, S, handle);
}


static int pushresults (lua_State *L, int handle) {
  const Outcome *o = lua_touserdata(L, handle);
  int n = o->count;
  if (n == 0) return 0;
  if (!o->boxed) {
    lua_getiuservalue(L, handle, 1);
    return 1;
  }
  luaL_checkstack(L, n + 1, "too many results");
  lua_getiuservalue(L, handle, 1);
  int box = lua_gettop(L);
  for (int i = 1; i <= n; i++) lua_rawgeti(L, box, i);
  return n;
}


void sk_outcome_pusherror (lua_State *L, int handle) {
  handle = lua_absindex(L, handle);
  Outcome *o = lua_touserdata(L, handle);
  sk_report_drop(o);
  lua_getiuservalue(L, handle, 1);
  if (o->boxed) {
    lua_rawgeti(L, -1, 1);
    lua_remove(L, -2);
  }
  if (o->status == SK_CANCELLED && lua_isnil(L, -1)) { /* by a fork */
    lua_pop(L, 1);
    sk_pusherror(L, "cancelled", "cancelled: it runs in the parent process");
  }
}


int sk_outcome_push (lua_State *L, int handle) {
  const Outcome *o = lua_touserdata(L, handle);
  if (o->status == SK_FINISHED) return pushresults(L, handle);
  sk_outcome_pusherror(L, handle);
  return lua_error(L);
}


/* ---- methods ---- */

/* Raise if waiting for the handle makes no sense. */
static void checkwait (lua_State *L, const Sched *S, int handle) {
  const HandleClass *c = classof(L, handle);
  const Outcome *o = lua_touserdata(L, handle);
  if (o == &S->current->outcome)
    luaL_error(L, "a %s cannot wait for itself", c->kind);
  if (o->status == SK_NEW)
    luaL_error(L, "cannot wait for a %s that was not started", c->kind);
}


static int timedout (lua_State *L) {
  sk_outcome_pushwho(L, 1);
  return sk_raise(L, "timeout", "timeout: %s has not ended",
                  lua_tostring(L, -1));
}


static int finishget (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  if (sk_sched_woken(L, (Sched *)ctx) == -ETIMEDOUT) return timedout(L);
  return sk_outcome_push(L, 1);
}


int sk_outcome_get (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Outcome *o = sk_outcome_check(L, 1);
  sk_time due = sk_checkdeadline(L, 2);
  lua_settop(L, 1);
  sk_sched_checkpoint(L, S);
  if (sk_outcome_ended(o)) return sk_sched_turn(L, S, sk_outcome_push(L, 1));
  checkwait(L, S, 1);
  if (due == SK_NOW) return timedout(L);
  Task *t = sk_sched_prepare(L, S, due);
  t->self.value = GETS;
  return sk_sched_suspend(L, S, &o->waiters, NULL, classof(L, 1)->what,
                          (lua_KContext)S, finishget);
}


static int finishjoin (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  int n = sk_sched_woken(L, (Sched *)ctx);
  if (n < 0) return sk_fail(L, n);
  lua_pushboolean(L, 1);
  return 1;
}


int sk_outcome_join (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Outcome *o = sk_outcome_check(L, 1);
  sk_time due = sk_checkdeadline(L, 2);
  lua_settop(L, 1);
  sk_sched_checkpoint(L, S);
  if (sk_outcome_ended(o)) {
    lua_pushboolean(L, 1);
    return sk_sched_turn(L, S, 1);
  }
  checkwait(L, S, 1);
  if (due == SK_NOW) return sk_fail(L, -ETIMEDOUT);
  Task *t = sk_sched_prepare(L, S, due);
  t->self.value = 0;
  return sk_sched_suspend(L, S, &o->waiters, NULL, classof(L, 1)->what,
                          (lua_KContext)S, finishjoin);
}


static int finishawait (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  Sched *S = sk_upvalue(L);
  int n = sk_sched_outcome(L, S);
  sk_scope_leave(S, (Scope *)ctx);
  if (n < 0) return sk_sched_raise(L, S, n);
  return 0;
}


int sk_outcome_await (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Outcome *o = sk_outcome_check(L, 1);
  if (sk_outcome_ended(o) || o->status == SK_NEW) return 0;
  checkwait(L, S, 1);
  lua_settop(L, 1);
  Task *t = sk_sched_prepare(L, S, SK_FOREVER);
  Scope *sc = sk_scope_enter(L, S, SK_SHIELD);
  t->self.value = 0;
  return sk_sched_suspend(L, S, &o->waiters, NULL, classof(L, 1)->what,
                          (lua_KContext)sc, finishawait);
}


int sk_outcome_done (lua_State *L) {
  lua_pushboolean(L, sk_outcome_ended(sk_outcome_check(L, 1)));
  return 1;
}


int sk_outcome_status (lua_State *L) {
  static const char *const names[] = {"new",      "pending", "running",
                                      "finished", "failed",  "cancelled"};
  lua_pushstring(L, names[sk_outcome_check(L, 1)->status]);
  return 1;
}


int sk_outcome_error (lua_State *L) {
  const Outcome *o = sk_outcome_check(L, 1);
  if (o->status < SK_FAILED) return 0;
  sk_outcome_pusherror(L, 1);
  return 1;
}


int sk_outcome_ondone (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Outcome *o = sk_outcome_check(L, 1);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  sk_outcome_pushbox(L, 1);
  if (lua_getfield(L, 3, "done") == LUA_TNIL) {
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, 3, "done");
  }
  lua_pushvalue(L, 2);
  lua_rawseti(L, -2, luaL_len(L, -2) + 1);
  lua_settop(L, 1);
  if (o->status >= SK_FAILED) sk_report_drop(o);
  o->asked = true;
  if (sk_outcome_ended(o)) rundone(L, S, 1);
  return 1;
}


/* ---- select ---- */

static int attemptget (lua_State *L, Sched *S, int at) {
  Outcome *o = lua_touserdata(L, at);
  if (sk_outcome_ended(o)) return sk_outcome_push(L, at);
  checkwait(L, S, at);
  return -EAGAIN;
}


static int attemptjoin (lua_State *L, Sched *S, int at) {
  Outcome *o = lua_touserdata(L, at);
  if (!sk_outcome_ended(o)) {
    checkwait(L, S, at);
    return -EAGAIN;
  }
  lua_pushboolean(L, 1);
  return 1;
}


static int attemptready (lua_State *L, Sched *S, int at) {
  Outcome *o = lua_touserdata(L, at);
  if (sk_outcome_ended(o)) return 0;
  checkwait(L, S, at);
  return -EAGAIN;
}


static void enlistget (lua_State *L, Sched *S, int at, Waiter *w) {
  (void)S;
  Outcome *o = lua_touserdata(L, at);
  w->value = GETS;
  sk_list_add(&o->waiters, &w->link);
}


static void enlistjoin (lua_State *L, Sched *S, int at, Waiter *w) {
  enlistget(L, S, at, w);
  w->value = 0;
}


static int finishgetcase (lua_State *L, Sched *S, int at, int n) {
  (void)S, (void)n;
  return sk_outcome_push(L, at);
}


static int finishjoincase (lua_State *L, Sched *S, int at, int n) {
  (void)S, (void)at, (void)n;
  lua_pushboolean(L, 1);
  return 1;
}


static const SelectOp selects[] = {
    {.name = "join",
     .attempt = attemptjoin,
     .enlist = enlistjoin,
     .finish = finishjoincase},
    {.name = "get",
     .attempt = attemptget,
     .enlist = enlistget,
     .finish = finishgetcase},
    {.name = "ready", .attempt = attemptready, .enlist = enlistjoin},
    {.name = NULL},
};


/* ---- classes ---- */

/* handle[key]: a method (upvalue 2), or a field. */
static int handle_index (lua_State *L) {
  lua_settop(L, 2);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNIL) return 1;
  if (lua_type(L, 2) != LUA_TSTRING) return 0;
  Outcome *o = sk_outcome_check(L, 1);
  const char *key = lua_tostring(L, 2);
  if (strcmp(key, "id") == 0) {
    lua_pushinteger(L, (lua_Integer)o->id);
    return 1;
  }
  if (strcmp(key, "name") == 0) {
    sk_outcome_pushname(L, 1);
    return 1;
  }
  const HandleClass *c = classof(L, 1);
  return c->field != NULL ? c->field(L, o, key) : 0;
}


/* tostring(handle): "task 'name' (running)" */
static int handle_tostring (lua_State *L) {
  sk_outcome_check(L, 1);
  lua_settop(L, 1);
  sk_outcome_status(L);
  sk_outcome_pushwho(L, 1);
  lua_pushfstring(L, "%s (%s)", lua_tostring(L, 3), lua_tostring(L, 2));
  return 1;
}


static const luaL_Reg common[] = {
    {"get", sk_outcome_get},
    {"join", sk_outcome_join},
    {"done", sk_outcome_done},
    {"status", sk_outcome_status},
    {"error", sk_outcome_error},
    {"on_done", sk_outcome_ondone},
    {NULL, NULL},
};


void sk_outcome_class (lua_State *L, Sched *S, const HandleClass *c,
                       const luaL_Reg *methods) {
  sk_report_open(L);
  luaL_newmetatable(L, c->name);
  sk_select_class(L, selects);
  lua_pushlightuserdata(L, (void *)(uintptr_t)c);
  lua_rawsetp(L, -2, &CLASS);
  lua_pushlightuserdata(L, S);
  lua_newtable(L);
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, common, 1);
  if (methods != NULL) {
    lua_pushlightuserdata(L, S);
    luaL_setfuncs(L, methods, 1);
  }
  lua_pushcclosure(L, handle_index, 2);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, handle_tostring);
  lua_setfield(L, -2, "__tostring");
  if (c->close != NULL) {
    lua_pushlightuserdata(L, S);
    lua_pushcclosure(L, c->close, 1);
    lua_setfield(L, -2, "__close");
  }
  lua_rawsetp(L, LUA_REGISTRYINDEX, c);
}
