/*
** lib_process.c - skein.process: a function in an OS process of its own.
**
** A handle is anchored in the registry while its process runs. The end of the
** process is seen by its pidfd in the poller, or by whoever asks; then it is
** reaped, its slot swept, and what it left in its parcel becomes the outcome.
*/
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "crossing.h"
#include "launch.h"
#include "open.h"
#include "signals.h"
#include "spawn.h"
#include "sweep.h"

#define CLASS "skein.Process"

enum { FORK, SPAWN };

typedef struct Process {
  Outcome outcome; /* must be first */
  Watch watch;     /* of the pidfd */
  Child *child;    /* NULL until it is started */
  Parcel *parcel;
  Sched *S;
  uint64_t epoch; /* a forked child's copy of the handle is a stranger */
  uint32_t ref;   /* of the parcel */
  int pid;        /* stays known after the end */
  int status;     /* exit code or -signal, once ended */
  int method;
  bool daemon;
  bool cancelled; /* by 'cancel' */
  bool hidden;    /* not one of the user's: a worker */
  bool holds;     /* the reference */
} Process;

static const char *const methodnames[] = {"fork", "spawn", NULL};

static const char anchors; /* key of a table: live handles by address */
static const char parent;  /* key of {pid =, name =} */

static Sched *here; /* process-wide: whom SIGTERM in a child tells */


/* ---- the end ---- */

/* Push the error of a process that left nothing behind. */
static void pushdeath (lua_State *L, const Process *p) {
  if (p->cancelled && p->status == -SIGTERM) {
    sk_pusherror(L, "cancelled", "the process was cancelled");
    return;
  }
  if (p->status >= 0) {
    sk_pusherror(L, "exited", "the process %d left by exit with code %d",
                 p->pid, p->status);
    lua_pushinteger(L, p->status);
    lua_setfield(L, -2, "code");
    return;
  }
  if (p->status == SK_UNKNOWN) {
    sk_pusherror(L, "exited",
                 "the process %d ended; how is not known, for "
                 "somebody else waited for it",
                 p->pid);
    return;
  }
  const char *name = sk_signals_name(-p->status);
  sk_pusherror(L, "killed", "the process %d was killed by signal %d (SIG%s)",
               p->pid, -p->status, name != NULL ? name : "?");
  lua_pushinteger(L, -p->status);
  lua_setfield(L, -2, "signal");
}


/* Push what it was: "process 'x' (pid 12)". */
static void pushsource (lua_State *L, int handle, int pid) {
  sk_outcome_pushname(L, handle);
  lua_pushfstring(L, "process '%s' (pid %d)", lua_tostring(L, -1), pid);
  lua_remove(L, -2);
}


static void settlesource (lua_State *L, int handle, const Process *p) {
  if (!sk_iserror(L, -1, NULL)) return;
  pushsource(L, handle, p->pid);
  lua_setfield(L, -2, "source");
}


/* (handle): it is reaped; say how it ended. */
static int settle (lua_State *L) {
  Process *p = lua_touserdata(L, 1);
  Shared *s = sk_shared_of(p->S);
  Status status = SK_FAILED;
  lua_settop(L, 1);
  int n = -1;
  if (p->status >= 0 || p->parcel->outcome == SK_STOPPED)
    n = sk_crossing_collect(L, s, p->parcel, &status);
  if (n < 0) {
    pushdeath(L, p);
    n = 1;
    if (p->cancelled && p->status == -SIGTERM) status = SK_CANCELLED;
  }
  if (status == SK_CANCELLED && !p->cancelled) {
    lua_settop(L, 1); /* somebody else's TERM */
    pushdeath(L, p);
    status = SK_FAILED;
    n = 1;
  }
  if (status != SK_FINISHED) settlesource(L, 1, p);
  sk_outcome_settle(L, p->S, 1, status, n);
  return 0;
}


/* What became of it cannot be told: that is told. */
static int settlebadly (lua_State *L) {
  Process *p = lua_touserdata(L, 1);
  sk_outcome_settle(L, p->S, 1, SK_FAILED, 1);
  return 0;
}


static void pushanchored (lua_State *L, const Process *p) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &anchors);
  lua_rawgetp(L, -1, p);
  lua_remove(L, -2);
}


