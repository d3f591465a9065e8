/*
** shared.c - Where the scheduler meets the shared memory. See shared.h.
*/
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "lock.h"
#include "osthread.h"
#include "report.h"
#include "shared.h"
#include "spawn.h"
#include "sweep.h"

#define CLASS "skein.Shared"
#define SPIN 50000   /* ns: an answer that takes longer is slept for */
#define SHORT 250000 /* ns: a sleep that some patience might have saved */
#define SKIP 255     /* waits at most that do not look out before sleeping */

static const char handles; /* key in the registry: the weak table of handles */


/* ---- the loop ---- */

/* A wish was granted: its task can go on. */
static void deliver (void *arg, Seat *seat) {
  Shared *s = arg;
  Petition *p = (Petition *)(uintptr_t)seat->owner;
  if (p->notify != NULL) {
    p->notify(p);
    return;
  }
  if (p->task == NULL) return; /* not yet suspended: it will see */
  Task *t = p->task;
  p->task = NULL;
  sk_sched_wake(s->S, t, 0);
}


bool sk_shared_collect (Shared *s) {
  bool all = s->rescan;
  if (!all && __atomic_load_n(&s->m.slot->inbox, __ATOMIC_RELAXED) == 0)
    return false;
  s->rescan = false;
  return sk_seat_collect(&s->m, all, deliver, s);
}


/* What the loop concludes after this holds while 'changes' does not grow. */
static bool pending (Sched *S) {
  Shared *s = sk_shared_of(S);
  s->seen = __atomic_load_n(&sk_root()->changes, __ATOMIC_SEQ_CST);
  return sk_shared_collect(s);
}


static void onbell (Watch *w, unsigned events) {
  (void)events;
  sk_slot_answer(&sk_container(w, Shared, bell)->m);
}


static void ondeath (Watch *w, unsigned events) {
  Death *d = sk_container(w, Death, watch);
  (void)events;
  sk_shared_died(d->shared, d->pid);
}


static void unwatch (Shared *s, Death **at) {
  Death *d = *at;
  *at = d->next;
  sk_sched_unwatch(s->S, &d->watch);
  close(d->watch.fd);
  free(d);
}


void sk_shared_died (Shared *s, int pid) {
  for (Death **d = &s->deaths; *d != NULL; d = &(*d)->next) {
    if ((*d)->pid != pid) continue;
    unwatch(s, d);
    break;
  }
  sk_sweep_process(&s->m, pid);
  s->rescan = true;
}


static bool iswatched (const Shared *s, int pid) {
  const Death *d = s->deaths;
  while (d != NULL && d->pid != pid) d = d->next;
  return d != NULL;
}


/* Watch the process of another member; true: it is dead already. */
static bool watch (Shared *s, const Slot *other) {
  int pid = other->pid;
  if (pid == 0 || pid == s->m.slot->pid || iswatched(s, pid)) return false;
  int fd = sk_slot_pidfd(other);
  if (fd == -ESRCH) return true;
  if (fd < 0) return false;
  Death *d = calloc(1, sizeof *d);
  if (d == NULL) {
    close(fd);
    return false;
  }
  d->watch.fd = fd;
  d->watch.fire = ondeath;
  d->watch.idle = true;
  d->pid = pid;
  d->shared = s;
  if (sk_sched_watch(s->S, &d->watch, SK_READ) != 0) {
    close(fd);
    free(d);
    return false;
  }
  d->next = s->deaths;
  s->deaths = d;
  return false;
}


/* Who waits for others watches all of them: any may hold what it needs. */
static void watchall (Shared *s) {
  Root *f = sk_root();
  uint64_t changes = __atomic_load_n(&f->changes, __ATOMIC_SEQ_CST);
  if (changes == s->watched) return;
  s->watched = changes;
  bool dead = false;
  for (uint32_t i = 1; i < f->reached; i++)
    if (f->slot[i].state == SK_SLOT_LIVE) dead |= watch(s, &f->slot[i]);
  if (dead) {
    sk_sweep_dead(&s->m);
    s->rescan = true;
  }
}


