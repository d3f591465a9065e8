/*
** sched_loop.c - The loop that runs the tasks. See sched.h.
**
** 'current' is the task whose Lua code runs; while the loop itself runs it is
** the top level, which is then parked or ready. 'active' is where Lua code
** runs, for signal handlers; NULL while the loop itself runs.
*/
#include <time.h>

#include "clock.h"
#include "sched.h"
#include "scope.h"

#define STEPS 32               /* between two looks at the clock */
#define LOOK ((sk_time)100000) /* between two looks at the poller, if busy */
/* How far a leap goes past a deadline: as a real clock, which is never exact,
   so that a span computed from two instants in seconds is not too short. */
#define LATE ((sk_time)100)


/*
** Ctrl-C: runs are cancelled. Where the top level is in none, or in one that
** does not end, its wait ends.
*/
static void interrupt (Sched *S) {
  bool enough = false;
  if (S->oninterrupt != NULL) S->oninterrupt(S);
  for (List *l = S->nurseries.next; l != NULL && l != &S->nurseries;
       l = l->next) {
    Nursery *n = sk_container(l, Nursery, peer);
    if (n->run != n || n->scope->cancelled) continue;
    n->interrupted = true;
    if (n->scope->task == &S->top) enough = true;
    sk_sched_cancelscope(S, n->scope);
  }
  if (!enough) sk_sched_disturb(S, &S->top, -EINTR);
}


bool sk_sched_attend (Sched *S) {
  unsigned alerts = atomic_exchange(&S->alerts, 0);
  if (alerts & SK_ALERT_ERRAND) sk_offload_collect(&S->desk);
  if (alerts & SK_ALERT_SIGNAL && S->onsignal != NULL) S->onsignal(S);
  if (alerts & SK_ALERT_CANCEL) sk_sched_cancel(S, &S->top);
  if (alerts & SK_ALERT_INTERRUPT) interrupt(S);
  return (alerts & SK_ALERT_INTERRUPT) != 0;
}


/* Wake whose deadline has passed. */
static void expire (Sched *S) {
  for (Timer *tm; (tm = sk_timers_pop(&S->timers, S->now)) != NULL;)
    sk_sched_disturb(S, sk_container(tm, Task, timer), -ETIMEDOUT);
  for (Timer *tm; (tm = sk_timers_pop(&S->limits, S->now)) != NULL;) {
    Scope *sc = sk_container(tm, Scope, limit);
    if (sc->cancelled) continue;
    sc->expired = true;
    sk_sched_cancelscope(S, sc);
  }
}


/* A look at the outside while there is enough to do inside. */
static void glance (Sched *S) {
  S->steps = 0;
  S->now = sk_clock_now();
  expire(S);
  if (S->family.pending != NULL) S->family.pending(S);
  if (S->poller.watches > 0 && (S->testing || S->now - S->looked >= LOOK)) {
    S->looked = S->now;
    sk_poller_wait(&S->poller, SK_NOW);
  }
}


/* Can anything but a deadline end a wait? */
static bool isopen (Sched *S) {
  if (sk_sched_hopes(S)) return true;
  if (S->shared == 0) return false;
  return S->family.hopeless == NULL || !S->family.hopeless(S);
}


static bool hopeless (Sched *S) {
  return S->timers.count == 0 && S->limits.count == 0 && !isopen(S);
}


static sk_time nearest (const Sched *S) {
  sk_time due = sk_timers_next(&S->timers);
  sk_time limit = sk_timers_next(&S->limits);
  return due < limit ? due : limit;
}


static void nap (void) {
  struct timespec ms = {0, 1000000};
  nanosleep(&ms, NULL);
}


/* Sleep until 'due' of the real clock, or until something comes: has it? */
static bool sleep (Sched *S, sk_time due) {
  sk_poller_open(&S->poller);      /* an alert can ring from now on ... */
  if (S->alerts != 0) return true; /* ... this one could not */
  if (S->family.sleep != NULL && !S->family.sleep(S)) return true;
  sk_signals_ready(&S->sink);
  int n = sk_poller_wait(&S->poller, due);
  if (n < 0) nap(); /* no descriptors left: there are timers only */
  if (S->family.awake != NULL) S->family.awake(S);
  return n > 0;
}


static bool isbusy (const Sched *S) {
  return !sk_list_isempty(&S->ready) || S->alerts != 0;
}


/*
** In a test: time is set to the next deadline, unless something comes from
** outside. For that there is a real wait, where it can come at all.
*/
static void leap (Sched *S) {
  sk_time due = nearest(S);
  bool endless = due >= SK_FOREVER - 1;
  if (isopen(S)) {
    sk_time until = SK_FOREVER, real = sk_clock_real();
    if (!endless && S->patience < SK_FOREVER - real) until = real + S->patience;
    bool came = sleep(S, until); /* what it led to may have taken long */
    if (S->family.pending != NULL) S->family.pending(S);
    if (endless || came || isbusy(S) || sk_clock_real() < until) return;
  }
  else if (endless) {
    sk_sched_disturb(S, &S->top, -EDEADLK);
    return;
  }
  sk_clock_set(due + LATE);
}


