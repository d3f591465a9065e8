/*
** lib_command.c - The handles of commands, see command.h.
**
** A start that finds no descriptors left waits in line until a command of this
** state has ended. Only the first in line tries, now and then by itself: what
** takes descriptors and gives them back need not be a command.
*/
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"
#include "handle.h"
#include "launch.h"
#include "lib.h"
#include "open.h"
#include "pipework.h"

#define CLASS "skein.Command"
#define RETRY (SK_SECOND / 20) /* for the first in line */

static const HandleClass class;


static Yard *yardof (Sched *S) {
  Yard *y = S->yard;
  if (y->epoch == S->epoch) return y;
  y->epoch = S->epoch;
  y->live = (List){0}; /* the parent's */
  return y;
}


static void look (lua_State *L, Sched *S, int at) {
  Command *c = lua_touserdata(L, at);
  (void)S;
  sk_remote_checkmine(L, at);
  if (sk_remote_ismine(&c->o.r)) sk_offspring_look(&c->o);
}


/* ---- starting ---- */

static void admit (Sched *S) {
  Waiter *w = sk_sched_claim(S, &yardof(S)->line);
  if (w != NULL) sk_sched_wake(S, w->task, 0);
}


/* The text at the top, and 'err', as an error that is raised. */
static int fail (lua_State *L, Sched *S, int err) {
  admit(S);
  sk_pusherror(L, "error", "%s: %s", lua_tostring(L, -1), strerror(-err));
  lua_pushinteger(L, -err);
  lua_setfield(L, -2, "errno");
  sk_where(L);
  lua_setfield(L, -2, "where");
  return lua_error(L);
}


static int startk (lua_State *L, int status, lua_KContext ctx);


/* Wait for another try: ahead of the others, or behind them. */
static int waitinline (lua_State *L, Sched *S, bool ahead) {
  Yard *y = yardof(S);
  bool first = ahead || sk_list_isempty(&y->line);
  sk_time due = first ? sk_clock_now() + RETRY : SK_FOREVER;
  lua_settop(L, 1);
  Task *t = sk_sched_prepare(L, S, due);
  t->self.task = t;
  if (ahead)
    sk_list_addfirst(&y->line, &t->self.link);
  else
    sk_list_add(&y->line, &t->self.link);
  return sk_sched_suspend(L, S, NULL, NULL, "command start", (lua_KContext)S,
                          startk);
}


/* Start the handle at 1. */
static int try (lua_State *L, Sched *S, bool ahead) {
  Command *c = lua_touserdata(L, 1);
  bool collected = false;
  int err;
  lua_settop(L, 1);
  sk_launch_kept(L, 1);
  for (;;) {
    lua_pushvalue(L, 2);
    err = sk_command_start(L, S, 1);
    if (!sk_command_isfull(err) || !sk_list_isempty(&c->yard->live)) break;
    if (collected) break;
    lua_pop(L, 1);
    lua_gc(L, LUA_GCCOLLECT); /* what is garbage may hold some */
    collected = true;
  }
  if (sk_command_isfull(err) && !sk_list_isempty(&c->yard->live))
    return waitinline(L, S, ahead);
  if (err != 0) return fail(L, S, err);
  sk_launch_forget(L, 1);
  lua_settop(L, 1);
  admit(S); /* there may be room for one more */
  return 1;
}


static int startk (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  Sched *S = (Sched *)ctx;
  int rc = sk_sched_outcome(L, S);
  if (rc == -ECANCELED || rc == -EINTR || rc == -EDEADLK) {
    admit(S);
    return sk_sched_raise(L, S, rc);
  }
  const Outcome *o = lua_touserdata(L, 1);
  if (o->status != SK_NEW || S->current->pending)
    admit(S); /* it was cancelled meanwhile: that is raised */
  sk_sched_checkpoint(L, S);
  return try(L, S, true);
}


/* c:start() -> c */
static int command_start (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Command *c = luaL_checkudata(L, 1, CLASS);
  lua_settop(L, 1);
  sk_launch_kept(L, 1);
  sk_sched_checkpoint(L, S);
  c->yard = yardof(S);
  if (!sk_list_isempty(&c->yard->line)) return waitinline(L, S, false);
  return try(L, S, false);
}


/* ---- handles ---- */

/* Ask it to stop. */
static void stop (lua_State *L, Sched *S) {
  Command *c = lua_touserdata(L, 1);
  (void)S;
  sk_launch_keepreason(L);
  c->o.r.cancelled = true;
  sk_command_end(c);
}


static int command_gc (lua_State *L) {
  sk_command_fini(luaL_checkudata(L, 1, CLASS));
  return 0;
}