static bool hasmail (const Shared *s) {
  return __atomic_load_n(&s->m.slot->inbox, __ATOMIC_SEQ_CST) != 0;
}


/*
** Look out for an answer that is under way. In vain: the next waits go to
** sleep at once, twice as many each time, and fewer after short sleeps. So two
** that answer each other find back from sleeping to spinning, where neither
** needs the kernel, and one whose answers are slow wastes little.
*/
static bool spin (Shared *s) {
  if (s->skip > 0) {
    s->skip--;
    return false;
  }
  sk_time start = sk_clock_real(), end = start + SPIN;
  sk_time due = sk_timers_next(&s->S->timers);
  if (due < end) end = due;
  do {
    for (int i = 0; i < 4; i++) {
      if (hasmail(s)) {
        s->backoff = 0;
        return true;
      }
      sk_clock_relax();
    }
    sched_yield(); /* the one who answers may wait for this processor */
  } while (s->S->alerts == 0 && sk_clock_real() < end);
  s->backoff = s->backoff * 2 + 1 < SKIP ? s->backoff * 2 + 1 : SKIP;
  s->skip = s->backoff;
  return false;
}


/* Hang the doorbell where the poller hears it. */
static bool hang (Shared *s) {
  s->bell.fd = sk_slot_bell(&s->m);
  s->bell.fire = onbell;
  s->bell.idle = true;
  return s->bell.fd >= 0 && sk_sched_watch(s->S, &s->bell, SK_READ) == 0;
}


static bool fallasleep (Sched *S) {
  Shared *s = sk_shared_of(S);
  uint32_t how = S->shared > 0 ? SK_ASLEEP_SHARED : SK_ASLEEP;
  if (S->shared > 0) {
    if (spin(s)) return false;
    watchall(s);
    if (s->rescan) return false;
  }
  if (sk_unlikely(s->bell.era == 0) && !hang(s)) return true;
  const Task *top = &S->top;
  const char *what = top->state == SK_PARKED ? top->what : "";
  sk_slot_say(s->m.slot, what, top->since, S->live);
  __atomic_store_n(&s->m.slot->asleep, how, __ATOMIC_SEQ_CST);
  uint64_t changes = __atomic_load_n(&sk_root()->changes, __ATOMIC_SEQ_CST);
  if (hasmail(s) || (S->shared > 0 && changes != s->seen)) {
    __atomic_store_n(&s->m.slot->asleep, SK_AWAKE, __ATOMIC_SEQ_CST);
    return false;
  }
  s->slept = sk_clock_real();
  return true;
}


static void wakeup (Sched *S) {
  Shared *s = sk_shared_of(S);
  __atomic_store_n(&s->m.slot->asleep, SK_AWAKE, __ATOMIC_SEQ_CST);
  if (s->skip > 0 && hasmail(s) && sk_clock_real() - s->slept < SHORT)
    s->skip /= 2;
}


static void ishope (void *arg, Seat *seat) {
  bool *hope = arg;
  uint32_t state = __atomic_load_n(&seat->state, __ATOMIC_ACQUIRE);
  if (state == SK_GRANTED) *hope = true; /* meanwhile */
  if (state != SK_WAITING || *hope) return;
  Object *o = sk_at(Object, seat->object);
  Petition *p = (Petition *)(uintptr_t)seat->owner;
  *hope = sk_object_isshared(&p->shared->m, o);
}


static bool hopeless (Sched *S) {
  Shared *s = sk_shared_of(S);
  bool hope = false;
  if (sk_slot_isalone(&s->m)) return true;
  sk_seat_each(s->m.slot, ishope, &hope);
  return !hope;
}


/* ---- what tasks hold ---- */

typedef struct Ending { /* of a task */
  Shared *s;
  uint64_t who;
} Ending;


