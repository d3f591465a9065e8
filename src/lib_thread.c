/*
** lib_thread.c - skein.thread: a function in an OS thread, in a Lua state of
** its own.
**
** The thread is given its function in a parcel, as a fresh process is, and
** leaves its results there. That it has ended is the last thing it says, when
** its state is closed and its slot swept: with a slot for this alone.
*/
#include <lualib.h>
#include <string.h>
#include <unistd.h>

#include "crossing.h"
#include "launch.h"
#include "open.h"
#include "osthread.h"
#include "sweep.h"

#define CLASS "skein.Thread"

typedef struct Berth { /* a slot that was taken for it */
  uint32_t slot;       /* 0: none */
  int64_t born;
} Berth;

typedef struct Body { /* what the thread itself looks at */
  OsThread os;        /* must be first */
  Parcel *parcel;
  Berth life, last; /* to live in, and to say good-bye from */
  char *path, *cpath;
  uint64_t id; /* of its handle, and so of itself */
} Body;

typedef struct Thread {
  Outcome outcome; /* must be first */
  Body *body;      /* NULL until it is started, and after the end */
  Parcel *parcel;
  Petition *end; /* who is told of it */
  Sched *S;
  uint64_t epoch; /* a forked child's copy of the handle is a stranger */
  uint32_t ref;   /* of the parcel */
  bool daemon, cancelled, hidden, holds;
} Thread;


/* ---- in the thread ---- */

static void onalert (OsThread *t, bool again) {
  sk_crossing_stop(t->arg, &t->prod, sk_osthread_signo(), again);
}


static void setfield (lua_State *L, const char *key, const char *value) {
  lua_getglobal(L, "package");
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
  lua_pop(L, 1);
}


/* (body): all that can raise before the function runs. -> name */
static int prepare (lua_State *L) {
  Body *b = lua_touserdata(L, 1);
  lua_gc(L, LUA_GCSTOP); /* nothing of this is garbage */
  luaL_openlibs(L);
  setfield(L, "path", b->path);
  setfield(L, "cpath", b->cpath);
  luaL_requiref(L, "skein.core", luaopen_skein_core, 0);
  Sched *S = sk_sched_of(L);
  S->kind = "thread";
  S->top.outcome.id = b->id;
  Shared *s = sk_shared_adopt(L, S, b->life.slot);
  b->os.arg = S;
  lua_settop(L, 0);
  sk_crossing_unpacksetup(L, s, b->parcel);
  lua_getfield(L, 1, "name");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &S->kind);
  lua_gc(L, LUA_GCRESTART);
  return 1;
}


static void live (lua_State *L, Body *b) {
  Crossing c = {.s = sk_shared_of((Sched *)b->os.arg),
                .p = b->parcel,
                .name = lua_tostring(L, -1)}; /* the registry has it, too */
  lua_settop(L, 0);
  sk_osthread_listen(&b->os, onalert);
  sk_crossing_run(L, &c, sk_crossing_pushcall(L, &c));
  sk_osthread_listen(&b->os, NULL);
  b->os.report = c.story;
}


/* It could not begin: remember why. */
static void fail (lua_State *L, Body *b) {
  char text[256];
  const char *why = L != NULL ? lua_tostring(L, -1) : "not enough memory";
  snprintf(text, sizeof text, "a thread could not begin: %s",
           why != NULL ? why : "?");
  b->os.report = strdup(text);
}


/* The state is gone: say so from the slot that was kept for it. */
static void sayend (const Body *b) {
  Slot *last = sk_slot(b->last.slot);
  Member m = {.bell = -1, .index = b->last.slot, .slot = last};
  sk_sweep_unborn(&m, b->life.slot, b->life.born);
  sk_parcel_finish(&m, b->parcel);
  if (m.bell >= 0) close(m.bell);
  sk_sweep_unborn(&m, b->last.slot, b->last.born);
}


static void *body (void *arg) {
  Body *b = arg;
  lua_State *L = luaL_newstate();
  if (L != NULL) {
    lua_pushcfunction(L, prepare);
    lua_pushlightuserdata(L, b);
    if (lua_pcall(L, 1, 1, 0) == LUA_OK)
      live(L, b);
    else
      fail(L, b);
    lua_close(L);
  }
  else
    fail(NULL, b);
  sayend(b);
  free(b->path);
  free(b->cpath);
  sk_osthread_drop(&b->os);
  return NULL;
}


/* ---- the end ---- */

