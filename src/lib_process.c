/*
** lib_process.c - skein.process: a function in an OS process of its own.
**
** A handle is anchored while its process runs. The end of the process is seen
** by its pidfd in the poller, or by whoever asks; then it is reaped, its slot
** swept, and what it left in its parcel becomes the outcome.
*/
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "launch.h"
#include "offload.h"
#include "open.h"
#include "spawn.h"
#include "sweep.h"
#include "vault.h"

#define CLASS "skein.Process"
#define GRACE (5 * SK_SECOND) /* between TERM and KILL */

enum { FORK, SPAWN, SERVER };

typedef struct Process {
  Outcome outcome; /* must be first */
  Watch watch;     /* of the pidfd */
  Watch grace;     /* of the timer that kills it; fd is 0: there is none */
  Child *child;    /* NULL until it is started, and after the end */
  Parcel *parcel;
  Sched *S;
  uint64_t epoch; /* a forked child's copy of the handle is a stranger */
  int64_t born;   /* of its slot */
  uint32_t slot;
  uint32_t ref; /* of the parcel */
  int pid;      /* stays known after the end */
  int status;   /* exit code or -signal, once ended */
  int method;
  bool daemon;
  bool cancelled; /* by 'cancel' */
  bool hidden;    /* not one of the user's: a worker */
  bool holds;     /* the reference */
} Process;

static const char *const methodnames[] = {"fork", "spawn", "server", NULL};


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
  if (p->status >= 0 || (p->parcel->outcome == SK_STOPPED && p->cancelled))
    n = sk_crossing_collect(L, s, p->parcel, &status);
  if (n < 0) {
    pushdeath(L, p);
    n = 1;
    if (p->cancelled && p->status == -SIGTERM) status = SK_CANCELLED;
  }
  if (status == SK_CANCELLED) sk_launch_addreason(L, 1);
  if (status != SK_FINISHED) settlesource(L, 1, p);
  sk_outcome_settle(L, p->S, 1, status, n);
  return 0;
}


static void stopgrace (Process *p) {
  if (p->grace.fd <= 0) return;
  sk_sched_unwatch(p->S, &p->grace);
  close(p->grace.fd);
  p->grace.fd = 0;
}


static void drop (Process *p) {
  if (p->holds) sk_object_drop(&sk_shared_of(p->S)->m, p->ref);
  p->holds = false;
}


/* It was reaped: what is left of it goes. */
static void clear (Process *p) {
  Shared *s = sk_shared_of(p->S);
  p->status = p->child->status;
  sk_sched_unwatch(p->S, &p->watch);
  stopgrace(p);
  sk_spawn_free(p->child);
  p->child = NULL;
  sk_sweep_unborn(&s->m, p->slot, p->born);
  sk_shared_died(s, p->pid);
}


/* Has it ended? Then it is settled now. */
static bool look (Process *p) {
  if (p->child == NULL) return sk_outcome_ended(&p->outcome);
  if (!sk_spawn_reap(p->child)) return false;
  clear(p);
  sk_launch_settle(p->S, p, settle);
  drop(p);
  return true;
}


static void onend (Watch *w, unsigned events) {
  (void)events;
  look(sk_container(w, Process, watch));
}


/* ---- starting ---- */

/* Those of 'offload' do no harm, unless they look up names. */
static int countothers (void) {
  return sk_spawn_threads() - 1 - sk_offload_threads();
}


/* A thread that was joined may not have left the kernel's list yet. */
static int othersthreads (void) {
  const struct timespec shortly = {.tv_nsec = 100000};
  int n = countothers();
  for (int i = 0; i < 50 && n > 0; i++) {
    nanosleep(&shortly, NULL);
    n = countothers();
  }
  return n;
}


static void checkalone (lua_State *L) {
  int n = othersthreads();
  if (n > 0)
    luaL_error(L,
               "cannot fork while other threads of this process live "
               "(%d do): use method = \"spawn\" or method = \"server\", or end "
               "the threads first",
               n);
}


/* The slot that it will live in. */
static int takeslot (Process *p, Shared *s, const char *name) {
  int err = sk_slot_take(s->m.index, &p->slot);
  if (err != 0) return err;
  Slot *slot = sk_slot(p->slot);
  p->born = slot->born;
  p->parcel->slot = p->slot;
  sk_slot_name(p->slot, p->hidden ? "pool worker" : "process", name);
  return 0;
}


/* 'top' has the function and its arguments. */
static int startfork (Process *p, lua_State *top, const char *name) {
  Shared *s = sk_shared_of(p->S);
  int err = sk_object_inherit(&s->m, p->slot);
  if (err == 0) sk_shared_entrust(top, s, p->slot, 1, lua_gettop(top));
  if (err == 0) err = sk_spawn_fork(p->child);
  if (err == 1)
    sk_child_forked(p->S, top, p->parcel, p->slot, lua_gettop(top) - 1, name);
  return err;
}


