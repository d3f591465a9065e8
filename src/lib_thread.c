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

typedef struct Body { /* what the thread itself looks at */
  OsThread os;        /* must be first */
  Parcel *parcel;
  uint32_t slot, last; /* to live in, and to say good-bye from */
  char *path, *cpath;
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

static const char anchors; /* key of a table: live handles by address */


/* ---- in the thread ---- */

static void onalert (void *arg) {
  sk_sched_alert(arg, SK_ALERT_CANCEL);
}


static void setfield (lua_State *L, const char *key, const char *value) {
  lua_getglobal(L, "package");
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
  lua_pop(L, 1);
}


/* (body): all that can raise before the function runs. */
static int prepare (lua_State *L) {
  Body *b = lua_touserdata(L, 1);
  luaL_openlibs(L);
  setfield(L, "path", b->path);
  setfield(L, "cpath", b->cpath);
  luaL_requiref(L, "skein.core", luaopen_skein_core, 0);
  Sched *S = sk_sched_of(L);
  S->kind = "thread";
  Shared *s = sk_shared_adopt(L, S, b->slot);
  sk_osthread_listen(&b->os, onalert, S);
  lua_settop(L, 0);
  sk_parcel_take(&s->m, b->parcel, &b->parcel->setup);
  sk_shared_unpack(L, s);
  lua_getfield(L, 1, "arg");
  lua_setglobal(L, "arg");
  lua_getfield(L, 1, "name");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &S->kind);
  return 1;
}


static void live (lua_State *L, Body *b) {
  char source[128];
  Shared *s = sk_shared_of(sk_sched_of(L));
  snprintf(source, sizeof source, "thread '%s'", lua_tostring(L, -1));
  lua_settop(L, 0);
  sk_crossing_run(L, s, b->parcel, sk_crossing_pushcall(L, b->parcel), source);
}


/* The state is gone: say so from the slot that was kept for it. */
static void sayend (const Body *b) {
  Member m = {.bell = -1, .index = b->last, .slot = sk_slot(b->last)};
  sk_parcel_finish(&m, b->parcel);
  if (m.bell >= 0) close(m.bell);
  sk_sweep_slot(&m, b->last);
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
      fprintf(stderr, "skein: a thread could not begin: %s\n",
              lua_tostring(L, -1));
    sk_osthread_listen(&b->os, NULL, NULL);
    lua_close(L);
  }
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
    sk_pusherror(L, "error", "the thread could not begin");
    n = 1;
  }
  sk_outcome_settle(L, t->S, 1, status, n);
  return 0;
}


/* (handle, message): what it left cannot be decoded. */
static int settlebadly (lua_State *L) {
  Thread *t = lua_touserdata(L, 1);
  sk_outcome_settle(L, t->S, 1, SK_FAILED, 1);
  return 0;
}


static void pushanchored (lua_State *L, const Thread *t) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &anchors);
  lua_rawgetp(L, -1, t);
  lua_remove(L, -2);
}


static void finish (Thread *t) {
  lua_State *L = t->S->top.at;
  int top = lua_gettop(L);
  sk_osthread_join(&t->body->os);
  sk_osthread_drop(&t->body->os);
  t->body = NULL;
  t->S->hopes--;
  if (!lua_checkstack(L, 6)) return; /* it stays unsettled: no memory */
  lua_pushcfunction(L, settle);
  pushanchored(L, t);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    lua_pushcfunction(L, settlebadly);
    pushanchored(L, t);
    lua_rotate(L, -3, 2);
    lua_pcall(L, 2, 0, 0);
  }
  sk_object_drop(&sk_shared_of(t->S)->m, t->ref);
  t->holds = false;
  lua_settop(L, top);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &anchors);
  lua_pushnil(L);
  lua_rawsetp(L, -2, t);
  lua_settop(L, top);
}


static void onend (Petition *p) {
  Thread *t = p->arg;
  t->end = NULL;
  sk_shared_unwatch(p->shared, p);
  finish(t);
}


/* ---- starting ---- */

static char *pathcopy (lua_State *L, const char *key) {
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, "package");
  lua_getfield(L, -1, key);
  const char *path = lua_tostring(L, -1);
  char *copy = strdup(path != NULL ? path : "");
  lua_pop(L, 3);
  return copy;
}


static void freebody (Shared *s, Body *b) {
  if (b->slot != 0) sk_sweep_slot(&s->m, b->slot);
  if (b->last != 0) sk_sweep_slot(&s->m, b->last);
  free(b->path);
  free(b->cpath);
  free(b);
}