static void abandon (void *arg, Object *o, uint32_t flags) {
  const Ending *e = arg;
  const Class *c = sk_object_class(o->type);
  (void)flags;
  if (c->abandon != NULL) e->s->held -= c->abandon(&e->s->m, o, e->who);
}


/* What it still holds goes to the next in line. */
static void ended (Sched *S, Task *t) {
  Shared *s = sk_shared_of(S);
  if (sk_likely(s->held == 0)) return;
  Ending e = {s, sk_lock_who(&s->m, t->outcome.id)};
  sk_object_each(s->m.slot, abandon, &e);
}


/* ---- membership ---- */

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER; /* process-wide, */
static Shared *all;                                       /* as are these */
static int owner; /* the process whose members they are */


static void enlist (Shared *s) {
  pthread_mutex_lock(&guard);
  owner = getpid();
  s->thread = pthread_self();
  s->next = all;
  s->at = &all;
  if (all != NULL) all->at = &s->next;
  all = s;
  pthread_mutex_unlock(&guard);
}


static void delist (Shared *s) {
  pthread_mutex_lock(&guard);
  if (s->at != NULL) {
    *s->at = s->next;
    if (s->next != NULL) s->next->at = s->at;
    s->at = NULL;
  }
  pthread_mutex_unlock(&guard);
}


/* Let go of what this thread shares, though its state is not closed: those
   who wait for us see it. */
static void leaveall (void) {
  Shared *next;
  for (Shared *s = all; s != NULL; s = next) {
    next = s->next;
    if (!pthread_equal(s->thread, pthread_self())) continue;
    delist(s);
    sk_sweep_leave(&s->m);
  }
}


static void print (void *unused, const char *report) {
  (void)unused;
  fprintf(stderr, "skein: %s\n", report);
}


void sk_shared_finish (void) {
  if (!sk_osthread_any() && !sk_spawn_any()) return; /* it is swept anyway */
  leaveall();
  sk_osthread_finish(NULL, print, NULL);
  sk_spawn_finish(NULL);
}


/* The program ends by 'exit' while states are open, or unloads us. Not so a
   fork of it that others made: nothing of this is its own. */
static void __attribute__((destructor)) atend(void) {
  if (owner == getpid()) sk_shared_finish();
}


/* A thread that nobody can ask any more has failed. */
static void tell (void *L, const char *report) {
  sk_report_text(L, report);
}


static int leave (lua_State *L) {
  Shared *s = lua_touserdata(L, 1);
  if (s->m.slot == NULL) return 0;
  delist(s);
  while (s->deaths != NULL) unwatch(s, &s->deaths);
  if (s->m.bell >= 0) sk_sched_unwatch(s->S, &s->bell);
  s->S->family = (Family){0};
  sk_sweep_leave(&s->m);
  for (Petition *p = s->spare, *next; p != NULL; p = next) {
    next = p->next;
    free(p);
  }
  free(s->cargo);
  sk_buf_fini(&s->copy);
  sk_osthread_finish(s->S, tell, L);
  sk_spawn_finish(s->S);
  return 0;
}


/* What the case 'w' of a select waits for may be there. */
static void told (Petition *p) {
  Waiter *w = p->arg;
  if (w->task != NULL) sk_sched_grant(p->shared->S, w, -EAGAIN);
}


static void *reserve (Sched *S, Waiter *w) {
  Petition *p = sk_shared_watcher(sk_shared_of(S), told);
  if (p != NULL) p->arg = w;
  return p;
}


static void vacate (Sched *S, void *place) {
  sk_shared_unwatch(sk_shared_of(S), place);
}


static void makehandles (lua_State *L) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &handles);
}


static void hook (Shared *s) {
  s->S->family = (Family){.pending = pending,
                          .sleep = fallasleep,
                          .awake = wakeup,
                          .hopeless = hopeless,
                          .reserve = reserve,
                          .vacate = vacate,
                          .ended = ended,
                          .data = s};
}


