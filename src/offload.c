/*
** offload.c - Calls that block, made by other threads. See offload.h.
**
** Process-wide: the queue of errands, the threads, and one guard for all of it.
** An errand belongs to whoever has it: the queue, the thread that runs it, or the
** desk that it is back at.
*/
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "offload.h"
#include "pin.h"

#define MOST 16    /* threads */
#define DEEPEST 12 /* of them, those that run deep errands at most */
#define STACK (1 << 20)
#define LINGER 5 /* seconds that an idle thread stays */

enum { NEW, QUEUED, RUNNING, BACK };

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER; /* process-wide, */
static pthread_cond_t work;                               /* as are these */
static struct {
  Errand *first, **end; /* the queue */
  int queued;
  int threads, idle; /* how many there are; how many of them wait */
  int deep;          /* deep errands that run */
  bool ready;        /* 'work' was made */
} group;


/* ---- the threads; under the guard but for 'run' ---- */

/* The first errand that may run now, off the queue. */
static Errand *take (void) {
  for (Errand **at = &group.first, *e; (e = *at) != NULL; at = &e->next) {
    if (e->deep && group.deep >= DEEPEST) continue;
    *at = e->next;
    if (e->next == NULL) group.end = at;
    group.queued--;
    return e;
  }
  return NULL;
}


/* Hand it back. False: nobody wants to know. */
static bool handback (Errand *e) {
  Desk *d = e->desk;
  if (e->deep) group.deep--;
  if (d == NULL) return false;
  e->state = BACK;
  e->next = d->back;
  d->back = e;
  d->ring(d);
  return true;
}


static void execute (Errand *e) {
  e->state = RUNNING;
  if (e->deep) group.deep++;
  pthread_mutex_unlock(&guard);
  e->run(e);
  pthread_mutex_lock(&guard);
  if (handback(e)) return;
  pthread_mutex_unlock(&guard);
  e->drop(e);
  pthread_mutex_lock(&guard);
}


/* Wait for an errand. False: there was none for long. */
static bool await (void) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += LINGER;
  group.idle++;
  int rc = pthread_cond_timedwait(&work, &guard, &until);
  group.idle--;
  return rc == 0;
}


static void *serve (void *arg) {
  pthread_mutex_lock(&guard);
  for (;;) {
    Errand *e = take();
    if (e != NULL)
      execute(e);
    else if (!await() && group.first == NULL)
      break;
  }
  group.threads--;
  pthread_mutex_unlock(&guard);
  return arg;
}


static int launch (void) {
  pthread_attr_t attr;
  pthread_t id;
  sigset_t all, before;
  sk_pin();
  pthread_attr_init(&attr);
  pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attr, STACK);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before); /* it inherits this */
  int err = pthread_create(&id, &attr, serve, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attr);
  if (err == 0) group.threads++;
  return -err;
}


static void makeready (void) {
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(&work, &attr);
  pthread_condattr_destroy(&attr);
  group.end = &group.first;
  group.ready = true;
}


/* ---- desks ---- */

/* There is, or will be, a thread for one more errand. */
static int staff (void) {
  if (!group.ready) makeready();
  if (group.idle > group.queued || group.threads >= MOST) return 0;
  int err = launch();
  return group.threads > 0 ? 0 : err;
}


int sk_offload_start (Desk *d, Errand *e) {
  pthread_mutex_lock(&guard);
  int err = staff();
  if (err == 0) {
    e->desk = d;
    e->next = NULL;
    e->state = QUEUED;
    *group.end = e;
    group.end = &e->next;
    group.queued++;
    sk_list_add(&d->errands, &e->peer);
    if (group.idle > 0) pthread_cond_signal(&work);
  }
  pthread_mutex_unlock(&guard);
  return err;
}


static Errand *fetch (Desk *d) {
  pthread_mutex_lock(&guard);
  Errand *e = d->back;
  if (e != NULL) {
    d->back = e->next;
    sk_list_remove(&e->peer);
    e->state = NEW;
    e->desk = NULL;
  }
  pthread_mutex_unlock(&guard);
  return e;
}


void sk_offload_collect (Desk *d) {
  for (Errand *e; (e = fetch(d)) != NULL;) e->done(e);
}


static void delist (Errand **from, const Errand *e) {
  while (*from != e) from = &(*from)->next;
  *from = e->next;
}


/* Under the guard. True: the caller must drop it. */
static bool abandon (Errand *e) {
  Desk *d = e->desk;
  e->desk = NULL;
  sk_list_remove(&e->peer);
  switch (e->state) {
  case QUEUED:
    delist(&group.first, e);
    group.queued--;
    for (group.end = &group.first; *group.end != NULL;)
      group.end = &(*group.end)->next;
    return true;
  case BACK: delist(&d->back, e); return true;
  default: return false;
  }
}


void sk_offload_abandon (Errand *e) {
  pthread_mutex_lock(&guard);
  bool drop = abandon(e);
  pthread_mutex_unlock(&guard);
  if (drop) e->drop(e);
}


void sk_offload_detach (Errand *e) {
  pthread_mutex_lock(&guard);
  bool queued = e->state == QUEUED;
  if (queued) {
    sk_list_remove(&e->peer);
    e->desk = NULL;
  }
  bool drop = !queued && abandon(e);
  pthread_mutex_unlock(&guard);
  if (drop) e->drop(e);
}


void sk_offload_quit (Desk *d) {
  for (List *l; (l = sk_list_first(&d->errands)) != NULL;)
    sk_offload_abandon(sk_container(l, Errand, peer));
}


/* ---- forks ---- */

bool sk_offload_hold (void) {
  pthread_mutex_lock(&guard);
  if (group.deep == 0) return true;
  pthread_mutex_unlock(&guard);
  return false;
}


SK_BIRTH void sk_offload_release (bool child) {
  if (!child) {
    pthread_mutex_unlock(&guard);
    return;
  }
  guard = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
  group.first = NULL;
  group.queued = group.threads = group.idle = 0;
  group.ready = false;
}


int sk_offload_threads (void) {
  pthread_mutex_lock(&guard);
  int n = group.threads - group.deep;
  pthread_mutex_unlock(&guard);
  return n;
}