/* All that the thread needs, and the thread. 0 or -errno with nothing left. */
static int launch (lua_State *L, Shared *s, Thread *t) {
  Body *b = calloc(1, sizeof *b);
  if (b == NULL) return -ENOMEM;
  b->parcel = t->parcel;
  b->os.daemon = t->daemon;
  b->os.user = t->S;
  b->path = pathcopy(L, "path");
  b->cpath = pathcopy(L, "cpath");
  int err = b->path == NULL || b->cpath == NULL ? -ENOMEM : 0;
  if (err == 0) err = sk_slot_take(s->m.index, &b->slot);
  if (err == 0) err = sk_slot_take(s->m.index, &b->last);
  if (err == 0) err = sk_object_lend(&s->m, &t->parcel->o, b->slot);
  if (err == 0) err = sk_object_lend(&s->m, &t->parcel->o, b->last);
  if (err == 0 && (t->end = sk_shared_watcher(s, onend)) == NULL) err = -ENOMEM;
  if (err == 0) {
    t->end->arg = t;
    sk_slot(b->slot)->pid = sk_slot(b->last)->pid = getpid();
    sk_parcel_await(&s->m, t->parcel, t->end->seat);
    err = sk_osthread_start(&b->os, body);
    if (err != 0) sk_shared_unwatch(s, t->end);
  }
  if (err != 0) {
    freebody(s, b);
    return err;
  }
  t->body = b;
  return 0;
}


/*
** Start the thread: 'fn' and its 'nargs' arguments are on top of the stack.
** Raises with nothing started.
*/
static void start (lua_State *L, int handle, int nargs) {
  Thread *t = lua_touserdata(L, handle);
  Shared *s = sk_shared_open(L, t->S);
  Object *o;
  int fn = lua_gettop(L) - nargs;
  if (!t->holds) {
    int err = sk_object_new(&s->m, SK_PARCEL, 0, &o, &t->ref);
    if (err != 0) luaL_error(L, "cannot start a thread: %s", strerror(-err));
    t->parcel = (Parcel *)o;
    t->holds = true; /* from here '__gc' drops it */
  }
  sk_shared_pack(L, s, fn, nargs + 1, &sk_wire_call);
  sk_parcel_put(&s->m, t->parcel, &t->parcel->input);
  sk_outcome_pushname(L, handle);
  sk_crossing_packsetup(L, s, t->parcel, lua_tostring(L, -1));
  int err = launch(L, s, t);
  if (err != 0) luaL_error(L, "cannot start a thread: %s", strerror(-err));
  t->epoch = t->S->epoch;
  t->outcome.status = SK_RUNNING;
  t->S->hopes++;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &anchors);
  lua_pushvalue(L, handle);
  lua_rawsetp(L, -2, t);
  lua_pop(L, 1);
}


/* ---- handles ---- */

static const HandleClass class;


static Thread *checkthread (lua_State *L) {
  return luaL_checkudata(L, 1, CLASS);
}


/* t:start() -> t */
static int thread_start (lua_State *L) {
  Thread *t = checkthread(L);
  if (t->outcome.status != SK_NEW)
    return luaL_error(L, "the thread was started already");
  lua_settop(L, 1);
  start(L, 1, sk_launch_kept(L, 1));
  lua_settop(L, 1);
  return 1;
}


static bool cancel (lua_State *L, Thread *t) {
  if (sk_outcome_ended(&t->outcome)) return false;
  if (t->outcome.status == SK_NEW) {
    sk_pusherror(L, "cancelled", "the thread was cancelled before it began");
    sk_outcome_settle(L, t->S, 1, SK_CANCELLED, 1);
    return true;
  }
  if (t->body == NULL) return false;
  t->cancelled = true;
  sk_osthread_stop(&t->body->os);
  return true;
}


/* t:cancel([reason]) -> true | false: it had ended */
static int thread_cancel (lua_State *L) {
  lua_pushboolean(L, cancel(L, checkthread(L)));
  return 1;
}


/* local t <close> = ...: cancel it if it runs, and wait for it */
static int thread_close (lua_State *L) {
  Thread *t = checkthread(L);
  lua_settop(L, 1);
  cancel(L, t);
  return sk_outcome_await(L);
}


/* Only a handle whose thread never ran, or of a state that closes. */
static int thread_gc (lua_State *L) {
  Thread *t = checkthread(L);
  Shared *s = sk_shared_of(t->S);
  if (t->holds && t->body == NULL && s != NULL) sk_object_drop(&s->m, t->ref);
  t->holds = false;
  return 0;
}


/* core.thread([opts,] fn, ...) -> thread */
static int core_thread (lua_State *L) {
  static const char *const options[] = {"name", "start", "daemon", "hidden",
                                        NULL};
  Sched *S = sk_upvalue(L);
  int nargs = sk_launch_check(L, options);
  bool daemon = sk_launch_flag(L, "daemon", false);
  bool hidden = sk_launch_flag(L, "hidden", false);
  bool atonce = sk_launch_atonce(L);
  Thread *t = sk_launch_handle(L, S, &class, sizeof *t);
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
    {"start", thread_start}, {"cancel", thread_cancel}, {NULL, NULL}};

static const luaL_Reg meta[] = {{"__gc", thread_gc}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"thread", core_thread}, {NULL, NULL}};


void sk_open_thread (lua_State *L, Sched *S) {
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
