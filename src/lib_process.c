/*
** lib_process.c - skein.process: a function in an OS process of its own.
*/
#include <signal.h>
#include <string.h>

#include "child.h"
#include "clock.h"
#include "handle.h"
#include "open.h"
#include "process.h"

#define CLASS "skein.Process"
#define GRACE (5 * SK_SECOND) /* between TERM and KILL */

static const char *const methodnames[] = {"fork", "spawn", "server", NULL};
static const HandleClass class;


static void look (lua_State *L, Sched *S, int at) {
  Process *p = lua_touserdata(L, at);
  (void)S;
  sk_remote_checkmine(L, &p->r);
  if (sk_remote_ismine(&p->r)) sk_process_look(p);
}


/* The process at 1, one of our own, as it is by now. */
static Process *checkmine (lua_State *L) {
  Process *p = luaL_checkudata(L, 1, CLASS);
  look(L, sk_upvalue(L), 1);
  return p;
}


/* p:alive() -> boolean */
static int process_alive (lua_State *L) {
  Process *p = checkmine(L);
  lua_pushboolean(L, p->r.outcome.status == SK_RUNNING);
  return 1;
}


/* p:exitcode() -> nil while it runs | code | -signal */
static int process_exitcode (lua_State *L) {
  Process *p = checkmine(L);
  if (p->pid == 0 || p->child != NULL || p->status == SK_UNKNOWN)
    luaL_pushfail(L);
  else
    lua_pushinteger(L, p->status);
  return 1;
}


/* Send it; pushes whether it still ran. */
static int send (lua_State *L, Process *p, int signo) {
  bool runs = p->child != NULL && sk_spawn_signal(p->child, signo) == 0;
  lua_pushboolean(L, runs);
  return 1;
}


/* p:signal(name or number) -> true | false: it has ended */
static int process_signal (lua_State *L) {
  Process *p = checkmine(L);
  int signo = 0;
  if (lua_isinteger(L, 2)) {
    lua_Integer n = lua_tointeger(L, 2);
    signo = n >= 0 && n < SK_NSIGNALS ? (int)n : -1;
  }
  else {
    signo = sk_signals_number(luaL_checkstring(L, 2));
    if (signo == 0) signo = -1;
  }
  if (signo < 0)
    luaL_argerror(
        L, 2, lua_pushfstring(L, "unknown signal '%s'", lua_tostring(L, 2)));
  return send(L, p, signo);
}


/* p:kill() -> true | false: it has ended */
static int process_kill (lua_State *L) {
  return send(L, checkmine(L), SIGKILL);
}


/* p:terminate([grace]) -> true | false: it had ended. TERM, later KILL. */
static int process_terminate (lua_State *L) {
  Process *p = checkmine(L);
  sk_time due =
      lua_isnoneornil(L, 2) ? sk_clock_now() + GRACE : sk_checkspan(L, 2);
  send(L, p, SIGTERM);
  if (!lua_toboolean(L, -1) || due == SK_FOREVER) return 1;
  int err = 0;
  if (due == SK_NOW)
    sk_spawn_signal(p->child, SIGKILL);
  else
    err = sk_process_killat(p, due);
  if (err != 0)
    luaL_error(L, "cannot see to the end of process %d: %s", p->pid,
               strerror(-err));
  return 1;
}


/* Ask it to stop. */
static void stop (lua_State *L, Sched *S) {
  Process *p = lua_touserdata(L, 1);
  (void)S;
  if (!p->r.cancelled) sk_launch_keepreason(L);
  p->r.cancelled = true;
  sk_spawn_signal(p->child, SIGTERM);
}


static int process_gc (lua_State *L) {
  sk_process_fini(luaL_checkudata(L, 1, CLASS));
  return 0;
}


static int process_field (lua_State *L, void *handle, const char *key) {
  Process *p = handle;
  if (strcmp(key, "pid") != 0 || p->pid == 0) return 0;
  lua_pushinteger(L, p->pid);
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
  p->r.outcome.asked = true; /* a child says itself what went wrong */
  return sk_launch_begin(L, S, 1, nargs, atonce);
}


/* Insert the handle at the top, 'p', into the list at 1: the oldest first. */
static void insert (lua_State *L, const Process *p) {
  lua_Integer i = luaL_len(L, 1);
  for (; i > 0; i--) {
    lua_rawgeti(L, 1, i);
    const Process *other = lua_touserdata(L, -1);
    if (other->r.outcome.id < p->r.outcome.id) break;
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
    if (p != NULL && p->r.epoch == S->epoch && !p->r.hidden &&
        !sk_process_look(p))
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
  if (pid == 0) return 0;
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
    .look = look,
    .start = sk_process_start,
    .stop = stop,
    .field = process_field,
};

static const luaL_Reg methods[] = {
    {"alive", process_alive},   {"exitcode", process_exitcode},
    {"signal", process_signal}, {"terminate", process_terminate},
    {"kill", process_kill},     {NULL, NULL},
};

static const luaL_Reg meta[] = {{"__gc", process_gc}, {NULL, NULL}};

/* core.patience(seconds) - before the end of this process says whom it waits
   for: for tests */
static int core_patience (lua_State *L) {
  sk_spawn_patience = (sk_time)(luaL_checknumber(L, 1) * 1e9);
  return 0;
}


static const luaL_Reg functions[] = {
    {"patience", core_patience}, {"interpreter", sk_child_interpreter},
    {"process", core_process},   {"children", core_children},
    {"parent", core_parent},     {"enter", sk_child_enter},
    {"serve", sk_child_serve},   {NULL, NULL}};


void sk_open_process (lua_State *L, Sched *S) {
  sk_object_register(SK_PARCEL, &sk_parcel_class);
  sk_handle_open(L, S, &class, methods, meta);
  sk_remote_open(L);
  sk_addfunctions(L, S, functions);
}