static int command_field (lua_State *L, void *handle, const char *key) {
  const Command *c = handle;
  if (strcmp(key, "pid") == 0 && c->o.pid != 0) {
    lua_pushinteger(L, c->o.pid);
    return 1;
  }
  for (int i = 0; i < 3; i++)
    if (strcmp(key, sk_pipework_names[i]) == 0 && c->o.pid != 0) {
      sk_outcome_pushbox(L, 1);
      lua_getfield(L, -1, key);
      return 1;
    }
  return 0;
}


/* core.command(name | nil, spec, daemon) -> command: a new one */
static int core_command (lua_State *L) {
  Sched *S = sk_upvalue(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 3);
  sk_shared_open(L, S); /* which sees to our end */
  Command *c = sk_outcome_new(L, S, &class, sizeof *c, 1);
  c->o.r.S = S;
  c->o.r.daemon = lua_toboolean(L, 3);
  c->o.r.outcome.asked = true; /* how a program ends is no error of ours */
  c->yard = yardof(S);
  lua_replace(L, 1);
  lua_settop(L, 2);
  return sk_launch_begin(L, S, 1, 0, false);
}


/* core.environ() -> {name = value ...}: what programs inherit */
static int core_environ (lua_State *L) {
  lua_newtable(L);
  for (char **e = environ; e != NULL && *e != NULL; e++) {
    const char *eq = strchr(*e, '=');
    if (eq == NULL) continue;
    lua_pushlstring(L, *e, (size_t)(eq - *e));
    lua_pushstring(L, eq + 1);
    lua_settable(L, -3);
  }
  return 1;
}


static void setseconds (lua_State *L, const char *key, sk_time span) {
  lua_pushnumber(L, (lua_Number)(span > 0 ? span : 0) / 1e9);
  lua_setfield(L, -2, key);
}


/* Push {name, program, pid, age, unread, left} of one that runs: how much of its
   text it has not read, in how many seconds it is killed. Without 'program' it
   has ended, and the rest of its group has not. */
static void pushfacts (lua_State *L, const Command *c) {
  lua_createtable(L, 0, 6);
  sk_remote_pushanchors(L);
  lua_rawgetp(L, -1, c);
  sk_outcome_pushname(L, -1);
  lua_setfield(L, -4, "name");
  lua_pop(L, 2);
  lua_pushinteger(L, c->o.pid);
  lua_setfield(L, -2, "pid");
  lua_pushstring(L, c->o.child != NULL ? c->o.child->name : NULL);
  lua_setfield(L, -2, "program");
  lua_pushinteger(L, c->pump[0].open ? (lua_Integer)c->pump[0].left : 0);
  lua_setfield(L, -2, "unread");
  setseconds(L, "age", sk_clock_now() - c->born);
  if (c->o.due != 0 && c->o.due != SK_FOREVER)
    setseconds(L, "left", c->o.due - sk_clock_now());
}


/* core.commands() -> list of those that run, the oldest first */
static int core_commands (lua_State *L) {
  List *live = &yardof(sk_upvalue(L))->live;
  lua_Integer n = 0;
  lua_newtable(L);
  for (List *l = live->next; l != NULL && l != live; l = l->next) {
    pushfacts(L, sk_container(l, Command, link));
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}


static void oninterrupt (Sched *S) {
  sk_command_interrupt(yardof(S));
}


static const HandleClass class = {
    .name = CLASS,
    .kind = "command",
    .what = "command end",
    .offspring = true,
    .look = look,
    .stop = stop,
    .field = command_field,
};

static const luaL_Reg methods[] = {{"start", command_start}, {NULL, NULL}};
static const luaL_Reg meta[] = {{"__gc", command_gc}, {NULL, NULL}};
static const luaL_Reg functions[] = {
    {"command", core_command},
    {"commands", core_commands},
    {"environ", core_environ},
    {NULL, NULL},
};


void sk_open_command (lua_State *L, Sched *S) {
  S->yard = lua_newuserdatauv(L, sizeof *S->yard, 0);
  *S->yard = (Yard){0};
  lua_rawsetp(L, LUA_REGISTRYINDEX, S->yard); /* anchored */
  S->oninterrupt = oninterrupt;
  sk_handle_open(L, S, &class, sk_offspring_methods, meta);
  luaL_getmetatable(L, CLASS);
  lua_getfield(L, -1, "__index");
  lua_getupvalue(L, -1, 2);
  sk_addfunctions(L, S, methods);
  lua_pop(L, 3);
  sk_addfunctions(L, S, functions);
}