static Shared *make (lua_State *L, Sched *S) {
  Shared *s = lua_newuserdatauv(L, sizeof *s, 0);
  memset(s, 0, sizeof *s);
  s->m.bell = -1;
  s->S = S;
  if (luaL_newmetatable(L, CLASS)) {
    lua_pushcfunction(L, leave);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, S); /* anchored */
  makehandles(L);
  return s;
}


static void enter (Shared *s, uint32_t index) {
  s->m.index = index;
  s->m.slot = sk_slot(index);
  hook(s);
  sk_slot_live(&s->m);
}


Shared *sk_shared_open (lua_State *L, Sched *S) {
  uint32_t index = 0;
  if (sk_likely(S->family.data != NULL)) return S->family.data;
  Shared *s = make(L, S);
  int err = sk_root_open();
  if (err == 0) err = sk_slot_take(0, &index);
  if (err != 0) luaL_error(L, "cannot share memory: %s", strerror(-err));
  sk_slot_name(index, S->kind, "main");
  enter(s, index);
  enlist(s);
  return s;
}


Shared *sk_shared_adopt (lua_State *L, Sched *S, uint32_t index) {
  Shared *s = make(L, S);
  s->m.refs.made = 1;
  enter(s, index);
  enlist(s);
  return s;
}


/* The value at the top is passed on to the child of slot 'to'. */
static void entrust (lua_State *L, Shared *s, uint32_t to) {
  const Handle *h = lua_touserdata(L, -1);
  if (h == NULL || !lua_getmetatable(L, -1)) return;
  bool ispipe = lua_topointer(L, -1) == s->S->handles[SK_PIPE];
  lua_pop(L, 1);
  if (ispipe && h->o != NULL) sk_object_entrust(&s->m, h->ref, to);
}


void sk_shared_entrust (lua_State *L, Shared *s, uint32_t to, int first,
                        int n) {
  luaL_checkstack(L, 2, NULL);
  for (int i = 1; lua_isfunction(L, first); i++) {
    if (lua_getupvalue(L, first, i) == NULL) break;
    entrust(L, s, to);
    lua_pop(L, 1);
  }
  for (int i = 0; i < n; i++) {
    lua_pushvalue(L, first + i);
    entrust(L, s, to);
    lua_pop(L, 1);
  }
}


void sk_shared_afterfork (Shared *s, uint32_t index) {
  if (s->m.bell >= 0) close(s->m.bell); /* it is the parent's */
  s->m.bell = -1;
  s->bell = (Watch){0};
  for (Death *d = s->deaths, *next; d != NULL; d = next) {
    next = d->next;
    close(d->watch.fd);
    free(d);
  }
  s->deaths = NULL;
  if (s->deafen != NULL) s->deafen(&s->listeners);
  s->watched = 0;
  s->rescan = false;
  s->spare = NULL; /* their seats are the parent's */
  s->m.seats.count = s->m.seats.made = 0;
  s->held = 0;
  guard = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
  all = NULL; /* other states of the parent are not alive here */
  enlist(s);
  enter(s, index);
}


/* ---- handles ---- */

/* The key of a handle: ends of a pipe have handles of their own. */
static lua_Integer key (const Object *o, uint32_t flags) {
  return (lua_Integer)(sk_off(o) | (flags & ~(Off)SK_REF_ACTIVE));
}


static Handle *newhandle (lua_State *L, const char *class) {
  Handle *h = lua_newuserdatauv(L, sizeof *h, 1);
  *h = (Handle){0};
  luaL_setmetatable(L, class);
  return h;
}


/* The handle at the top of the stack can be found by its object. */
static void enroll (lua_State *L, const Handle *h) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &handles);
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, key(h->o, h->flags));
  lua_pop(L, 1);
}


