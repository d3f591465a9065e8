/*
** lib_task.c - Tasks, sleeping, and who runs.
*/
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "coro.h"
#include "lib.h"
#include "lib_task.h"
#include "open.h"
#include "report.h"
#include "scope.h"


/* ---- starting ---- */

/* Raise for an option that nobody knows, or of the wrong type. */
static void checkoptions (lua_State *L, int arg) {
  lua_pushnil(L);
  while (lua_next(L, arg) != 0) {
    bool text = lua_type(L, -2) == LUA_TSTRING;
    const char *key = text ? lua_tostring(L, -2) : luaL_typename(L, -2);
    if (strcmp(key, "name") == 0) {
      if (lua_type(L, -1) != LUA_TSTRING)
        luaL_argerror(L, arg,
                      lua_pushfstring(L, "name must be a string, got %s",
                                      sk_typename(L, -1)));
    }
    else if (strcmp(key, "start") != 0)
      luaL_argerror(L, arg, lua_pushfstring(L, "unknown option '%s'", key));
    lua_pop(L, 1);
  }
}


/*
** Keep the top 'n' values in the handle until it is started; pops them.
** 'group': index of the group it will belong to, or 0.
*/
static void keep (lua_State *L, int handle, int n, int group) {
  lua_createtable(L, n, 1);
  lua_insert(L, -n - 1);
  for (int i = n; i >= 1; i--) lua_rawseti(L, -i - 1, i);
  lua_pushinteger(L, n);
  lua_setfield(L, -2, "n");
  sk_outcome_pushbox(L, handle);
  lua_insert(L, -2);
  lua_setfield(L, -2, "kept");
  if (group != 0) {
    lua_pushvalue(L, group);
    lua_setfield(L, -2, "group");
  }
  lua_pop(L, 1);
}


int sk_libtask_start (lua_State *L, Sched *S, int arg, Nursery *in, int group) {
  bool start = true;
  int name = 0, fn = arg;
  if (lua_type(L, arg) == LUA_TTABLE) {
    fn = arg + 1;
    checkoptions(L, arg);
    lua_getfield(L, arg, "start");
    start = lua_isnil(L, -1) || lua_toboolean(L, -1);
    lua_getfield(L, arg, "name");
    lua_replace(L, arg);
    lua_pop(L, 1);
    name = arg;
  }
  luaL_checktype(L, fn, LUA_TFUNCTION);
  sk_outcome_new(L, S, &sk_coro_class, sizeof(Task), name);
  lua_insert(L, fn);
  int nargs = lua_gettop(L) - fn - 1;
  if (start)
    sk_coro_start(L, S, fn, nargs, in, group);
  else
    keep(L, fn, nargs + 1, group);
  lua_settop(L, fn);
  return 1;
}


/* core.task([opts,] fn, ...) -> task */
static int core_task (lua_State *L) {
  return sk_libtask_start(L, sk_upvalue(L), 1, NULL, 0);
}


static Task *checktask (lua_State *L) {
  return luaL_checkudata(L, 1, sk_coro_class.name);
}


/* task:start() -> task */
static int task_start (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Task *t = checktask(L);
  if (t->outcome.status != SK_NEW)
    return luaL_error(L, "the task was started already");
  lua_settop(L, 1);
  sk_outcome_pushbox(L, 1);
  lua_getfield(L, 2, "kept");
  lua_getfield(L, 3, "n");
  int n = (int)lua_tointeger(L, -1);
  luaL_checkstack(L, n, "too many arguments");
  lua_getfield(L, 2, "group");
  Nursery *in = lua_touserdata(L, 4 + 1);
  if (in != NULL && in->closed) return luaL_error(L, "the group has ended");
  for (int i = 1; i <= n; i++) lua_rawgeti(L, 3, i);
  sk_coro_start(L, S, 1, n - 1, in, in != NULL ? 5 : 0);
  lua_pushnil(L);
  lua_setfield(L, 2, "kept");
  lua_settop(L, 1);
  return 1;
}


/* task:cancel([reason]) -> boolean */
static int task_cancel (lua_State *L) {
  Task *t = checktask(L);
  lua_settop(L, 2);
  if (!lua_isnil(L, 2) && !sk_outcome_ended(&t->outcome) && !t->cancelled)
    sk_scope_setreason(L, t);
  lua_pushboolean(L, sk_coro_cancel(L, sk_upvalue(L), 1));
  return 1;
}


/* local t <close> = ...: cancel what still runs, and wait for it */
static int task_close (lua_State *L) {
  checktask(L);
  lua_settop(L, 1);
  sk_coro_cancel(L, sk_upvalue(L), 1);
  return sk_outcome_await(L);
}


const HandleClass sk_coro_class = {
    .name = "skein.Task",
    .kind = "task",
    .what = "task end",
    .close = task_close,
};

static const luaL_Reg methods[] = {
    {"start", task_start},
    {"cancel", task_cancel},
    {NULL, NULL},
};


/* ---- time ---- */

static int finishsleep (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  sk_sched_woken(L, (Sched *)ctx);
  return 0;
}


/* core.sleep(seconds) */
static int core_sleep (lua_State *L) {
  Sched *S = sk_upvalue(L);
  sk_time due = sk_checkspan(L, 1);
  lua_settop(L, 0);
  sk_sched_checkpoint(L, S);
  if (due == SK_NOW) return sk_sched_yield(L, S);
  if (due == SK_FOREVER) due--; /* it is meant: no deadlock */
  return sk_sched_parkk(L, S, NULL, due, "sleep", (lua_KContext)S, finishsleep);
}


/* core.yield() - let the others run */
static int core_yield (lua_State *L) {
  Sched *S = sk_upvalue(L);
  lua_settop(L, 0);
  sk_sched_checkpoint(L, S);
  return sk_sched_yield(L, S);
}


/* core.now() -> seconds, monotonic */
static int core_now (lua_State *L) {
  lua_pushnumber(L, (lua_Number)sk_clock_now() / 1e9);
  return 1;
}


/* ---- who ---- */

/* core.self() -> {kind, name, id, pid} of what runs */
static int core_self (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Task *t = S->current;
  lua_createtable(L, 0, 4);
  lua_pushinteger(L, (lua_Integer)t->outcome.id);
  lua_setfield(L, -2, "id");
  lua_pushinteger(L, getpid());
  lua_setfield(L, -2, "pid");
  if (t != &S->top && sk_coro_pushhandle(L, t)) {
    sk_outcome_pushname(L, -1);
    lua_remove(L, -2);
    lua_setfield(L, -2, "name");
    lua_pushliteral(L, "task");
  }
  else {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &S->kind); /* the name given to it */
    if (lua_isnil(L, -1)) {
      lua_pop(L, 1);
      lua_pushliteral(L, "main");
    }
    lua_setfield(L, -2, "name");
    lua_pushstring(L, S->kind);
  }
  lua_setfield(L, -2, "kind");
  return 1;
}


/* core.live() -> how many tasks were started and have not ended */
static int core_live (lua_State *L) {
  Sched *S = sk_upvalue(L);
  lua_pushinteger(L, (lua_Integer)S->live);
  return 1;
}


static const luaL_Reg functions[] = {
    {"task", core_task},
    {"sleep", core_sleep},
    {"yield", core_yield},
    {"now", core_now},
    {"self", core_self},
    {"live", core_live},
    {"on_error", sk_report_onerror},
    {"is_handle", sk_outcome_ishandle},
    {NULL, NULL},
};


void sk_open_task (lua_State *L, Sched *S) {
  sk_outcome_class(L, S, &sk_coro_class, methods);
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, functions, 1);
}