static void finish (Process *p) {
  lua_State *L = p->S->top.at;
  int top = lua_gettop(L);
  p->status = p->child->status;
  sk_sched_unwatch(p->S, &p->watch);
  sk_spawn_free(p->child);
  p->child = NULL;
  sk_shared_died(sk_shared_of(p->S), p->pid);
  if (!lua_checkstack(L, 6)) return; /* it stays unsettled: no memory */
  lua_pushcfunction(L, settle);
  pushanchored(L, p);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    lua_pushcfunction(L, settlebadly);
    pushanchored(L, p);
    lua_rotate(L, -3, 2);
    lua_pcall(L, 2, 0, 0);
  }
  sk_object_drop(&sk_shared_of(p->S)->m, p->ref);
  p->holds = false;
  lua_settop(L, top);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &anchors);
  lua_pushnil(L);
  lua_rawsetp(L, -2, p);
  lua_settop(L, top);
}


/* Has it ended? Then it is settled now. */
static bool look (Process *p) {
  if (p->child == NULL) return sk_outcome_ended(&p->outcome);
  if (!sk_spawn_reap(p->child)) return false;
  finish(p);
  return true;
}


static void onend (Watch *w, unsigned events) {
  (void)events;
  look(sk_container(w, Process, watch));
}


/* ---- in the child ---- */

static void onterm (int signo) {
  (void)signo;
  if (here != NULL) sk_sched_alert(here, SK_ALERT_CANCEL);
}


static void setsignals (Sched *S) {
  struct sigaction a = {.sa_handler = onterm};
  here = S;
  sigemptyset(&a.sa_mask);
  sigaction(SIGTERM, &a, NULL);
  signal(SIGINT, SIG_DFL); /* a wait installs its own */
}


static void dieby (int signo) {
  sigset_t set;
  signal(signo, SIG_DFL);
  sigemptyset(&set);
  sigaddset(&set, signo);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  raise(signo);
}


/* Print the error's table at the top, but for an interrupt. */
static void print (lua_State *L, const char *source) {
  lua_getfield(L, -1, "message");
  lua_getfield(L, -2, "traceback");
  const char *trace = lua_tostring(L, -1);
  fprintf(stderr, "skein: %s failed: %s%s%s\n", source, lua_tostring(L, -2),
          trace != NULL ? "\n" : "", trace != NULL ? trace : "");
  lua_pop(L, 2);
}


static bool interrupted (lua_State *L) {
  lua_getfield(L, -1, "value");
  bool is = sk_iserror(L, -1, "interrupted");
  lua_pop(L, 1);
  return is;
}


/* Run the function with its arguments on top of 'L', and end the process. */
static void live (lua_State *L, Shared *s, Parcel *p, int nargs,
                  const char *name) {
  char source[128];
  snprintf(source, sizeof source, "process '%s' (pid %d)", name, getpid());
  int outcome = sk_crossing_run(L, s, p, nargs, source);
  int signo = outcome == SK_STOPPED ? SIGTERM : 0;
  if (outcome == SK_RAISED && interrupted(L)) signo = SIGINT;
  if (outcome == SK_RAISED && signo == 0) print(L, source);
  fflush(NULL);
  sk_spawn_finish(NULL);
  if (signo != 0) dieby(signo);
  _exit(outcome == SK_RAISED ? 1 : 0);
}


/* The name at the top of 'L' is that of our parent, process 'pid'. */
static void setparent (lua_State *L, int pid) {
  lua_createtable(L, 0, 2);
  lua_insert(L, -2);
  lua_setfield(L, -2, "name");
  lua_pushinteger(L, pid);
  lua_setfield(L, -2, "pid");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &parent);
}


/* math.random of the child is not that of the parent. */
static void reseed (lua_State *L) {
  lua_getglobal(L, "math");
  if (lua_istable(L, -1) && lua_getfield(L, -1, "randomseed") == LUA_TFUNCTION)
    lua_pcall(L, 0, 0, 0);
}