Handle *sk_shared_new (lua_State *L, Shared *s, uint32_t type, uint32_t flags,
                       const char *class) {
  Handle *h = newhandle(L, class);
  int err = sk_object_new(&s->m, type, flags, &h->o, &h->ref);
  if (err != 0) {
    h->o = NULL;
    luaL_error(L, "cannot make a %s: %s", sk_object_class(type)->name,
               strerror(-err));
  }
  h->flags = flags;
  enroll(L, h);
  return h;
}


/* Push the handle to 'o' that this state has, or nil. */
static Handle *find (lua_State *L, const Object *o, uint32_t flags) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &handles);
  lua_rawgeti(L, -1, key(o, flags));
  lua_remove(L, -2);
  Handle *h = lua_touserdata(L, -1);
  return h != NULL && h->o == o ? h : NULL;
}


Handle *sk_shared_push (lua_State *L, Shared *s, Object *o, uint32_t flags,
                        const char *class) {
  Handle *h = find(L, o, flags);
  if (h != NULL) {
    if (flags & ~sk_object_flags(&s->m, h->ref))
      sk_object_setflags(&s->m, h->ref, flags);
    return h;
  }
  lua_pop(L, 1);
  h = newhandle(L, class);
  int err = sk_object_hold(&s->m, o, flags, &h->ref);
  if (err != 0)
    luaL_error(L, "cannot hold a %s: %s", sk_object_class(o->type)->name,
               strerror(-err));
  h->o = o;
  h->flags = flags;
  enroll(L, h);
  return h;
}


static bool ispart (const Object *o, Off place) {
  return place - sk_off(o) < sk_object_class(o->type)->size;
}


static void stands (void *arg, Seat *seat) {
  Object **o = arg;
  if (*o == NULL) return;
  if (ispart(*o, seat->object) || ispart(*o, seat->line) ||
      ispart(*o, seat->from))
    *o = NULL;
}


void sk_shared_drop (Shared *s, Handle *h) {
  h->o = NULL;
  sk_object_drop(&s->m, h->ref);
}


int sk_shared_gc (lua_State *L) {
  Handle *h = lua_touserdata(L, 1);
  Shared *s = sk_shared_of((Sched *)sk_upvalue(L));
  if (h->o == NULL || s == NULL) return 0;
  Object *o = h->o;
  h->o = NULL;
  /* the state is closing while tasks wait here: leaving will drop it */
  if (s->S->shared > 0) sk_seat_each(s->m.slot, stands, &o);
  if (o != NULL) sk_object_drop(&s->m, h->ref);
  return 0;
}


/* By the address of its metatable: luaL_checkudata looks up its name. */
Handle *sk_shared_check (lua_State *L, int arg, uint32_t type,
                         const char *class) {
  Sched *S = sk_upvalue(L);
  Handle *h = lua_touserdata(L, arg);
  if (sk_likely(h != NULL && lua_getmetatable(L, arg))) {
    const void *its = lua_topointer(L, -1);
    lua_pop(L, 1);
    if (sk_likely(its == S->handles[type] && h->o != NULL)) return h;
  }
  luaL_checkudata(L, arg, class);
  luaL_error(L, "this %s was given up already", sk_object_class(type)->name);
  return NULL;
}


