/*
** sched_state.c - A scheduler's beginning, its end, and alerts. See sched.h.
*/
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "lib.h"
#include "sched.h"
#include "scope.h"

#define DEAF (SK_SECOND / 4) /* Ctrl-C not heard for so long is in vain */
#define IDS 1024             /* fetched at a time */

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER; /* process-wide, */
static Sched *all;                                        /* as are these */
static int owner; /* the process they are alive in */

static const char KEY = 'S'; /* of the scheduler, in the registry */
static const char AUX = 'x'; /* of its auxiliary stack */


SK_BIRTH Sched *sk_sched_of (lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &KEY);
  Sched *S = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return S;
}


/* ---- all of this process ---- */

/* Under the guard, or in a forked child, where nobody else is. */
static SK_BIRTH void enlist (Sched *S, int pid) {
  owner = pid;
  S->next = all;
  S->at = &all;
  if (all != NULL) all->at = &S->next;
  all = S;
}


static void delist (Sched *S) {
  pthread_mutex_lock(&guard);
  if (S->at != NULL) { /* else memory ended before it was complete */
    *S->at = S->next;
    if (S->next != NULL) S->next->at = S->at;
  }
  pthread_mutex_unlock(&guard);
}


/* The n-th of this thread: they are in order, whatever others do. */
static Sched *mine (int n) {
  pthread_mutex_lock(&guard);
  Sched *S = all;
  while (S != NULL && (!pthread_equal(S->thread, pthread_self()) || n-- > 0))
    S = S->next;
  pthread_mutex_unlock(&guard);
  return S;
}


void sk_sched_each (void (*f)(Sched *S)) {
  if (owner != getpid()) return; /* a fork that others made */
  for (int n = 0; mine(n) != NULL; n++) f(mine(n));
}


/* ---- ids ---- */

uint64_t sk_sched_moreids (Sched *S) {
  static uint64_t given; /* process-wide */
  S->ids = __atomic_fetch_add(&given, IDS, __ATOMIC_RELAXED);
  S->idlimit = S->ids + IDS;
  return ++S->ids;
}


/* ---- alerts ---- */

static void restorehook (lua_State *L, const Sched *S) {
  lua_sethook(L, S->hook, S->hookmask, S->hookcount);
}


/* Runs in the Lua code that an alert found running. */
static void onhook (lua_State *L, lua_Debug *ar) {
  (void)ar;
  Sched *S = sk_sched_of(L);
  restorehook(L, S);
  unsigned alerts = S->alerts;
  if (alerts == 0) return; /* the loop has seen it first */
  bool interrupted = sk_sched_attend(S);
  if (alerts & SK_ALERT_CANCEL) sk_sched_cancel(S, S->current);
  sk_sched_checkpoint(L, S);
  if (interrupted) sk_sched_raise(L, S, -EINTR);
}


bool sk_sched_isalerted (const Sched *S, lua_State *L) {
  return (S->alerts & ~SK_ALERT_ERRAND) != 0 || lua_gethook(L) == onhook;
}


/*
** The coroutine that runs inside of 'L', which called 'resume' and waits for
** it: that has it as its first argument, or a wrapped one as its upvalue.
*/
static lua_State *innermost (lua_State *L) {
  lua_Debug ar;
  for (;;) {
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    if (co == NULL) co = lua_tothread(L, 1);
    if (co == NULL || co == L || lua_status(co) != LUA_OK ||
        !lua_getstack(co, 0, &ar))
      return L;
    L = co;
  }
}