/*
** In the forked child: 'fn' and its arguments are on top of 'L'. They run on
** a Lua thread of their own, above none of the parent's frames. Never returns.
*/
static void becomechild (lua_State *L, Sched *S, Process *p, uint32_t slot,
                         int nargs, const char *name) {
  Shared *s = sk_shared_of(S);
  lua_State *top = lua_newthread(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, top); /* anchored */
  setsignals(S);
  sk_sched_afterfork(S, top);
  sk_shared_afterfork(s, slot);
  lua_settop(top, 0);
  reseed(top);
  lua_settop(top, 0);
  S->kind = "process";
  sk_crossing_pushself(top, S);
  setparent(top, getppid());
  lua_pushstring(top, name);
  lua_rawsetp(top, LUA_REGISTRYINDEX, &S->kind);
  lua_pushcfunction(top, sk_crossing_begin);
  luaL_checkstack(top, nargs + 1, NULL);
  lua_xmove(L, top, nargs + 1);
  live(top, s, p->parcel, nargs + 1, name);
}


/* ---- starting ---- */

static void checkalone (lua_State *L) {
  int n = sk_spawn_threads();
  if (n > 1)
    luaL_error(L,
               "cannot fork while other threads of this process live "
               "(%d do): use method = \"spawn\", or end the threads first",
               n - 1);
}


static int startfork (lua_State *L, Process *p, uint32_t slot, int nargs,
                      const char *name) {
  Shared *s = sk_shared_of(p->S);
  int err = sk_object_inherit(&s->m, slot);
  if (err == 0) sk_shared_entrust(L, s, slot, lua_gettop(L) - nargs, nargs + 1);
  if (err == 0) err = sk_spawn_fork(p->child);
  if (err == 1) becomechild(L, p->S, p, slot, nargs, name);
  return err;
}


/* The interpreter that runs fresh processes. */
static const char *interpreter (void) {
  static char path[4096];
  ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
  if (n <= 0) return "lua5.4";
  path[n] = '\0';
  const char *base = strrchr(path, '/');
  return base != NULL && strncmp(base + 1, "lua", 3) == 0 ? path : "lua5.4";
}


/* Append 'text' as a Lua string. */
static void addquoted (luaL_Buffer *b, const char *text) {
  char byte[6];
  luaL_addchar(b, '"');
  for (const unsigned char *c = (const unsigned char *)text; *c != 0; c++) {
    snprintf(byte, sizeof byte, "\\%03u", *c);
    luaL_addstring(b, byte);
  }
  luaL_addchar(b, '"');
}


/* Push package[key]. */
static const char *pushpath (lua_State *L, const char *key) {
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, "package");
  lua_getfield(L, -1, key);
  lua_replace(L, -3);
  lua_pop(L, 1);
  const char *path = lua_tostring(L, -1);
  return path != NULL ? path : "";
}


/* Push the program that a fresh interpreter runs. */
static const char *pushprogram (lua_State *L, const Process *p, uint32_t slot) {
  luaL_Buffer b;
  const char *path = pushpath(L, "path"), *cpath = pushpath(L, "cpath");
  luaL_buffinit(L, &b);
  luaL_addstring(&b, "package.path=");
  addquoted(&b, path);
  luaL_addstring(&b, " package.cpath=");
  addquoted(&b, cpath);
  char call[160];
  snprintf(call, sizeof call, " require('skein.core').enter(%d,%u,%llu,%d)",
           sk_arena_fd(), slot, (unsigned long long)sk_off(p->parcel),
           getpid());
  luaL_addstring(&b, call);
  luaL_pushresult(&b);
  return lua_tostring(L, -1);
}


static int startspawn (lua_State *L, Process *p, uint32_t slot) {
  Shared *s = sk_shared_of(p->S);
  int err = sk_object_lend(&s->m, &p->parcel->o, slot);
  if (err != 0) return err;
  char *argv[4];
  argv[0] = (char *)(uintptr_t)interpreter();
  argv[1] = (char *)(uintptr_t) "-e";
  argv[2] = (char *)(uintptr_t)pushprogram(L, p, slot);
  argv[3] = NULL;
  return sk_spawn_exec(p->child, argv[0], argv, sk_arena_fd());
}