void sk_shared_class (lua_State *L, Sched *S, const WireRef *ref,
                      const char *class, const luaL_Reg *methods,
                      const luaL_Reg *meta) {
  static const luaL_Reg gc[] = {{"__gc", sk_shared_gc}, {NULL, NULL}};
  sk_newclass(L, S, class, methods, meta);
  luaL_getmetatable(L, class);
  S->handles[ref->cls] = lua_topointer(L, -1);
  if (lua_getfield(L, -1, "__gc") == LUA_TNIL) {
    lua_pushvalue(L, -2);
    lua_pushlightuserdata(L, S);
    luaL_setfuncs(L, gc, 1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  sk_wire_class(ref);
  sk_wire_setref(L, ref);
  lua_pop(L, 1);
}


typedef struct Body { /* of a reference on the wire */
  Off object;
  uint32_t flags;
  uint32_t mine; /* the sender's own entry for it */
} Body;


/* The message holds the object from the moment it is in the arena. */
int sk_shared_encode (lua_State *L, int idx, void *body) {
  Handle *h = lua_touserdata(L, idx);
  if (h->o == NULL) return -EBADF;
  uint32_t flags = h->flags;
  /* an end of a pipe arrives active, see pipe.h */
  if (h->o->type == SK_PIPE) flags |= SK_REF_ACTIVE;
  *(Body *)body =
      (Body){.object = sk_off(h->o), .flags = flags, .mine = h->ref};
  return 0;
}


int sk_shared_decode (lua_State *L, const void *body, const char *class) {
  const Body *b = body;
  Shared *s = sk_shared_open(L, sk_sched_of(L));
  sk_shared_push(L, s, sk_at(Object, b->object), b->flags, class);
  return 0;
}


/* The message's holds are dropped with the message, not one by one. */
void sk_shared_forget (const void *body) {
  (void)body;
}


void sk_shared_load (lua_State *L, const char *name) {
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  bool loaded = lua_getfield(L, -1, name) != LUA_TNIL;
  lua_pop(L, 2);
  if (loaded) return;
  lua_getglobal(L, "require");
  lua_pushstring(L, name);
  lua_call(L, 1, 0);
}


/* ---- messages ---- */

/* A copy: in the message it is not aligned. */
static Body bodyof (const Wire *w, size_t i) {
  Body b;
  memcpy(&b, sk_wire_ref(w, i), sizeof b);
  return b;
}


/* List what the message refers to in 's->cargo'. */
static bool listrefs (Shared *s, const Wire *w) {
  if (w->nrefs > s->maxcargo) {
    Off *cargo = realloc(s->cargo, w->nrefs * sizeof *cargo);
    if (cargo == NULL) return false;
    s->cargo = cargo;
    s->maxcargo = w->nrefs;
  }
  for (size_t i = 0; i < w->nrefs; i++) {
    Body b = bodyof(w, i);
    s->cargo[i] = b.object | b.flags;
  }
  return true;
}


/* Who sends an end of a pipe lets go of it. */
static void letgo (Shared *s, const Wire *w) {
  for (size_t i = 0; i < w->nrefs; i++) {
    Body b = bodyof(w, i);
    uint32_t flags = sk_object_flags(&s->m, b.mine);
    if (flags & SK_REF_ACTIVE)
      sk_object_setflags(&s->m, b.mine, flags & ~(uint32_t)SK_REF_ACTIVE);
  }
}


static void fill (lua_State *L, Shared *s, Wire *w, size_t room) {
  int err = listrefs(s, w)
                ? sk_item_new(&s->m, room + sk_wire_size(w), s->cargo, w->nrefs)
                : -ENOMEM;
  if (err != 0) {
    sk_wire_cancel(w);
    luaL_error(L, "cannot send: %s", strerror(-err));
  }
  sk_wire_copy(w, sk_at(Item, s->m.slot->out)->bytes + room);
  letgo(s, w);
  sk_wire_sent(w);
}


void *sk_shared_packafter (lua_State *L, Shared *s, size_t room, int first,
                           int n, const WireWhat *what) {
  Wire *w = sk_wire_of(L);
  sk_wire_encode(L, w, first, n, what);
  fill(L, s, w, room);
  return sk_at(Item, s->m.slot->out)->bytes;
}


void sk_shared_pack (lua_State *L, Shared *s, int first, int n,
                     const WireWhat *what) {
  sk_shared_packafter(L, s, 0, first, n, what);
}


int sk_shared_trypack (lua_State *L, Shared *s, int first, int n,
                       const WireWhat *what) {
  Wire *w = sk_wire_of(L);
  if (sk_wire_try(L, w, first, n, what) != 0) return -1;
  fill(L, s, w, 0);
  return 0;
}


void sk_shared_unsent (Shared *s) {
  sk_item_unsent(&s->m, &s->m.slot->out);
}


int sk_shared_unpack (lua_State *L, Shared *s) {
  Item *i = sk_at(Item, s->m.slot->in);
  int n = sk_wire_decode(L, sk_wire_of(L), i->bytes, i->size, SK_WIRE_TRUSTED);
  sk_item_free(&s->m, &s->m.slot->in);
  if (sk_likely(n >= 0)) return n;
  sk_raise(L, "transfer", "%s", lua_tostring(L, -1));
  return 0;
}


/* ---- waits ---- */

uint64_t sk_shared_who (const Shared *s) {
  return sk_lock_who(&s->m, s->S->current->outcome.id);
}


static bool withdraw (Sched *S, Task *t, Wait *w) {
  Petition *p = sk_container(w, Petition, wait);
  (void)S;
  if (!sk_seat_withdraw(&p->shared->m, p->seat, t->woken)) return false;
  p->task = NULL;
  return true;
}


/* The first spare petition, which stays where it is. NULL: no memory. */
static Petition *spare (Shared *s) {
  if (s->spare != NULL) return s->spare;
  Petition *p = calloc(1, sizeof *p);
  if (p == NULL || sk_seat_new(&s->m, &p->seat) != 0) {
    free(p);
    return NULL;
  }
  p->wait = (Wait){.withdraw = withdraw, .shared = true};
  p->shared = s;
  p->seat->owner = (uintptr_t)p;
  return s->spare = p;
}


Petition *sk_shared_petition (lua_State *L, Shared *s, sk_time due) {
  Petition *p = spare(s);
  if (p == NULL) luaL_error(L, "cannot wait: not enough memory");
  sk_sched_prepare(L, s->S, due);
  s->spare = p->next;
  return p;
}


Petition *sk_shared_watcher (Shared *s, void (*notify)(Petition *)) {
  Petition *p = spare(s);
  if (p == NULL) return NULL;
  s->spare = p->next;
  p->notify = notify;
  return p;
}


static void release (Shared *s, Petition *p) {
  p->task = NULL;
  p->notify = NULL;
  p->seat->object = 0;
  p->seat->from = 0;
  p->seat->state = SK_ALONE;
  p->next = s->spare;
  s->spare = p;
}


void sk_shared_dismiss (Shared *s, Petition *p) {
  sk_sched_unprepare(s->S);
  release(s, p);
}


void sk_shared_unwatch (Shared *s, Petition *p) {
  if (p->seat->object != 0 && p->seat->state != SK_TAKEN &&
      !sk_seat_withdraw(&s->m, p->seat, -ECANCELED)) {
    p->notify = NULL; /* a grant is under way: take it, and be deaf to it */
    sk_seat_collect(&s->m, true, deliver, s);
  }
  sk_item_free(&s->m, &p->seat->block);
  release(s, p);
}


int sk_shared_suspend (lua_State *L, Shared *s, Petition *p, const char *what,
                       lua_KFunction k) {
  p->task = s->S->current;
  return sk_sched_suspend(L, s->S, NULL, &p->wait, what, (lua_KContext)p, k);
}


int sk_shared_settle (lua_State *L, Sched *S, lua_KContext ctx) {
  Petition *p = (Petition *)ctx;
  Shared *s = p->shared;
  int n = sk_sched_outcome(L, S);
  int result = n < 0 ? n : p->seat->result;
  sk_item_free(&s->m, &s->m.slot->in); /* a raise may have left it */
  if (result < 0)
    sk_item_unsent(&s->m, &p->seat->block);
  else if (p->seat->block != 0)
    sk_arena_move(&s->m.slot->in, &p->seat->block);
  release(s, p);
  if (sk_likely(result >= 0)) return result;
  if (n < 0 && n != -ETIMEDOUT) sk_sched_raise(L, S, n);
  return result;
}
