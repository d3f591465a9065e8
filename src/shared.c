/*
** shared.c - A Lua state joins the family, and leaves it. See shared.h.
*/
#include <string.h>
#include <unistd.h>

#include "osthread.h"
#include "report.h"
#include "shared.h"
#include "spawn.h"
#include "sweep.h"
#include "vault.h"

#define CLASS "skein.Shared"

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER; /* process-wide, */
static Shared *all;                                       /* as are these */
static int owner; /* the process whose members they are */


/* Under the guard, or in a forked child, where nobody else is. */
static SK_BIRTH void enlist (Shared *s, int pid) {
  owner = pid;
  s->next = all;
  s->at = &all;
  if (all != NULL) all->at = &s->next;
  all = s;
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
  sk_spawn_notify(NULL);
  leaveall();
  sk_osthread_finish(NULL, print, NULL);
  sk_spawn_finish(NULL);
}


/* The program ends by 'exit' while states are open, or unloads us. Not so a
   fork of it that others made: nothing of this is its own. After those without
   a number, which still need what is shared. */
static void __attribute__((destructor(200))) atend(void) {
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
  sk_shared_unhook(s);
  sk_spawn_notify(s->S);
  sk_sweep_leave(&s->m);
  sk_shared_dropwaits(s);
  free(s->cargo);
  sk_buf_fini(&s->copy);
  sk_osthread_finish(s->S, tell, L);
  sk_spawn_finish(s->S);
  return 0;
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
  sk_shared_makehandles(L);
  return s;
}


static SK_BIRTH void enter (Shared *s, uint32_t index, int pid) {
  s->m.index = index;
  s->m.slot = sk_slot(index);
  memset(s->m.stocked, 0, sizeof s->m.stocked); /* a parent's is not ours */
  memset(s->m.batch, 0, sizeof s->m.batch);
  sk_shared_hook(s);
  sk_slot_live(&s->m, pid);
}


static void join (Shared *s, uint32_t index) {
  int pid = getpid();
  enter(s, index, pid);
  s->thread = pthread_self(); /* so it is in a forked child */
  pthread_mutex_lock(&guard);
  enlist(s, pid);
  pthread_mutex_unlock(&guard);
}


Shared *sk_shared_open (lua_State *L, Sched *S) {
  uint32_t index = 0;
  if (sk_likely(S->family.data != NULL)) return S->family.data;
  Shared *s = make(L, S);
  int err = sk_root_open();
  if (err == 0) err = sk_slot_ringer();
  if (err == 0) err = sk_vault_open();
  if (err == 0) err = sk_slot_take(0, &index);
  if (err != 0) luaL_error(L, "cannot share memory: %s", strerror(-err));
  sk_slot_name(index, S->kind, "main");
  join(s, index);
  return s;
}


Shared *sk_shared_adopt (lua_State *L, Sched *S, uint32_t index) {
  int err = sk_slot_ringer(); /* the helper, whose fork this may be, has none */
  if (err != 0) luaL_error(L, "cannot share memory: %s", strerror(-err));
  Shared *s = make(L, S);
  s->m.refs.made = 1;
  join(s, index);
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


SK_BIRTH void sk_shared_afterfork (Shared *s, uint32_t index, int pid) {
  sk_slot_dropbell(&s->m); /* it is the parent's */
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
  s->spare = s->newest = NULL; /* to free them would copy their pages */
  s->m.seats.count = s->m.seats.made = 0;
  s->held = 0;
  guard = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
  all = NULL; /* other states of the parent are not alive here */
  enlist(s, pid);
  enter(s, index, pid);
}
