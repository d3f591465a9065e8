/*
** lib_task.c - Tasks, sleeping, and who runs.
*/
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "coro.h"
#include "crossing.h"
#include "handle.h"
#include "launch.h"
#include "lib.h"
#include "lib_task.h"
#include "open.h"
#include "report.h"
#include "scope.h"


/* ---- starting ---- */

/* Without options, which is what is done by the million. */
static int startplain (lua_State *L, Sched *S, int arg, Nursery *in,
                       int group) {
  int nargs = lua_gettop(L) - arg;
  sk_outcome_new(L, S, &sk_coro_class, sizeof(Task), 0);
  lua_insert(L, arg);
  sk_coro_start(L, S, arg, nargs, in, group);
  lua_settop(L, arg);
  return 1;
}


int sk_libtask_start (lua_State *L, Sched *S, int arg, Nursery *in, int group) {
  static const char *const options[] = {"name", "start", NULL};
  if (sk_likely(lua_isfunction(L, arg)))
    return startplain(L, S, arg, in, group);
  int nargs = sk_launch_check(L, arg, options, false);
  bool atonce = sk_launch_atonce(L, arg);
  sk_launch_handle(L, S, arg, &sk_coro_class, sizeof(Task));
  if (atonce) {
    sk_coro_start(L, S, arg, nargs, in, group);
    lua_settop(L, arg);
    return 1;
  }
  if (group != 0) {
    lua_pushvalue(L, group);
    sk_outcome_setfield(L, arg, "group");
  }
  return sk_launch_begin(L, S, arg, nargs, false);
}


/* core.task([opts,] fn, ...) -> task */
static int core_task (lua_State *L) {
  return sk_libtask_start(L, sk_upvalue(L), 1, NULL, 0);
}


/* A later start: perhaps in the group that it was made for. */
static void start (lua_State *L, Sched *S, int handle, int nargs) {
  int fn = lua_gettop(L) - nargs;
  sk_outcome_pushbox(L, handle);
  lua_getfield(L, -1, "group");
  lua_remove(L, -2);
  lua_insert(L, fn);
  Nursery *in = lua_touserdata(L, fn);
  if (in != NULL && in->closed) luaL_error(L, "the group has ended");
  sk_coro_start(L, S, handle, nargs, in, in != NULL ? fn : 0);
}


static void stop (lua_State *L, Sched *S) {
  Task *t = lua_touserdata(L, 1);
  if (!lua_isnil(L, 2) && !t->cancelled) {
    lua_pushvalue(L, 2);
    sk_scope_setreason(L, t);
  }
  sk_sched_cancel(S, t);
}


const HandleClass sk_coro_class = {
    .name = "skein.Task",
    .kind = "task",
    .what = "task end",
    .start = start,
    .stop = stop,
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


/* core.checkpoint() - of a wait in our Lua layer that need not wait */
static int core_checkpoint (lua_State *L) {
  sk_sched_checkpoint(L, sk_upvalue(L));
  return 0;
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
    sk_crossing_pushself(L, S);
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
    {"checkpoint", core_checkpoint},
    {"now", core_now},
    {"self", core_self},
    {"live", core_live},
    {"on_error", sk_report_onerror},
    {"awaitable", sk_handle_awaitable},
    {NULL, NULL},
};


void sk_open_task (lua_State *L, Sched *S) {
  sk_handle_open(L, S, &sk_coro_class, NULL, NULL);
  sk_addfunctions(L, S, functions);
}
