/*
** process.c - A function in an OS process of its own. See process.h.
**
** When the process was reaped its slot is swept, and what it left in its
** parcel becomes the outcome.
*/
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "offload.h"
#include "process.h"
#include "sweep.h"
#include "vault.h"

/* Slots of the stack that a child begins with. It is to need no larger one soon:
   the first large block that a child allocates makes malloc tidy up what it has
   of the parent's, and that copies its pages. */
#define DEEP 200
#define NESTED 3 /* calls inside of each other, the same */


/* ---- the end ---- */

/* Push the error of a process that left nothing behind. */
static void pushdeath (lua_State *L, const Process *p) {
  if (p->o.r.cancelled && p->o.status == -SIGTERM) {
    sk_pusherror(L, "cancelled", "the process was cancelled");
    return;
  }
  if (p->o.status >= 0) {
    sk_pusherror(L, "exited", "the process %d left by exit with code %d",
                 p->o.pid, p->o.status);
    lua_pushinteger(L, p->o.status);
    lua_setfield(L, -2, "code");
    return;
  }
  if (p->o.status == SK_UNKNOWN) {
    sk_pusherror(L, "exited",
                 "the process %d ended; how is not known, for "
                 "somebody else waited for it",
                 p->o.pid);
    return;
  }
  const char *name = sk_signals_name(-p->o.status);
  sk_pusherror(L, "killed", "the process %d was killed by signal %d (SIG%s)%s",
               p->o.pid, -p->o.status, name != NULL ? name : "?",
               p->o.dumped ? ", core dumped" : "");
  lua_pushinteger(L, -p->o.status);
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
  pushsource(L, handle, p->o.pid);
  lua_setfield(L, -2, "source");
}


/* (handle): it is reaped; say how it ended. */
static int settle (lua_State *L) {
  Process *p = lua_touserdata(L, 1);
  Shared *s = sk_shared_of(p->o.r.S);
  Status status = SK_FAILED;
  lua_settop(L, 1);
  int n = -1;
  if (p->o.status >= 0 ||
      (p->o.r.parcel->outcome == SK_STOPPED && p->o.r.cancelled))
    n = sk_crossing_collect(L, s, p->o.r.parcel, &status);
  if (n < 0) {
    pushdeath(L, p);
    n = 1;
    if (p->o.r.cancelled && p->o.status == -SIGTERM) status = SK_CANCELLED;
  }
  if (status == SK_CANCELLED) sk_launch_addreason(L, 1);
  if (status != SK_FINISHED) settlesource(L, 1, p);
  sk_outcome_settle(L, p->o.r.S, 1, status, n);
  return 0;
}


/* It was reaped: what is left of it goes. */
static void onreaped (Offspring *o) {
  const Process *p = (Process *)o;
  Shared *s = sk_shared_of(o->r.S);
  o->r.S->workers -= o->r.hidden;
  sk_sweep_unborn(&s->m, p->slot, p->taken);
  sk_shared_died(s, o->pid, o->unreaped);
  sk_remote_settle(&o->r, settle);
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
  p->taken = slot->taken;
  p->o.r.parcel->slot = p->slot;
  sk_slot_name(p->slot, p->o.r.hidden ? "pool worker" : "process", name);
  return 0;
}


typedef struct Plan { /* what is started */
  const char *name;
  lua_State *top;   /* fork: has the function and its arguments */
  const char *file; /* else: the interpreter, and what it runs */
  const char *code;
} Plan;


static SK_BIRTH int startfork (Process *p, const Plan *plan) {
  lua_State *top = plan->top;
  Shared *s = sk_shared_of(p->o.r.S);
  int err = sk_object_inherit(&s->m, p->slot);
  int nargs = lua_gettop(top) - SK_OUTFIT - 1;
  if (err == 0) sk_shared_entrust(top, s, p->slot, SK_OUTFIT + 1, nargs + 1);
  if (err == 0) err = sk_spawn_fork(p->o.child);
  if (err == 1) sk_child_forked(p->o.r.S, top, p->o.r.parcel, p->slot, nargs);
  return err;
}


static int startspawn (Process *p, const Plan *plan) {
  Shared *s = sk_shared_of(p->o.r.S);
  int err = sk_object_lend(&s->m, &p->o.r.parcel->o, p->slot);
  if (err != 0) return err;
  const int keep[] = {sk_mapping_fd(), sk_vault_fd()};
  return sk_spawn_exec(p->o.child, plan->file, plan->code, keep);
}


/* -EAGAIN: the helper died before it knew of this. */
static int startserved (Process *p, const Plan *plan) {
  const char *name;
  Shared *s = sk_shared_of(p->o.r.S);
  const int keep[] = {sk_mapping_fd(), sk_vault_fd()};
  int err = sk_object_lend(&s->m, &p->o.r.parcel->o, p->slot);
  if (err == 0)
    err = sk_spawn_serve(p->o.child, plan->file, plan->code, keep,
                         sk_off(p->o.r.parcel), sk_child_parent(&name) == 0);
  if (err == 0 || sk_slot_state(sk_slot(p->slot)) == SK_SLOT_NEW)
    return err == -EPIPE ? -EAGAIN : err;
  sk_sweep_dead(&s->m); /* it was there for a moment */
  return err;
}


