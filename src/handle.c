/*
** handle.c - What the handles of tasks, threads, processes and jobs have in
** common. See handle.h.
*/
#include <string.h>

#include "handle.h"
#include "launch.h"
#include "lib.h"
#include "report.h"
#include "scope.h"
#include "select.h"


Outcome *sk_handle_test (lua_State *L, int idx) {
  return sk_outcome_class(L, idx) != NULL ? lua_touserdata(L, idx) : NULL;
}


static const HandleClass *check (lua_State *L) {
  const HandleClass *c = sk_outcome_class(L, 1);
  if (c == NULL) luaL_typeerror(L, 1, "task, thread, process or job");
  return c;
}


/* The handle at 1, as it is by now. */
static Outcome *self (lua_State *L) {
  const HandleClass *c = check(L);
  if (c->look != NULL) c->look(L, sk_upvalue(L), 1);
  return lua_touserdata(L, 1);
}


/* The same at 'at', of a select. */
static const Outcome *look (lua_State *L, Sched *S, int at) {
  const HandleClass *c = sk_outcome_class(L, at);
  if (c->look != NULL) c->look(L, S, at);
  return lua_touserdata(L, at);
}


bool sk_handle_ended (lua_State *L, Sched *S, int idx) {
  return sk_outcome_ended(look(L, S, idx));
}


/* ---- waiting ---- */

