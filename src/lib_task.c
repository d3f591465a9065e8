/*
** lib_task.c - Tasks, sleeping, and who runs.
*/
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "coro.h"
#include "launch.h"
#include "lib.h"
#include "lib_task.h"
#include "open.h"
#include "report.h"
#include "scope.h"


/* ---- starting ---- */

/* Keep the group, for a later start. */
static void keepgroup (lua_State *L, int handle, int group) {
  if (group == 0) return;
  sk_outcome_pushbox(L, handle);
  lua_pushvalue(L, group);
  lua_setfield(L, -2, "group");
  lua_pop(L, 1);
}


int sk_libtask_start (lua_State *L, Sched *S, int arg, Nursery *in, int group) {
  static const char *const options[] = {"name", "start", NULL};
  int nargs = sk_launch_check(L, arg, options, false);
  bool atonce = sk_launch_atonce(L, arg);
  sk_launch_handle(L, S, arg, &sk_coro_class, sizeof(Task));
  if (atonce)
    sk_coro_start(L, S, arg, nargs, in, group);
  else {
    sk_launch_keep(L, arg, nargs + 1);
    keepgroup(L, arg, group);
  }
  lua_settop(L, arg);
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
  checktask(L);
  lua_settop(L, 1);
  sk_outcome_pushbox(L, 1);
  lua_getfield(L, 2, "group");
  lua_replace(L, 2);
  Nursery *in = lua_touserdata(L, 2);
  int nargs = sk_launch_kept(L, 1);
  if (in != NULL && in->closed) return luaL_error(L, "the group has ended");
  sk_coro_start(L, S, 1, nargs, in, in != NULL ? 2 : 0);
  sk_launch_forget(L, 1);
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