/*
** Start the process: 'fn' and its 'nargs' arguments are on top of the stack.
** Raises with nothing started.
*/
static void start (lua_State *L, int handle, int nargs) {
  Process *p = lua_touserdata(L, handle);
  Shared *s = sk_shared_open(L, p->S);
  uint32_t slot = 0;
  Object *o;
  if (p->method == FORK) checkalone(L);
  sk_outcome_pushname(L, handle);
  const char *name = lua_tostring(L, -1);
  lua_insert(L, -nargs - 2); /* kept alive below 'fn' */
  int fn = lua_gettop(L) - nargs;
  int err = sk_object_new(&s->m, SK_PARCEL, 0, &o, &p->ref);
  if (err != 0) luaL_error(L, "cannot start a process: %s", strerror(-err));
  p->parcel = (Parcel *)o;
  p->holds = true; /* from here '__gc' drops it */
  if (p->method == SPAWN) {
    sk_shared_pack(L, s, fn, nargs + 1, &sk_wire_call);
    sk_parcel_put(&s->m, p->parcel, &p->parcel->input);
    sk_crossing_packsetup(L, s, p->parcel, name);
  }
  p->child = calloc(1, sizeof *p->child);
  err = p->child == NULL ? -ENOMEM : sk_slot_take(s->m.index, &slot);
  if (err == 0) {
    p->child->pidfd = -1;
    p->child->daemon = p->daemon;
    p->child->user = p->S;
    snprintf(p->child->name, sizeof p->child->name, "%s", name);
    snprintf(sk_slot(slot)->name, sizeof sk_slot(slot)->name, "%s", name);
    err = p->method == FORK ? startfork(L, p, slot, nargs, name)
                            : startspawn(L, p, slot);
    if (err != 0) sk_sweep_slot(&s->m, slot);
  }
  if (err != 0) {
    sk_spawn_free(p->child);
    p->child = NULL;
    luaL_error(L, "cannot start a process: %s", strerror(-err));
    return;
  }
  p->pid = p->child->pid;
  p->epoch = p->S->epoch;
  sk_slot(slot)->pid = p->pid;
  p->outcome.status = SK_RUNNING;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &anchors);
  lua_pushvalue(L, handle);
  lua_rawsetp(L, -2, p);
  lua_pop(L, 1);
  p->watch.fd = p->child->pidfd;
  p->watch.fire = onend;
  sk_sched_watch(p->S, &p->watch, SK_READ);
}


/* core.enter(fd, slot, parcel, parent): the life of a fresh process */
static int core_enter (lua_State *L) {
  Sched *S = sk_upvalue(L);
  sk_spawn_tie((int)luaL_checkinteger(L, 4));
  int err = sk_arena_attach((int)luaL_checkinteger(L, 1));
  if (err != 0) luaL_error(L, "cannot share memory: %s", strerror(-err));
  Shared *s = sk_shared_adopt(L, S, (uint32_t)luaL_checkinteger(L, 2));
  Parcel *p = sk_at(Parcel, (Off)luaL_checkinteger(L, 3));
  setsignals(S);
  lua_settop(L, 0);
  sk_parcel_take(&s->m, p, &p->setup);
  sk_shared_unpack(L, s);
  lua_getfield(L, 1, "arg");
  lua_setglobal(L, "arg");
  lua_getfield(L, 1, "parent");
  setparent(L, getppid());
  lua_getfield(L, 1, "name");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &S->kind);
  live(L, s, p, sk_crossing_pushcall(L, p), lua_tostring(L, 2));
  return 0;
}


/* ---- handles ---- */

static const HandleClass class;


static Process *checkprocess (lua_State *L) {
  return luaL_checkudata(L, 1, CLASS);
}


/* The same, of our own children. */
static Process *checkmine (lua_State *L) {
  Process *p = checkprocess(L);
  Sched *S = sk_upvalue(L);
  if (p->outcome.status != SK_NEW && !sk_outcome_ended(&p->outcome) &&
      p->epoch != S->epoch)
    luaL_error(L, "only the process that started it can ask a process how it "
                  "is");
  if (p->outcome.status != SK_NEW && p->epoch == S->epoch) look(p);
  return p;
}


/* p:start() -> p */
static int process_start (lua_State *L) {
  Process *p = checkprocess(L);
  if (p->outcome.status != SK_NEW)
    return luaL_error(L, "the process was started already");
  lua_settop(L, 1);
  start(L, 1, sk_launch_kept(L, 1));
  lua_settop(L, 1);
  return 1;
}


static int process_get (lua_State *L) {
  checkmine(L);
  return sk_outcome_get(L);
}


static int process_join (lua_State *L) {
  checkmine(L);
  return sk_outcome_join(L);
}


static int process_done (lua_State *L) {
  checkmine(L);
  return sk_outcome_done(L);
}