/* (handle): it has ended; say how. */
static int settle (lua_State *L) {
  Thread *t = lua_touserdata(L, 1);
  Status status = SK_FAILED;
  lua_settop(L, 1);
  int n = sk_crossing_collect(L, sk_shared_of(t->S), t->parcel, &status);
  if (n < 0) {
    const char *why = t->body->os.report;
    sk_pusherror(L, "error", "%s", why != NULL ? why : "no memory for results");
    n = 1;
  }
  if (status == SK_CANCELLED) sk_launch_addreason(L, 1);
  sk_outcome_settle(L, t->S, 1, status, n);
  return 0;
}


static void drop (Thread *t) {
  if (t->holds) sk_object_drop(&sk_shared_of(t->S)->m, t->ref);
  t->holds = false;
}


static void onend (Petition *p) {
  Thread *t = p->arg;
  t->end = NULL;
  sk_shared_unwatch(p->shared, p);
  if (!t->hidden) t->S->hopes--;
  sk_osthread_join(&t->body->os);
  sk_launch_settle(t->S, t, settle);
  sk_osthread_drop(&t->body->os);
  t->body = NULL;
  drop(t);
}


/* ---- starting ---- */

static void freebody (Shared *s, Body *b) {
  if (b->life.slot != 0) sk_sweep_unborn(&s->m, b->life.slot, b->life.born);
  if (b->last.slot != 0) sk_sweep_unborn(&s->m, b->last.slot, b->last.born);
  free(b->path);
  free(b->cpath);
  free(b);
}


/* Take a slot that holds the parcel. */
static int takeberth (Shared *s, Berth *b, Parcel *p) {
  int err = sk_slot_take(s->m.index, &b->slot);
  if (err != 0) return err;
  Slot *slot = sk_slot(b->slot);
  b->born = slot->born;
  slot->pid = getpid();
  return sk_object_lend(&s->m, &p->o, b->slot);
}


/* Be told of its end, and start it. */
static int run (Shared *s, Thread *t, Body *b) {
  t->end = sk_shared_watcher(s, onend);
  if (t->end == NULL) return -ENOMEM;
  t->end->arg = t;
  t->end->idle = t->hidden;
  sk_parcel_await(&s->m, t->parcel, t->end->seat);
  int err = sk_osthread_start(&b->os, body);
  if (err == 0) return 0;
  sk_shared_unwatch(s, t->end);
  t->end = NULL;
  return err;
}


/* All that the thread needs, and the thread. 0, or -errno with nothing left.
   Never raises. */
static int launch (Shared *s, Thread *t, const char *path, const char *cpath,
                   const char *name) {
  Body *b = calloc(1, sizeof *b);
  if (b == NULL) return -ENOMEM;
  b->parcel = t->parcel;
  b->id = t->outcome.id;
  b->os.daemon = t->daemon;
  b->os.user = t->S;
  b->path = strdup(path);
  b->cpath = strdup(cpath);
  int err = b->path == NULL || b->cpath == NULL ? -ENOMEM : 0;
  if (err == 0) err = takeberth(s, &b->life, t->parcel);
  if (err == 0) {
    sk_slot_name(b->life.slot, t->hidden ? "pool worker" : "thread", name);
    err = takeberth(s, &b->last, t->parcel);
  }
  if (err == 0) err = run(s, t, b);
  if (err == 0)
    t->body = b;
  else
    freebody(s, b);
  return err;
}


static void makeparcel (lua_State *L, Thread *t, Shared *s) {
  Object *o;
  drop(t); /* of an attempt that failed */
  int err = sk_object_new(&s->m, SK_PARCEL, 0, &o, &t->ref);
  if (err != 0) luaL_error(L, "cannot start a thread: %s", strerror(-err));
  t->parcel = (Parcel *)o;
  t->holds = true;
}


/*
** Start the thread: 'fn' and its 'nargs' arguments are on top of the stack.
** Raises with nothing started.
*/
static void start (lua_State *L, int handle, int nargs) {
  Thread *t = lua_touserdata(L, handle);
  Shared *s = sk_shared_open(L, t->S);
  int fn = lua_gettop(L) - nargs;
  makeparcel(L, t, s);
  sk_shared_pack(L, s, fn, nargs + 1, &sk_wire_call);
  sk_parcel_put(&s->m, t->parcel, &t->parcel->input);
  sk_outcome_pushname(L, handle);
  const char *name = lua_tostring(L, -1);
  sk_crossing_packsetup(L, s, t->parcel, name, NULL, false);
  const char *path = sk_crossing_pushpath(L, "path");
  const char *cpath = sk_crossing_pushpath(L, "cpath");
  sk_launch_anchor(L, handle);
  int err = launch(s, t, path, cpath, name);
  if (err != 0) {
    sk_launch_unanchor(L, t);
    luaL_error(L, "cannot start a thread: %s", strerror(-err));
  }
  t->epoch = t->S->epoch;
  t->outcome.status = SK_RUNNING;
  if (!t->hidden) t->S->hopes++; /* a worker alone gives none */
}


