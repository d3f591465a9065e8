/*
** lib_group.c - Tasks that end together: skein.group and skein.run.
**
** Both run a function in the calling task's stead, in a scope, and leave only
** when all tasks of their nursery have ended, however they were made to leave.
** The stack of the call, from 1: message handler (upvalue 2), nursery, and
** the results of the function while the tasks are waited for.
**
** User value 1 of a group is the list of the errors of its tasks.
*/
#include "coro.h"
#include "lib.h"
#include "lib_task.h"
#include "open.h"
#include "scope.h"

#define CLASS "skein.Group"

static int waitall (lua_State *L, Sched *S, Nursery *n);


/* ---- the end ---- */

/* Is the error at the top the cancel of this scope, or of one around it? */
static bool iscancel (lua_State *L, const Scope *sc) {
  const Task *t = sc->task;
  for (; sc != NULL; sc = sc->parent)
    if (sk_scope_owns(L, -1, sc->serial)) return true;
  return sk_scope_owns(L, -1, t->outcome.id);
}


/* Push one error that tells of all in the list at the top. */
static void pusherrors (lua_State *L, lua_Integer count) {
  sk_pusherror(L, "errors", "%d tasks failed", (int)count);
  lua_insert(L, -2);
  lua_setfield(L, -2, "errors");
}


/* Raise what went wrong in the group, if anything did. */
static void raiseerrors (lua_State *L, Task *t, bool first) {
  lua_getiuservalue(L, SK_NURSERY, 1);
  lua_Integer count = luaL_len(L, -1);
  if (count == 0) {
    lua_pop(L, 1);
    return;
  }
  if (count == 1 || first)
    lua_rawgeti(L, -1, 1);
  else
    pusherrors(L, count);
  t->rethrown = true;
  lua_error(L);
}


/* All tasks have ended, or are given up: leave. What the function returned is
** above the nursery. */
static int leave (lua_State *L, Sched *S, Nursery *n) {
  Task *t = n->scope->task;
  sk_list_remove(&n->peer);
  sk_scope_leave(S, n->scope);
  n->scope = NULL;
  n->closed = true;
  if (!n->group) {
    sk_scope_leavehome(S, t, n);
    if (n->interrupted) n->err = -EINTR;
  }
  if (n->err == -EINTR || n->err == -EDEADLK)
    return sk_sched_raise(L, S, n->err);
  raiseerrors(L, t, n->first);
  if (n->err == -ECANCELED && t->pending) return sk_scope_raise(L, t);
  return lua_gettop(L) - SK_NURSERY;
}


/* ---- waiting for the tasks ---- */

/* The last wait, which only Ctrl-C or a deadlock can cut short. */
static int finishshielded (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  Sched *S = (Sched *)ctx;
  Nursery *n = lua_touserdata(L, SK_NURSERY);
  int rc = sk_sched_outcome(L, S);
  if (rc < 0) {
    n->err = rc;
    sk_sched_giveup(S, n);
  }
  return leave(L, S, n);
}


/*
** Cancel what still runs and wait for it; the scope itself becomes the shield.
** Here and below nothing can raise before the wait: its legality was checked
** at the beginning, and it needs no memory.
*/
static int windup (lua_State *L, Sched *S, Nursery *n) {
  sk_sched_cancelall(S, n);
  if (n->live == 0) return leave(L, S, n);
  n->scope->kind = SK_SHIELD;
  sk_scope_refresh(n->scope->task);
  return sk_sched_suspend(L, S, &n->idle, NULL, "end of its tasks",
                          (lua_KContext)S, finishshielded);
}


static int finishwait (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  Sched *S = (Sched *)ctx;
  Nursery *n = lua_touserdata(L, SK_NURSERY);
  int rc = sk_sched_outcome(L, S);
  if (rc >= 0) return waitall(L, S, n); /* there may be new ones */
  n->err = rc;
  return windup(L, S, n);
}


static int waitall (lua_State *L, Sched *S, Nursery *n) {
  if (n->live == 0) return leave(L, S, n);
  if (S->current->pending) {
    n->err = -ECANCELED;
    return windup(L, S, n);
  }
  return sk_sched_suspend(L, S, &n->idle, NULL, "end of its tasks",
                          (lua_KContext)S, finishwait);
}