static int startspawn (Process *p, const char *code) {
  Shared *s = sk_shared_of(p->S);
  int err = sk_object_lend(&s->m, &p->parcel->o, p->slot);
  if (err != 0) return err;
  const int keep[] = {sk_arena_fd(), sk_vault_fd()};
  return sk_spawn_exec(p->child, sk_child_interpreter(), code, keep);
}


/* -EAGAIN: the helper died before it knew of this. */
static int startserved (Process *p, const char *code) {
  Shared *s = sk_shared_of(p->S);
  const int keep[] = {sk_arena_fd(), sk_vault_fd()};
  int err = sk_object_lend(&s->m, &p->parcel->o, p->slot);
  if (err == 0)
    err = sk_spawn_serve(p->child, sk_child_interpreter(), code, keep,
                         sk_off(p->parcel));
  if (err == 0 || sk_slot(p->slot)->state == SK_SLOT_NEW)
    return err == -EPIPE ? -EAGAIN : err;
  sk_sweep_dead(&s->m); /* it was there for a moment */
  return err;
}


/* Learn of its end, or end it. */
static int watch (Process *p) {
  p->pid = p->child->pid;
  p->watch.fd = p->child->pidfd;
  p->watch.fire = onend;
  int err = sk_sched_watch(p->S, &p->watch, SK_READ);
  if (err == 0) return 0;
  sk_spawn_abandon(p->child);
  sk_shared_died(sk_shared_of(p->S), p->pid);
  return err;
}


/* Start it in a slot of its own. 0, or -errno with nothing left of it. */
static int attempt (Process *p, lua_State *top, const char *code,
                    const char *name) {
  Shared *s = sk_shared_of(p->S);
  int err = takeslot(p, s, name);
  if (err != 0) return err;
  switch (p->method) {
  case FORK: err = startfork(p, top, name); break;
  case SPAWN: err = startspawn(p, code); break;
  default: err = startserved(p, code);
  }
  if (err == 0) err = watch(p);
  if (err != 0) sk_sweep_unborn(&s->m, p->slot, p->born);
  return err;
}


/* Start it: a fork of this process that goes on in 'top', or a fresh one that
   runs 'code'. 0, or -errno with nothing left of it. Never raises. */
static int launch (Process *p, lua_State *top, const char *code,
                   const char *name) {
  p->child = calloc(1, sizeof *p->child);
  if (p->child == NULL) return -ENOMEM;
  p->child->pidfd = -1;
  p->child->daemon = p->daemon;
  p->child->user = p->S;
  snprintf(p->child->name, sizeof p->child->name, "%s", name);
  int err = attempt(p, top, code, name);
  if (err == -EAGAIN && p->method == SERVER)
    err = attempt(p, top, code, name); /* by another helper */
  if (err == 0) return 0;
  sk_spawn_free(p->child);
  p->child = NULL;
  p->pid = 0;
  return err;
}


static void makeparcel (lua_State *L, Process *p, Shared *s) {
  Object *o;
  drop(p); /* of an attempt that failed */
  int err = sk_object_new(&s->m, SK_PARCEL, 0, &o, &p->ref);
  if (err != 0) luaL_error(L, "cannot start a process: %s", strerror(-err));
  p->parcel = (Parcel *)o;
  p->holds = true;
}


/* Put function and arguments on a stack of their own, for the child. The same
   one for each child: a fork makes all memory dear that is written to next. */
static lua_State *pushtop (lua_State *L, int nargs) {
  static const char pad; /* its key in the registry */
  lua_rawgetp(L, LUA_REGISTRYINDEX, &pad);
  lua_State *top = lua_tothread(L, -1);
  if (top == NULL || lua_gettop(top) > 0) { /* in use: we run on it */
    top = lua_newthread(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &pad);
  }
  lua_pop(L, 1);
  if (!lua_checkstack(top, nargs + LUA_MINSTACK))
    luaL_error(L, "too many arguments");
  lua_xmove(L, top, nargs + 1);
  return top;
}