/* Learn of its end, or end it. */
static int watch (Process *p) {
  sk_sweep_expect(p->slot, p->taken, p->o.child->pid);
  int err = sk_offspring_watch(&p->o);
  p->o.r.S->workers += err == 0 && p->o.r.hidden;
  if (err != 0) sk_shared_died(sk_shared_of(p->o.r.S), p->o.pid, 0);
  return err;
}


/* Start it in a slot of its own. 0, or -errno with nothing left of it. */
static SK_BIRTH int attempt (Process *p, const Plan *plan) {
  Shared *s = sk_shared_of(p->o.r.S);
  int err = takeslot(p, s, plan->name);
  if (err != 0) return err;
  switch (p->method) {
  case SK_FORK: err = startfork(p, plan); break;
  case SK_SPAWN: err = startspawn(p, plan); break;
  default: err = startserved(p, plan);
  }
  if (err == 0) err = watch(p);
  if (err != 0) sk_sweep_unborn(&s->m, p->slot, p->taken);
  return err;
}


/* Start it. 0, or -errno with nothing left of it. Never raises. */
static int launch (Process *p, const Plan *plan) {
  int err = sk_offspring_make(&p->o, plan->name);
  if (err != 0) return err;
  p->o.reaped = onreaped;
  err = attempt(p, plan);
  if (err == -EAGAIN && p->method == SK_SERVER)
    err = attempt(p, plan); /* by another helper */
  if (err != 0) sk_offspring_unmake(&p->o);
  return err;
}


/* ('n'): call C functions one inside of another. */
static int nest (lua_State *L) {
  lua_Integer n = lua_tointeger(L, 1);
  if (n == 0) return 0;
  lua_pushcfunction(L, nest);
  lua_pushinteger(L, n - 1);
  lua_call(L, 1, 0);
  return 0;
}


/* The stack of the next child. The collector takes from one that is not used
   what it has too much, so room is made each time. */
static lua_State *findtop (lua_State *L, const Sched *S, int nargs) {
  static const char key = 't'; /* in the registry */
  luaL_checkstack(L, SK_OUTFIT + 5, "too many arguments");
  lua_rawgetp(L, LUA_REGISTRYINDEX, &key);
  lua_State *top = lua_tothread(L, -1);
  if (top != NULL && top == S->top.co) { /* we run on it, for good */
    lua_rawsetp(L, LUA_REGISTRYINDEX, top);
    lua_pushnil(L);
    top = NULL;
  }
  if (top == NULL) {
    top = lua_newthread(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
  }
  lua_pop(L, 1);
  if (!lua_checkstack(top, SK_OUTFIT + nargs + DEEP))
    luaL_error(L, "too many arguments");
  lua_pushcfunction(top, nest);
  lua_pushinteger(top, NESTED);
  if (lua_pcall(top, 1, 0, 0) != LUA_OK) lua_pop(top, 1);
  return top;
}


/* Put function and arguments, below which is its name, on a stack of their own,
   for the child. The same one for each, with room for what it does at first: a
   fork makes all memory dear that is written to next. From here to the fork no
   memory is asked of Lua: a finalizer might start another one. */
static void move (lua_State *L, lua_State *top, int nargs) {
  lua_settop(top, 0); /* an error may have left something */
  lua_xmove(L, top, SK_OUTFIT);
  lua_xmove(L, top, nargs + 1);
}


/* What a fresh process needs goes into the parcel; fn and arguments, which are
   on top, too. Pushes what the plan names. */
static void prepare (lua_State *L, Process *p, int nargs, Plan *plan) {
  Shared *s = sk_shared_of(p->o.r.S);
  Parcel *parcel = p->o.r.parcel;
  bool served = p->method == SK_SERVER;
  sk_shared_pack(L, s, lua_gettop(L) - nargs, nargs + 1, &sk_wire_call);
  sk_parcel_put(&s->m, parcel, &parcel->input);
  plan->file = sk_child_pushinterpreter(L);
  sk_child_packsetup(L, s, parcel, plan->name, served);
  plan->code = served ? sk_child_pushserver(L) : sk_child_pushcode(L, parcel);
}


void sk_process_start (lua_State *L, Sched *S, int handle, int nargs) {
  Process *p = lua_touserdata(L, handle);
  Plan plan = {0};
  if (p->method == SK_FORK) checkalone(L);
  sk_outcome_pushname(L, handle);
  plan.name = lua_tostring(L, -1);
  lua_insert(L, -nargs - 2); /* kept alive below 'fn' */
  sk_remote_pack(L, handle);
  if (p->method == SK_FORK) {
    plan.top = findtop(L, S, nargs);
    sk_child_pushoutfit(L, lua_gettop(L) - nargs - 1);
  }
  else
    prepare(L, p, nargs, &plan);
  sk_remote_run(L, handle); /* also in a child, to which it is strange */
  if (plan.top != NULL) move(L, plan.top, nargs);
  int err = launch(p, &plan);
  if (plan.top != NULL) lua_settop(plan.top, 0);
  if (err != 0) sk_remote_refuse(L, handle, err, plan.file);
}