/* ---- handles ---- */

static const HandleClass class;


static Thread *checkthread (lua_State *L) {
  return luaL_checkudata(L, 1, CLASS);
}


/* The same, of our own threads: a forked child has none of its parent's. */
static Thread *checkmine (lua_State *L) {
  Thread *t = checkthread(L);
  if (t->outcome.status == SK_RUNNING && t->epoch != t->S->epoch)
    luaL_error(L, "the thread is one of the process that started it");
  return t;
}


/* t:start() -> t */
static int thread_start (lua_State *L) {
  checkthread(L);
  lua_settop(L, 1);
  start(L, 1, sk_launch_kept(L, 1));
  lua_settop(L, 1);
  sk_launch_forget(L, 1);
  return 1;
}


static int thread_get (lua_State *L) {
  checkmine(L);
  return sk_outcome_get(L);
}


static int thread_join (lua_State *L) {
  checkmine(L);
  return sk_outcome_join(L);
}


/* Ask the thread at 1 to stop. False: it had ended. */
static bool cancel (lua_State *L, Thread *t) {
  if (sk_outcome_ended(&t->outcome)) return false;
  if (!t->cancelled) sk_launch_setreason(L, 1, 2);
  if (t->outcome.status == SK_NEW) {
    sk_launch_cancelnew(L, t->S, 1, "thread");
    return true;
  }
  t->cancelled = true;
  sk_osthread_stop(&t->body->os);
  return true;
}


/* t:cancel([reason]) -> true | false: it had ended */
static int thread_cancel (lua_State *L) {
  lua_pushboolean(L, cancel(L, checkmine(L)));
  return 1;
}


/* local t <close> = ...: cancel it if it runs, and wait for it */
static int thread_close (lua_State *L) {
  Thread *t = checkmine(L);
  lua_settop(L, 1);
  cancel(L, t);
  return sk_outcome_await(L);
}


/* Only a handle whose thread never ran, or of a state that closes. */
static int thread_gc (lua_State *L) {
  Thread *t = checkthread(L);
  Shared *s = sk_shared_of(t->S);
  if (t->body == NULL && s != NULL) drop(t);
  t->holds = false;
  if (t->epoch == t->S->epoch && t->body != NULL)
    sk_osthread_drop(&t->body->os);
  t->body = NULL;
  return 0;
}


/* core.thread([opts,] fn, ...) -> thread */
static int core_thread (lua_State *L) {
  static const char *const options[] = {"name", "start", "daemon", "_hidden",
                                        NULL};
  Sched *S = sk_upvalue(L);
  int nargs = sk_launch_check(L, 1, options, true);
  bool daemon = sk_launch_flag(L, 1, "daemon");
  bool hidden = sk_launch_flag(L, 1, "_hidden");
  bool atonce = sk_launch_atonce(L, 1);
  Thread *t = sk_launch_handle(L, S, 1, &class, sizeof *t);
  t->S = S;
  t->daemon = daemon;
  t->hidden = hidden;
  if (atonce)
    start(L, 1, nargs);
  else
    sk_launch_keep(L, 1, nargs + 1);
  lua_settop(L, 1);
  return 1;
}


static const HandleClass class = {
    .name = CLASS,
    .kind = "thread",
    .what = "thread end",
    .close = thread_close,
};

static const luaL_Reg methods[] = {
    {"start", thread_start},   {"get", thread_get}, {"join", thread_join},
    {"cancel", thread_cancel}, {NULL, NULL},
};

static const luaL_Reg meta[] = {{"__gc", thread_gc}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"thread", core_thread}, {NULL, NULL}};


void sk_open_thread (lua_State *L, Sched *S) {
  sk_outcome_class(L, S, &class, methods);
  luaL_getmetatable(L, CLASS);
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, meta, 1);
  lua_pop(L, 1);
  sk_launch_open(L);
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, functions, 1);
}