/* Raise if waiting for the handle makes no sense. */
static void checkwait (lua_State *L, const Sched *S, int handle) {
  const HandleClass *c = sk_outcome_class(L, handle);
  const Outcome *o = lua_touserdata(L, handle);
  if (o == &S->current->outcome)
    sk_misuse(L, "a %s cannot wait for itself", c->kind);
  if (o->status == SK_NEW)
    sk_misuse(L, "cannot wait for a %s that was not started", c->kind);
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


/* h:get([timeout]) -> results ... */
static int handle_get (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Outcome *o = self(L);
  sk_time due = sk_checkdeadline(L, 2);
  lua_settop(L, 1);
  sk_sched_checkpoint(L, S);
  if (sk_outcome_ended(o)) return sk_sched_turn(L, S, sk_outcome_push(L, 1));
  checkwait(L, S, 1);
  if (due == SK_NOW) return timedout(L);
  Task *t = sk_sched_prepare(L, S, due);
  t->self.value = SK_GETS;
  return sk_sched_suspend(L, S, &o->waiters, NULL, sk_outcome_class(L, 1)->what,
                          (lua_KContext)S, finishget);
}


/* h:join([timeout]) -> true | nil, "timeout" */
static int handle_join (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Outcome *o = self(L);
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
  return sk_sched_suspend(L, S, &o->waiters, NULL, sk_outcome_class(L, 1)->what,
                          (lua_KContext)S, sk_sched_finishtrue);
}


static int finishawait (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  Sched *S = sk_upvalue(L);
  int n = sk_sched_outcome(L, S);
  sk_scope_leave(S, (Scope *)ctx);
  if (n < 0) return sk_sched_raise(L, S, n);
  return 0;
}


/* Wait until it has ended, whatever cancels come. */
static int await (lua_State *L, Sched *S, Outcome *o) {
  if (sk_outcome_ended(o) || o->status == SK_NEW) return 0;
  checkwait(L, S, 1);
  lua_settop(L, 1);
  Task *t = sk_sched_prepare(L, S, SK_FOREVER);
  Scope *sc = sk_scope_enter(L, S, SK_SHIELD);
  t->self.value = 0;
  return sk_sched_suspend(L, S, &o->waiters, NULL, sk_outcome_class(L, 1)->what,
                          (lua_KContext)sc, finishawait);
}


/* ---- asking ---- */

/* h:done() -> boolean */
static int handle_done (lua_State *L) {
  lua_pushboolean(L, sk_outcome_ended(self(L)));
  return 1;
}


static const char *statusname (const Outcome *o) {
  static const char *const names[] = {"new",      "pending", "running",
                                      "finished", "failed",  "cancelled"};
  return names[o->status];
}


/* h:status() -> string */
static int handle_status (lua_State *L) {
  lua_pushstring(L, statusname(self(L)));
  return 1;
}


/* h:error() -> error | nil */
static int handle_error (lua_State *L) {
  const Outcome *o = self(L);
  if (o->status < SK_FAILED)
    lua_pushnil(L);
  else
    sk_outcome_pusherror(L, 1);
  return 1;
}


/* h:on_done(f) -> h */
static int handle_ondone (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Outcome *o = self(L);
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
  if (sk_outcome_ended(o)) sk_outcome_rundone(L, S, 1);
  return 1;
}


/* ---- starting and stopping ---- */

/* h:start() -> h */
static int handle_start (lua_State *L) {
  const HandleClass *c = check(L);
  self(L);
  lua_settop(L, 1);
  c->start(L, sk_upvalue(L), 1, sk_launch_kept(L, 1));
  lua_settop(L, 1);
  sk_launch_forget(L, 1);
  return 1;
}


/* Ask the handle at 1 to stop, with the reason or nil at 2. False: it had
   ended. */
static bool cancel (lua_State *L, const Outcome *o) {
  if (sk_outcome_ended(o)) return false;
  if (o->status == SK_NEW)
    sk_launch_cancelnew(L, sk_upvalue(L));
  else
    sk_outcome_class(L, 1)->stop(L, sk_upvalue(L));
  return true;
}


/* h:cancel([reason]) -> true | false: it had ended */
static int handle_cancel (lua_State *L) {
  const Outcome *o = self(L);
  lua_settop(L, 2);
  lua_pushboolean(L, cancel(L, o));
  return 1;
}


/* local h <close> = ...: cancel what still runs, and wait for it */
static int handle_close (lua_State *L) {
  Outcome *o = self(L);
  lua_settop(L, 1);
  lua_pushnil(L);
  cancel(L, o);
  return await(L, sk_upvalue(L), o);
}


/* ---- select ---- */

static int attemptget (lua_State *L, Sched *S, int at) {
  const Outcome *o = look(L, S, at);
  if (sk_outcome_ended(o)) return sk_outcome_push(L, at);
  checkwait(L, S, at);
  return -EAGAIN;
}


static int attemptjoin (lua_State *L, Sched *S, int at) {
  const Outcome *o = look(L, S, at);
  if (!sk_outcome_ended(o)) {
    checkwait(L, S, at);
    return -EAGAIN;
  }
  lua_pushboolean(L, 1);
  return 1;
}


static int attemptready (lua_State *L, Sched *S, int at) {
  const Outcome *o = look(L, S, at);
  if (sk_outcome_ended(o)) return 0;
  checkwait(L, S, at);
  return -EAGAIN;
}


static void enlistget (lua_State *L, Sched *S, int at, Waiter *w) {
  (void)S;
  Outcome *o = lua_touserdata(L, at);
  w->value = SK_GETS;
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
  const HandleClass *c = check(L);
  Outcome *o = lua_touserdata(L, 1);
  const char *key = lua_tostring(L, 2);
  if (strcmp(key, "id") == 0) {
    lua_pushinteger(L, (lua_Integer)o->id);
    return 1;
  }
  if (strcmp(key, "name") == 0) {
    sk_outcome_pushname(L, 1);
    return 1;
  }
  return c->field != NULL ? c->field(L, o, key) : 0;
}


/* tostring(handle): "task 'name' (running)" */
static int handle_tostring (lua_State *L) {
  check(L);
  lua_settop(L, 1);
  sk_outcome_pushwho(L, 1);
  lua_pushfstring(L, "%s (%s)", lua_tostring(L, 2),
                  statusname(lua_touserdata(L, 1)));
  return 1;
}


static const luaL_Reg common[] = {
    {"start", handle_start},
    {"get", handle_get},
    {"join", handle_join},
    {"done", handle_done},
    {"status", handle_status},
    {"error", handle_error},
    {"cancel", handle_cancel},
    {"on_done", handle_ondone},
    {NULL, NULL},
};

static const luaL_Reg commonmeta[] = {
    {"__close", handle_close},
    {"__tostring", handle_tostring},
    {NULL, NULL},
};


void sk_handle_open (lua_State *L, Sched *S, const HandleClass *c,
                     const luaL_Reg *methods, const luaL_Reg *meta) {
  sk_report_open(L);
  sk_newclass(L, S, c->name, common, commonmeta);
  luaL_getmetatable(L, c->name);
  sk_addfunctions(L, S, meta);
  sk_select_class(L, selects);
  lua_pushlightuserdata(L, S);
  lua_getfield(L, -2, "__index");
  sk_addfunctions(L, S, methods);
  lua_pushcclosure(L, handle_index, 2);
  lua_setfield(L, -2, "__index");
  sk_outcome_setclass(L, c);
  lua_pop(L, 1);
}


/* core.awaitable(value) -> is it a handle? One that cannot be awaited raises. */
int sk_handle_awaitable (lua_State *L) {
  bool is = sk_handle_test(L, 1) != NULL;
  if (is && !sk_handle_ended(L, sk_upvalue(L), 1))
    checkwait(L, sk_upvalue(L), 1);
  lua_pushboolean(L, is);
  return 1;
}