/*
** Start the process: 'fn' and its 'nargs' arguments are on top of the stack.
** Raises with nothing started.
*/
static void start (lua_State *L, int handle, int nargs) {
  Process *p = lua_touserdata(L, handle);
  Shared *s = sk_shared_open(L, p->S);
  lua_State *top = NULL;
  const char *code = NULL;
  if (p->method == FORK) checkalone(L);
  sk_outcome_pushname(L, handle);
  const char *name = lua_tostring(L, -1);
  lua_insert(L, -nargs - 2); /* kept alive below 'fn' */
  makeparcel(L, p, s);
  if (p->method == FORK)
    top = pushtop(L, nargs);
  else {
    sk_shared_pack(L, s, lua_gettop(L) - nargs, nargs + 1, &sk_wire_call);
    sk_parcel_put(&s->m, p->parcel, &p->parcel->input);
    sk_crossing_packsetup(L, s, p->parcel, name, sk_child_name(),
                          p->method == SERVER);
    code = p->method == SERVER ? sk_child_pushserver(L)
                               : sk_child_pushcode(L, p->parcel);
  }
  sk_launch_anchor(L, handle);
  p->outcome.status = SK_RUNNING; /* also in a child, to which it is strange */
  p->epoch = p->S->epoch;
  int err = launch(p, top, code, name);
  if (top != NULL) lua_settop(top, 0);
  if (err == 0) return;
  p->outcome.status = SK_NEW;
  sk_launch_unanchor(L, p);
  luaL_error(L, "cannot start a process: %s", strerror(-err));
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
  checkprocess(L);
  lua_settop(L, 1);
  start(L, 1, sk_launch_kept(L, 1));
  lua_settop(L, 1);
  sk_launch_forget(L, 1);
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


static void ongrace (Watch *w, unsigned events) {
  Process *p = sk_container(w, Process, grace);
  (void)events;
  if (p->child != NULL) sk_spawn_signal(p->child, SIGKILL);
  stopgrace(p);
}


/* See that it is killed at 'due'. */
static int killat (Process *p, sk_time due) {
  stopgrace(p);
  due += sk_clock_real() - sk_clock_now(); /* its clock is not that of tests */
  int fd = sk_spawn_killat(p->child, due);
  if (fd < 0) return fd;
  p->grace = (Watch){.fd = fd, .fire = ongrace, .idle = true};
  int err = sk_sched_watch(p->S, &p->grace, SK_READ);
  if (err == 0) return 0;
  close(fd);
  p->grace.fd = 0;
  return err;
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
    err = killat(p, due);
  if (err != 0)
    luaL_error(L, "cannot see to the end of process %d: %s", p->pid,
               strerror(-err));
  return 1;
}


/* Ask the process at 1 to stop. False: it had ended. */
static bool cancel (lua_State *L, Process *p) {
  if (sk_outcome_ended(&p->outcome)) return false;
  if (!p->cancelled) sk_launch_setreason(L, 1, 2);
  if (p->outcome.status == SK_NEW) {
    sk_launch_cancelnew(L, p->S, 1, "process");
    return true;
  }
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
  stopgrace(p);
  if (p->child == NULL && s != NULL) drop(p);
  p->holds = false;
  sk_spawn_free(p->child);
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
  static const char *const options[] = {"name",   "start",   "daemon",
                                        "method", "_hidden", NULL};
  Sched *S = sk_upvalue(L);
  int nargs = sk_launch_check(L, 1, options, true);
  int method = sk_launch_choice(L, 1, "method", methodnames);
  bool daemon = sk_launch_flag(L, 1, "daemon");
  bool hidden = sk_launch_flag(L, 1, "_hidden");
  bool atonce = sk_launch_atonce(L, 1);
  Process *p = sk_launch_handle(L, S, 1, &class, sizeof *p);
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


/* Insert the handle at the top, 'p', into the list at 1: the oldest first. */
static void insert (lua_State *L, const Process *p) {
  lua_Integer i = luaL_len(L, 1);
  for (; i > 0; i--) {
    lua_rawgeti(L, 1, i);
    const Process *other = lua_touserdata(L, -1);
    if (other->outcome.id < p->outcome.id) break;
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
  sk_launch_pushanchors(L);
  lua_pushnil(L);
  while (lua_next(L, 2)) {
    Process *p = luaL_testudata(L, 4, CLASS);
    if (p != NULL && p->epoch == S->epoch && !p->hidden && !look(p))
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
    .field = process_field,
    .close = process_close,
};

static const luaL_Reg methods[] = {
    {"start", process_start},
    {"get", process_get},
    {"join", process_join},
    {"done", process_done},
    {"status", process_status},
    {"error", process_error},
    {"alive", process_alive},
    {"exitcode", process_exitcode},
    {"signal", process_signal},
    {"terminate", process_terminate},
    {"kill", process_kill},
    {"cancel", process_cancel},
    {NULL, NULL},
};

static const luaL_Reg meta[] = {{"__gc", process_gc}, {NULL, NULL}};

static const luaL_Reg functions[] = {
    {"process", core_process}, {"children", core_children},
    {"parent", core_parent},   {"enter", sk_child_enter},
    {"serve", sk_child_serve}, {NULL, NULL}};


void sk_open_process (lua_State *L, Sched *S) {
  sk_object_register(SK_PARCEL, &sk_parcel_class);
  sk_outcome_class(L, S, &class, methods);
  luaL_getmetatable(L, CLASS);
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, meta, 1);
  lua_pop(L, 1);
  sk_launch_open(L);
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, functions, 1);
}
