/*
** lib_process.c - skein.process: a function in an OS process of its own.
*/
#include <signal.h>
#include <string.h>

#include "child.h"
#include "handle.h"
#include "open.h"
#include "osthread.h"
#include "process.h"

#define CLASS "skein.Process"

static const char *const methodnames[] = {"fork", "spawn", "server", NULL};
static const HandleClass class;


static void look (lua_State *L, Sched *S, int at) {
  Process *p = lua_touserdata(L, at);
  (void)S;
  sk_remote_checkmine(L, at);
  if (sk_remote_ismine(&p->o.r)) sk_offspring_look(&p->o);
}


/* Ask it to stop. */
static void stop (lua_State *L, Sched *S) {
  Process *p = lua_touserdata(L, 1);
  (void)S;
  if (!p->o.r.cancelled) sk_launch_keepreason(L);
  p->o.r.cancelled = true;
  sk_offspring_signal(&p->o, SIGTERM);
}


static int process_gc (lua_State *L) {
  sk_offspring_fini(luaL_checkudata(L, 1, CLASS));
  return 0;
}


static int process_field (lua_State *L, void *handle, const char *key) {
  Process *p = handle;
  if (strcmp(key, "pid") != 0 || p->o.pid == 0) return 0;
  lua_pushinteger(L, p->o.pid);
  return 1;
}


/* core.process([opts,] fn, ...) -> process */
static int core_process (lua_State *L) {
  static const char *const options[] = {"name",   "start",   "daemon",
                                        "method", "_hidden", NULL};
  Sched *S = sk_upvalue(L);
  int nargs = sk_launch_check(L, 1, options, true);
  int method = sk_launch_choice(L, 1, "method", methodnames);
  bool atonce = sk_launch_atonce(L, 1);
  Process *p = (Process *)sk_remote_new(L, S, &class, sizeof *p);
  p->method = method;
  p->o.r.outcome.asked = true; /* a child says itself what went wrong */
  return sk_launch_begin(L, S, 1, nargs, atonce);
}


/* Insert the handle at the top, 'p', into the list at 1: the oldest first. */
static void insert (lua_State *L, const Process *p) {
  lua_Integer i = luaL_len(L, 1);
  for (; i > 0; i--) {
    lua_rawgeti(L, 1, i);
    const Process *other = lua_touserdata(L, -1);
    if (other->o.r.outcome.id < p->o.r.outcome.id) break;
    lua_rawseti(L, 1, i + 1);
  }
  lua_settop(L, 4);
  lua_rawseti(L, 1, i + 1);
}


/* core.children() -> the handles of the live processes started here */
static int core_children (lua_State *L) {
  Sched *S = sk_upvalue(L);
  lua_settop(L, 0);
  lua_newtable(L);
  sk_remote_pushanchors(L);
  lua_pushnil(L);
  while (lua_next(L, 2)) {
    Process *p = luaL_testudata(L, 4, CLASS);
    if (p != NULL && p->o.r.epoch == S->epoch && !p->o.r.hidden &&
        !sk_offspring_look(&p->o))
      insert(L, p);
    lua_settop(L, 3);
  }
  lua_settop(L, 1);
  return 1;
}


/* core.parent() -> {pid =, name =} of who started this process | nil */
static int core_parent (lua_State *L) {
  const char *name;
  int pid = sk_child_parent(&name);
  if (pid == 0) {
    lua_pushnil(L);
    return 1;
  }
  lua_createtable(L, 0, 2);
  lua_pushinteger(L, pid);
  lua_setfield(L, -2, "pid");
  lua_pushstring(L, name);
  lua_setfield(L, -2, "name");
  return 1;
}


static const HandleClass class = {
    .name = CLASS,
    .kind = "process",
    .what = "process end",
    .offspring = true,
    .look = look,
    .start = sk_process_start,
    .stop = stop,
    .field = process_field,
};

static const luaL_Reg meta[] = {{"__gc", process_gc}, {NULL, NULL}};

/* core.patience(seconds) - before the end of this process says whom it waits
   for: for tests */
static int core_patience (lua_State *L) {
  sk_osthread_patience = (sk_time)(luaL_checknumber(L, 1) * 1e9);
  return 0;
}


static const luaL_Reg functions[] = {
    {"patience", core_patience}, {"interpreter", sk_child_interpreter},
    {"process", core_process},   {"children", core_children},
    {"parent", core_parent},     {"enter", sk_child_enter},
    {"serve", sk_child_serve},   {NULL, NULL}};


void sk_open_process (lua_State *L, Sched *S) {
  sk_object_register(SK_PARCEL, &sk_parcel_class);
  sk_handle_open(L, S, &class, sk_offspring_methods, meta);
  sk_remote_open(L);
  sk_addfunctions(L, S, functions);
}