static int process_status (lua_State *L) {
  checkmine(L);
  return sk_outcome_status(L);
}


static int process_error (lua_State *L) {
  checkmine(L);
  return sk_outcome_error(L);
}


/* p:alive() -> boolean */
static int process_alive (lua_State *L) {
  Process *p = checkmine(L);
  lua_pushboolean(L, p->outcome.status == SK_RUNNING);
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


static bool cancel (lua_State *L, Process *p) {
  if (p->outcome.status == SK_NEW) {
    sk_pusherror(L, "cancelled", "the process was cancelled before it began");
    sk_outcome_settle(L, p->S, 1, SK_CANCELLED, 1);
    return true;
  }
  if (p->child == NULL) return false;
  p->cancelled = true;
  sk_spawn_signal(p->child, SIGTERM);
  return true;
}


/* p:cancel([reason]) -> true | false: it had ended */
static int process_cancel (lua_State *L) {
  lua_pushboolean(L, cancel(L, checkmine(L)));
  return 1;
}


/* local p <close> = ...: cancel it if it runs, and wait for it */
static int process_close (lua_State *L) {
  Process *p = checkmine(L);
  lua_settop(L, 1);
  cancel(L, p);
  return sk_outcome_await(L);
}


/* Only a handle whose process never ran, or of a state that closes. */
static int process_gc (lua_State *L) {
  Process *p = checkprocess(L);
  Shared *s = sk_shared_of(p->S);
  sk_sched_unwatch(p->S, &p->watch);
  if (p->holds && p->child == NULL && s != NULL) sk_object_drop(&s->m, p->ref);
  p->holds = false;
  if (p->child != NULL) sk_spawn_free(p->child);
  p->child = NULL;
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
  static const char *const options[] = {"name",   "start",  "daemon",
                                        "method", "hidden", NULL};
  Sched *S = sk_upvalue(L);
  int nargs = sk_launch_check(L, options);
  int method = sk_launch_choice(L, "method", methodnames);
  bool daemon = sk_launch_flag(L, "daemon", false);
  bool hidden = sk_launch_flag(L, "hidden", false);
  bool atonce = sk_launch_atonce(L);
  Process *p = sk_launch_handle(L, S, &class, sizeof *p);
  p->S = S;
  p->method = method;
  p->daemon = daemon;
  p->hidden = hidden;
  p->outcome.asked = true; /* a child says itself what went wrong */
  if (atonce)
    start(L, 1, nargs);
  else
    sk_launch_keep(L, 1, nargs + 1);
  lua_settop(L, 1);
  return 1;
}


/* core.children() -> the handles of the live processes started here */
static int core_children (lua_State *L) {
  Sched *S = sk_upvalue(L);
  lua_newtable(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &anchors);
  lua_pushnil(L);
  while (lua_next(L, 2)) {
    Process *p = lua_touserdata(L, -1);
    if (p->epoch == S->epoch && !p->hidden && p->child != NULL)
      lua_rawseti(L, 1, luaL_len(L, 1) + 1);
    else
      lua_pop(L, 1);
  }
  lua_settop(L, 1);
  return 1;
}


/* core.parent() -> {pid =, name =} of who started this process | nil */
static int core_parent (lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &parent);
  return 1;
}


static const HandleClass class = {
    .name = CLASS,
    .kind = "process",
    .what = "process end",
    .field = process_field,
    .close = process_close,
};

/* 'terminate' is added by lua/skein/process.lua. */
static const luaL_Reg methods[] = {
    {"start", process_start},   {"get", process_get},
    {"join", process_join},     {"done", process_done},
    {"status", process_status}, {"error", process_error},
    {"alive", process_alive},   {"exitcode", process_exitcode},
    {"signal", process_signal}, {"kill", process_kill},
    {"cancel", process_cancel}, {NULL, NULL},
};

static const luaL_Reg meta[] = {{"__gc", process_gc}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"process", core_process},
                                     {"children", core_children},
                                     {"parent", core_parent},
                                     {"enter", core_enter},
                                     {NULL, NULL}};


void sk_open_process (lua_State *L, Sched *S) {
  sk_object_register(SK_PARCEL, &sk_parcel_class);
  sk_outcome_class(L, S, &class, methods);
  luaL_getmetatable(L, CLASS);
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, meta, 1);
  lua_pop(L, 1);
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &anchors);
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, functions, 1);
}
