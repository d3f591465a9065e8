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
#include "handle.h"
#include "heap.h"
#include "modules.h"
#include "open.h"
#include "osthread.h"
#include "remote.h"
#include "sweep.h"

#define CLASS "skein.Thread"

typedef struct Berth { /* a slot that was taken for it */
  uint32_t slot;       /* 0: none */
  int64_t taken;
} Berth;

typedef struct Body { /* what the thread itself looks at */
  OsThread os;        /* must be first */
  Parcel *parcel;
  Berth life, last; /* to live in, and to say good-bye from */
  char *path, *cpath;
  uint64_t id; /* of its handle, and so of itself */
} Body;

typedef struct Thread {
  Remote r;      /* must be first */
  Body *body;    /* NULL until it is started, and after the end */
  Petition *end; /* who is told of it */
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
  sk_modules_serve(L, luaopen_skein_core);
  Sched *S = sk_open_seed(L);
  S->kind = "thread";
  S->top.outcome.id = b->id;
  Shared *s = sk_shared_adopt(L, S, b->life.slot);
  b->os.arg = S;
  lua_settop(L, 0);
  sk_crossing_unpacksetup(L, s, b->parcel);
  lua_getfield(L, 1, "name");
  S->name = lua_tostring(L, -1);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &S->name); /* anchored */
  lua_gc(L, LUA_GCRESTART);
  return 1;
}