/* The function has ended. */
static int finishbody (lua_State *L, int status, lua_KContext ctx) {
  Sched *S = (Sched *)ctx;
  Nursery *n = lua_touserdata(L, SK_NURSERY);
  bool ok = status == LUA_OK || status == LUA_YIELD;
  if (ok && n->group) return waitall(L, S, n);
  if (!ok) {
    if (iscancel(L, n->scope))
      n->err = -ECANCELED;
    else
      sk_coro_blame(L, SK_NURSERY);
    lua_settop(L, SK_NURSERY);
  }
  return windup(L, S, n);
}


/* ---- beginning ---- */

/* New nursery of the running task; pushes it. */
static Nursery *pushnursery (lua_State *L, bool group) {
  Nursery *n = lua_newuserdatauv(L, sizeof *n, 1);
  *n = (Nursery){.group = group};
  luaL_setmetatable(L, CLASS);
  lua_createtable(L, 1, 0); /* room for one error, come what may */
  lua_setiuservalue(L, -2, 1);
  return n;
}


static int group (lua_State *L, bool first) {
  Sched *S = sk_upvalue(L);
  luaL_checktype(L, 1, LUA_TFUNCTION);
  sk_sched_checkpoint(L, S);
  sk_sched_prepare(L, S, SK_FOREVER); /* it will wait, in the end */
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_insert(L, 1);
  Nursery *n = pushnursery(L, true);
  n->first = first;
  lua_insert(L, SK_NURSERY);
  lua_pushvalue(L, SK_NURSERY);
  lua_insert(L, SK_NURSERY + 2);
  n->scope = sk_scope_enter(L, S, SK_GROUP);
  n->run = S->current->home;
  sk_list_add(&S->nurseries, &n->peer);
  int status = lua_pcallk(L, lua_gettop(L) - SK_NURSERY - 1, LUA_MULTRET, 1,
                          (lua_KContext)S, finishbody);
  return finishbody(L, status, (lua_KContext)S);
}


/* core.group(fn, ...) -> what fn(g, ...) returned, when all have ended */
static int core_group (lua_State *L) {
  return group(L, false);
}


/* core.firstgroup(fn, ...): the same, but the first error is raised alone */
static int core_firstgroup (lua_State *L) {
  return group(L, true);
}


/* core.run(fn, ...) -> what fn returned; ends all that it started */
static int core_run (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Task *t = S->current;
  luaL_checktype(L, 1, LUA_TFUNCTION);
  if (t->home != NULL) return luaL_error(L, "skein.run inside of a run");
  sk_sched_checkpoint(L, S);
  sk_sched_prepare(L, S, SK_FOREVER);
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_insert(L, 1);
  Nursery *n = pushnursery(L, false);
  lua_insert(L, SK_NURSERY);
  n->scope = sk_scope_enter(L, S, SK_RUN);
  n->run = n;
  sk_list_add(&S->nurseries, &n->peer);
  sk_scope_comehome(S, t, n);
  if (t == &S->top) sk_signals_ready(&S->sink);
  int status = lua_pcallk(L, lua_gettop(L) - SK_NURSERY - 1, LUA_MULTRET, 1,
                          (lua_KContext)S, finishbody);
  return finishbody(L, status, (lua_KContext)S);
}


/* ---- the group ---- */

/* g:task([opts,] fn, ...) -> task */
static int group_task (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Nursery *n = luaL_checkudata(L, 1, CLASS);
  if (n->closed) return luaL_error(L, "the group has ended");
  if (n->scope->cancelled) return luaL_error(L, "the group was cancelled");
  return sk_libtask_start(L, S, 2, n, 1);
}


/* g:cancel() - end the group, without error */
static int group_cancel (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Nursery *n = luaL_checkudata(L, 1, CLASS);
  if (!n->closed) sk_sched_cancelall(S, n);
  return 0;
}


static const luaL_Reg methods[] = {
    {"task", group_task},
    {"cancel", group_cancel},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"group", core_group},
    {"firstgroup", core_firstgroup},
    {"run", core_run},
    {NULL, NULL},
};


void sk_open_group (lua_State *L, Sched *S) {
  sk_newclass(L, S, CLASS, methods, NULL);
  lua_pushlightuserdata(L, S);
  sk_coro_pushhandler(L);
  luaL_setfuncs(L, functions, 2);
}