void sk_sched_alert (Sched *S, unsigned what) {
  atomic_fetch_or(&S->alerts, what & ~SK_ALERT_AGAIN);
  sk_poller_ring(&S->poller);
  lua_State *L = S->active;
  if (L == NULL) return;
  if (what & SK_ALERT_AGAIN) {
    if (what & SK_ALERT_CANCEL && S->top.raised) return; /* it cleans up */
    if (lua_gethook(L) == onhook) L = innermost(L);
  }
  else if (!(S->alerts & ~(SK_ALERT_CANCEL | SK_ALERT_ERRAND)))
    return; /* at the next wait, where nothing gets lost */
  if (lua_gethook(L) != onhook) {
    S->hook = lua_gethook(L);
    S->hookmask = lua_gethookmask(L);
    S->hookcount = lua_gethookcount(L);
  }
  lua_sethook(L, onhook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}


/* One that is no item of a channel is Ctrl-C. */
static bool onsignal (Sink *sink, int signo, bool again) {
  Sched *S = sk_container(sink, Sched, sink);
  if (sk_signals_iscaught(signo)) {
    sk_sched_alert(S, SK_ALERT_SIGNAL);
    return true;
  }
  bool heard = !(S->alerts & SK_ALERT_INTERRUPT);
  if (again && heard) return true;
  if (heard) S->pressed = sk_clock_real();
  if (!again && sk_clock_real() - S->pressed > DEAF) return false;
  sk_sched_alert(S, SK_ALERT_INTERRUPT | (again ? SK_ALERT_AGAIN : 0));
  sk_signals_again(signo);
  return true;
}


/* ---- errands ---- */

/* In another thread: the poller is open since there are errands. */
static void onerrand (Desk *d) {
  Sched *S = sk_container(d, Sched, desk);
  atomic_fetch_or(&S->alerts, SK_ALERT_ERRAND);
  sk_poller_ring(&S->poller);
}


int sk_sched_offload (Sched *S, Errand *e) {
  int rc = sk_poller_open(&S->poller);
  if (rc < 0) return rc;
  S->desk.ring = onerrand;
  return sk_offload_start(&S->desk, e);
}


/* ---- beginning and end ---- */

int sk_sched_watch (Sched *S, Watch *w, unsigned events) {
  return sk_poller_add(&S->poller, w, events);
}


void sk_sched_unwatch (Sched *S, Watch *w) {
  sk_poller_remove(&S->poller, w);
}


static SK_BIRTH void dropwait (Task *t) {
  if (t->wait != NULL && t->wait->drop != NULL) t->wait->drop(t->wait);
  t->wait = NULL;
}


static SK_BIRTH void dropmembers (Sched *S, Nursery *n) {
  for (List *l; (l = sk_list_pop(&n->members)) != NULL;) {
    Task *t = sk_container(l, Task, sibling);
    sk_list_remove(&t->self.link);
    sk_timers_remove(&S->timers, &t->timer);
    sk_scope_drop(S, t);
    dropwait(t);
    t->co = t->at = NULL;
    t->nursery = NULL;
    t->state = SK_ENDED;
    t->outcome.status = SK_CANCELLED;
    t->outcome.waiters = (List){0};
  }
  n->live = 0;
}


/* Let go of all tasks, their waits and their scopes; wake nobody. */
static SK_BIRTH void dropall (Sched *S) {
  Task *top = &S->top;
  dropmembers(S, &S->loose);
  for (List *l; (l = sk_list_pop(&S->nurseries)) != NULL;)
    dropmembers(S, sk_container(l, Nursery, peer));
  sk_list_remove(&top->self.link);
  sk_timers_remove(&S->timers, &top->timer);
  sk_scope_drop(S, top);
  dropwait(top);
  top->home = NULL;
  S->ready = (List){0};
  S->live = S->shared = 0;
}


SK_BIRTH void sk_sched_random (uint64_t *to, size_t n) {
  size_t size = n * sizeof *to;
  if (syscall(SYS_getrandom, to, size, GRND_NONBLOCK) == (long)size)
    return; /* see sk_spawn_tie */
  for (size_t i = 0; i < n; i++)
    to[i] = (uint64_t)sk_clock_real() << 20 ^ (uint64_t)gettid() << i;
}


SK_BIRTH void sk_sched_afterfork (Sched *S, lua_State *top, int pid,
                                  uint64_t salt) {
  dropall(S);
  S->desk = (Desk){0}; /* the errands are the parent's */
  sk_poller_fini(&S->poller);
  sk_alarm_fini(&S->alarms);
  S->top.co = S->top.at = top;
  S->top.state = SK_ACTIVE;
  S->top.pending = S->top.cancelled = S->top.raised = false;
  S->current = &S->top;
  S->active = top;
  S->alerts = 0;
  S->hopes = S->workers = S->expecting = 0;
  S->looping = false;
  S->sink.driving = 0;
  S->sink.ready = false;
  while (sk_list_pop(&S->reports) != NULL) {
  } /* the parent tells of those */
  S->epoch++;
  guard = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
  all = NULL; /* those of other threads are not alive here */
  enlist(S, pid);
  sk_sched_endtest(S);
  if (S->onfork != NULL) S->onfork(S);
  S->salt = salt;
}


SK_BIRTH void sk_sched_endtest (Sched *S) {
  if (!S->testing) return;
  sk_time ahead = sk_clock_now() - sk_clock_real();
  sk_timers_shift(&S->timers, ahead);
  sk_timers_shift(&S->limits, ahead);
  sk_clock_set(0);
  S->testing = false;
  S->shuffle = 0;
}


static int sched_gc (lua_State *L) {
  Sched *S = lua_touserdata(L, 1);
  if (S->closed) return 0;
  S->closed = true;
  S->active = NULL;
  delist(S);
  sk_sched_endtest(S);
  sk_signals_fini(&S->sink);
  dropall(S);
  sk_offload_quit(&S->desk);
  sk_scope_fini(S);
  sk_timers_fini(&S->timers);
  sk_timers_fini(&S->limits);
  sk_alarm_fini(&S->alarms);
  sk_poller_fini(&S->poller);
  sk_inbuf_fini(&S->inbuf);
  free(S->idle);
  S->idle = NULL;
  return 0;
}


Sched *sk_sched_open (lua_State *L) {
  Sched *S = lua_newuserdatauv(L, sizeof *S, 0);
  *S = (Sched){.kind = "process"};
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, sched_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &KEY);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  S->top.co = S->top.at = lua_tothread(L, -1);
  lua_pop(L, 1);
  S->aux = lua_newthread(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &AUX);
  S->top.state = SK_ACTIVE;
  S->top.outcome.status = SK_RUNNING;
  S->top.outcome.id = sk_sched_newid(S);
  S->top.nursery = &S->loose;
  S->current = &S->top;
  S->active = S->top.at;
  S->now = sk_clock_now();
  sk_sched_random(&S->salt, 1);
  S->sink.alert = onsignal;
  S->thread = pthread_self(); /* so it is in a forked child */
  pthread_mutex_lock(&guard);
  enlist(S, getpid());
  pthread_mutex_unlock(&guard);
  return S;
}