static void live (lua_State *L, Body *b) {
  Crossing c = {.s = sk_shared_of((Sched *)b->os.arg),
                .p = b->parcel,
                .name = lua_tostring(L, -1)};
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


/* The state is gone: say so from the slot that was kept for it. Those who wait are
   woken last: then nothing is left of it. */
static void sayend (const Body *b, Bells *bells) {
  Slot *last = sk_slot(b->last.slot);
  Member m = {.bell = -1, .index = b->last.slot, .slot = last};
  sk_sweep_unborn(&m, b->life.slot, b->life.taken);
  sk_parcel_finish(&m, b->parcel, bells);
  if (m.bell >= 0) close(m.bell);
  sk_sweep_unborn(&m, b->last.slot, b->last.taken);
}


/* Most of what it takes from here on is from there. */
static Heap *makeheap (lua_State *L) {
  void *data;
  lua_Alloc f = lua_getallocf(L, &data);
  Heap *heap = sk_heap_new(f, data);
  if (heap != NULL) lua_setallocf(L, sk_heap_alloc, heap);
  return heap;
}


static void *body (void *arg) {
  Body *b = arg;
  Heap *heap = NULL;
  Bells bells = {0};
  lua_State *L = luaL_newstate();
  if (L != NULL) {
    heap = makeheap(L);
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
  sk_heap_free(heap);
  sayend(b, &bells);
  free(b->path);
  free(b->cpath);
  sk_osthread_leave(&b->os);
  sk_slot_ring(&bells);
  return NULL;
}


/* ---- the end ---- */

/* (handle): it has ended; say how. */
static int settle (lua_State *L) {
  Thread *t = lua_touserdata(L, 1);
  Status status = SK_FAILED;
  lua_settop(L, 1);
  int n = sk_crossing_collect(L, sk_shared_of(t->r.S), t->r.parcel, &status);
  if (n < 0) {
    const char *why = t->body->os.report;
    sk_pusherror(L, "error", "%s", why != NULL ? why : "no memory for results");
    n = 1;
  }
  if (status == SK_CANCELLED) sk_launch_addreason(L, 1);
  sk_outcome_settle(L, t->r.S, 1, status, n);
  return 0;
}


static void onend (Petition *p) {
  Thread *t = p->arg;
  t->end = NULL;
  sk_shared_unwatch(p->shared, p);
  *(t->r.hidden ? &t->r.S->workers : &t->r.S->hopes) -= 1;
  sk_osthread_join(&t->body->os);
  sk_remote_settle(&t->r, settle);
  sk_osthread_drop(&t->body->os);
  t->body = NULL;
}


/* ---- starting ---- */

static void freebody (Shared *s, Body *b) {
  if (b->life.slot != 0) sk_sweep_unborn(&s->m, b->life.slot, b->life.taken);
  if (b->last.slot != 0) sk_sweep_unborn(&s->m, b->last.slot, b->last.taken);
  free(b->path);
  free(b->cpath);
  free(b);
}


/* Take a slot that holds the parcel. */
static int takeberth (Shared *s, Berth *b, Parcel *p) {
  int err = sk_slot_take(s->m.index, &b->slot);
  if (err != 0) return err;
  Slot *slot = sk_slot(b->slot);
  b->taken = slot->taken;
  sk_slot_setpid(slot, getpid());
  return sk_object_lend(&s->m, &p->o, b->slot);
}


/* Be told of its end, and start it. */
static int run (Shared *s, Thread *t, Body *b) {
  t->end = sk_shared_watcher(s, onend);
  if (t->end == NULL) return -ENOMEM;
  t->end->arg = t;
  t->end->idle = t->r.hidden;
  sk_parcel_await(&s->m, t->r.parcel, t->end->seat);
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
  b->parcel = t->r.parcel;
  b->id = t->r.outcome.id;
  b->os.daemon = t->r.daemon;
  b->os.user = t->r.S;
  snprintf(b->os.name, sizeof b->os.name, "%s", name);
  b->path = strdup(path);
  b->cpath = strdup(cpath);
  int err = b->path == NULL || b->cpath == NULL ? -ENOMEM : 0;
  if (err == 0) err = takeberth(s, &b->life, t->r.parcel);
  if (err == 0) {
    sk_slot_name(b->life.slot, t->r.hidden ? "pool worker" : "thread", name);
    err = takeberth(s, &b->last, t->r.parcel);
  }
  if (err == 0) err = run(s, t, b);
  if (err == 0)
    t->body = b;
  else
    freebody(s, b);
  return err;
}


static void start (lua_State *L, Sched *S, int handle, int nargs) {
  Thread *t = lua_touserdata(L, handle);
  int fn = lua_gettop(L) - nargs;
  Shared *s = sk_remote_pack(L, handle);
  sk_shared_pack(L, s, fn, nargs + 1, &sk_wire_call);
  sk_parcel_put(&s->m, t->r.parcel, &t->r.parcel->input);
  sk_outcome_pushname(L, handle);
  const char *name = lua_tostring(L, -1);
  lua_createtable(L, 0, 2);
  sk_crossing_packsetup(L, s, t->r.parcel, name, false);
  const char *path = sk_crossing_pushpath(L, "path");
  const char *cpath = sk_crossing_pushpath(L, "cpath");
  sk_remote_run(L, handle);
  int err = launch(s, t, path, cpath, name);
  if (err != 0) sk_remote_refuse(L, handle, err, NULL);
  *(t->r.hidden ? &S->workers : &S->hopes) += 1;
}


/* ---- handles ---- */

/* A forked child has none of its parent's threads. */
static void look (lua_State *L, Sched *S, int at) {
  (void)S;
  sk_remote_checkmine(L, at);
}


static void stop (lua_State *L, Sched *S) {
  Thread *t = lua_touserdata(L, 1);
  (void)S;
  if (!t->r.cancelled) sk_launch_keepreason(L);
  t->r.cancelled = true;
  sk_osthread_stop(&t->body->os);
}


/* Only a handle whose thread never ran, or of a state that closes. */
static int thread_gc (lua_State *L) {
  Thread *t = luaL_checkudata(L, 1, CLASS);
  if (t->body == NULL)
    sk_remote_drop(&t->r);
  else if (sk_remote_ismine(&t->r))
    sk_osthread_drop(&t->body->os);
  t->r.holds = false;
  t->body = NULL;
  return 0;
}


static const HandleClass class = {
    .name = CLASS,
    .kind = "thread",
    .what = "thread end",
    .look = look,
    .start = start,
    .stop = stop,
};


/* core.thread([opts,] fn, ...) -> thread */
static int core_thread (lua_State *L) {
  static const char *const options[] = {"name", "start", "daemon", "_hidden",
                                        NULL};
  Sched *S = sk_upvalue(L);
  int nargs = sk_launch_check(L, 1, options, true);
  bool atonce = sk_launch_atonce(L, 1);
  sk_remote_new(L, S, &class, sizeof(Thread));
  return sk_launch_begin(L, S, 1, nargs, atonce);
}


static const luaL_Reg meta[] = {{"__gc", thread_gc}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"thread", core_thread}, {NULL, NULL}};


void sk_open_thread (lua_State *L, Sched *S) {
  sk_handle_open(L, S, &class, NULL, meta);
  sk_remote_open(L);
  sk_addfunctions(L, S, functions);
}