/* All tasks wait: tell those who waited for that. */
static bool settle (Sched *S) {
  if (sk_likely(sk_list_isempty(&S->settlers))) return false;
  if (S->poller.watches > 0) sk_poller_wait(&S->poller, SK_NOW);
  if (!isbusy(S)) sk_sched_wakeall(S, &S->settlers, 0);
  return true;
}


/* Nothing can go on: find something, or sleep until it comes. */
static void idle (Sched *S) {
  S->now = S->looked = sk_clock_now();
  S->steps = 0;
  expire(S);
  if (S->family.pending != NULL) S->family.pending(S);
  if (isbusy(S) || settle(S)) return;
  if (hopeless(S))
    sk_sched_disturb(S, &S->top, -EDEADLK);
  else if (S->testing)
    leap(S);
  else
    sleep(S, nearest(S));
}


/* ---- for a loop that is not ours ---- */

void sk_sched_look (Sched *S) {
  S->looping = true;
  S->active = NULL;
  if (S->family.awake != NULL) S->family.awake(S);
  glance(S);
  if (S->poller.fd != 0) sk_poller_wait(&S->poller, SK_NOW);
  S->active = S->top.at;
  S->looping = false;
}


sk_time sk_sched_doze (Sched *S) {
  sk_time due = SK_NOW;
  S->looping = true;
  S->active = NULL;
  if (S->family.pending != NULL) S->family.pending(S);
  if (!isbusy(S) && (S->family.sleep == NULL || S->family.sleep(S)))
    due = nearest(S);
  S->active = S->top.at;
  S->looping = false;
  return due;
}


/* ---- the loop ---- */

/* Let 't', which is current, run until its next wait. */
static void run (Sched *S, lua_State *L, Task *t) {
  int n = t->woken > 0 && t->at == t->co ? t->woken : 0;
  t->state = SK_ACTIVE;
  int status = lua_resume(t->co, L, n, &n);
  if (S->current == NULL) {
  } /* ended: 't' may be gone */
  else if (t->state == SK_ACTIVE && status == LUA_YIELD) {
    lua_pop(t->co, n); /* a plain coroutine.yield: it wants others to run */
    t->woken = 0;
    sk_sched_ready(S, t);
  }
  else if (status != LUA_YIELD)
    S->died(S, t);
}


static void step (Sched *S, lua_State *L, Task *t) {
  S->turns++;
  S->current = t;
  S->active = t->at;
  if (sk_unlikely(S->alerts != 0)) sk_sched_alert(S, 0); /* it was too early */
  run(S, L, t);
  S->active = NULL;
  S->current = &S->top;
}


bool sk_sched_begin (Sched *S, lua_State *L, Task *t) {
  Task *current = S->current;
  lua_State *active = S->active;
  sk_list_remove(&t->self.link);
  S->current = t;
  S->active = t->at;
  run(S, L, t);
  S->current = current;
  S->active = active;
  return t->co != NULL;
}


/* One of those that can go on, by chance. */
static List *draw (Sched *S) {
  size_t n = 0;
  List *end = &S->ready, *link = end->next;
  for (List *l = link; l != NULL && l != end; l = l->next) n++;
  if (n == 0) return NULL;
  S->shuffle ^= S->shuffle << 13;
  S->shuffle ^= S->shuffle >> 7;
  S->shuffle ^= S->shuffle << 17;
  for (n = (size_t)(S->shuffle % n); n > 0; n--) link = link->next;
  sk_list_remove(link);
  return link;
}


void sk_sched_drive (Sched *S, lua_State *L) {
  S->looping = true;
  S->active = NULL;
  S->sink.driving++;
  if (!S->sink.ready) sk_signals_ready(&S->sink);
  for (;;) {
    if (sk_unlikely(S->alerts != 0)) sk_sched_attend(S);
    if (S->steps++ >= STEPS) glance(S);
    List *link = sk_likely(S->shuffle == 0) ? sk_list_pop(&S->ready) : draw(S);
    if (link == NULL) {
      idle(S);
      continue;
    }
    Task *t = sk_container(link, Waiter, link)->task;
    if (t == &S->top) break;
    step(S, L, t);
  }
  S->turns++;
  S->sink.driving--;
  S->looping = false;
  S->quick = 0;
  S->active = S->top.at;
  if (sk_unlikely(S->alerts != 0)) sk_sched_alert(S, 0);
  S->top.state = SK_ACTIVE;
}
