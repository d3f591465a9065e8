/*
** osthread.c - Operating system threads. See osthread.h.
*/
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "clock.h"
#include "osthread.h"
#include "pin.h"
#include "rtsignal.h"

sk_time sk_osthread_patience = 10 * SK_SECOND;

/* What daemons get to clean up, at the end of whoever started them. */
#define LINGER (SK_SECOND / 4)

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER; /* process-wide, */
static OsThread *threads;                                 /* as are these */
static pthread_cond_t someend;
static int signo;
static SK_LOCAL OsThread *mine;


static void onsignal (int number, siginfo_t *info, void *context) {
  int err = errno;
  (void)number, (void)context;
  OsThread *t = mine;
  if (t != NULL && t->onalert != NULL)
    t->onalert(t, sk_prod_issent(&t->prod, info));
  errno = err;
}


/* What waits for an end does so by the clock that nobody sets. */
static void initend (void) {
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(&someend, &attr);
  pthread_condattr_destroy(&attr);
}


/* Under 'guard'. */
static int claim (void) {
  if (signo <= 0) {
    signo = sk_rtsignal_claim(onsignal, 0);
    initend();
  }
  return signo < 0 ? signo : 0;
}


static void enlist (OsThread *t) {
  t->next = threads;
  t->at = &threads;
  if (threads != NULL) threads->at = &t->next;
  __atomic_store_n(&threads, t, __ATOMIC_RELEASE);
  t->listed = true;
}


static void delist (OsThread *t) {
  if (!t->listed) return;
  __atomic_store_n(t->at, t->next, __ATOMIC_RELEASE);
  if (t->next != NULL) t->next->at = t->at;
  t->listed = false;
}


int sk_osthread_start (OsThread *t, void *(*body)(void *)) {
  sigset_t all, before;
  pthread_mutex_lock(&guard);
  int err = claim();
  if (err == 0) {
    sk_pin();
    t->refs = 3;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* it inherits this */
    err = -pthread_create(&t->id, NULL, body, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err == 0) enlist(t);
  }
  pthread_mutex_unlock(&guard);
  return err;
}


void sk_osthread_listen (OsThread *t, void (*f)(OsThread *, bool)) {
  sigset_t ours;
  sigemptyset(&ours);
  sigaddset(&ours, signo);
  if (f == NULL) {
    pthread_sigmask(SIG_BLOCK, &ours, NULL);
    t->onalert = NULL;
    sk_prod_stop(&t->prod);
    return;
  }
  t->onalert = f;
  mine = t;
  pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
  if (__atomic_load_n(&t->stop, __ATOMIC_SEQ_CST)) f(t, false);
}


int sk_osthread_signo (void) {
  return signo;
}


void sk_osthread_stop (OsThread *t) {
  pthread_mutex_lock(&guard);
  __atomic_store_n(&t->stop, 1, __ATOMIC_SEQ_CST);
  if (t->listed) pthread_kill(t->id, signo);
  pthread_mutex_unlock(&guard);
}


void sk_osthread_join (OsThread *t) {
  pthread_mutex_lock(&guard);
  bool listed = t->listed;
  delist(t);
  pthread_mutex_unlock(&guard);
  if (!listed) return;
  pthread_join(t->id, NULL);
  sk_osthread_drop(t);
}


void sk_osthread_leave (OsThread *t) {
  pthread_mutex_lock(&guard);
  t->ended = true;
  pthread_cond_broadcast(&someend);
  pthread_mutex_unlock(&guard);
  sk_osthread_drop(t);
}


void sk_osthread_drop (OsThread *t) {
  if (t == NULL || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  free(t->report);
  free(t);
}


SK_BIRTH bool sk_osthread_any (void) {
  return __atomic_load_n(&threads, __ATOMIC_ACQUIRE) != NULL;
}


/* It may be a thread itself that ends the process. */
static bool concerns (const OsThread *t, const void *user) {
  if (pthread_equal(t->id, pthread_self())) return false;
  return user == NULL || t->user == user;
}


static void stopdaemons (const void *user) {
  pthread_mutex_lock(&guard);
  for (OsThread *t = threads; t != NULL; t = t->next) {
    if (!t->daemon || !concerns(t, user)) continue;
    __atomic_store_n(&t->stop, 1, __ATOMIC_SEQ_CST);
    pthread_kill(t->id, signo);
  }
  pthread_mutex_unlock(&guard);
}


/* The first one of 'user' that is a daemon or is not, off the list. */
static OsThread *next (const void *user, bool daemon) {
  pthread_mutex_lock(&guard);
  OsThread *t = threads;
  while (t != NULL && (t->daemon != daemon || !concerns(t, user))) t = t->next;
  if (t != NULL) delist(t);
  pthread_mutex_unlock(&guard);
  return t;
}


static void announce (const OsThread *first, const void *user) {
  pthread_mutex_lock(&guard);
  fprintf(stderr, "skein: the program waits for its threads to end: %s",
          first->name);
  for (const OsThread *t = threads; t != NULL; t = t->next)
    if (!t->daemon && concerns(t, user)) fprintf(stderr, ", %s", t->name);
  fputs("\n", stderr);
  pthread_mutex_unlock(&guard);
}


/* Wait for it until 'due'. False: it has not ended. */
static bool await (const OsThread *t, sk_time due) {
  struct timespec at = {due / SK_SECOND, due % SK_SECOND};
  int err = 0;
  pthread_mutex_lock(&guard);
  while (!t->ended && err == 0)
    err = due == SK_FOREVER ? pthread_cond_wait(&someend, &guard)
                            : pthread_cond_timedwait(&someend, &guard, &at);
  bool ended = t->ended;
  pthread_mutex_unlock(&guard);
  return ended && pthread_join(t->id, NULL) == 0;
}


void sk_osthread_finish (const void *user, void (*tell)(void *, const char *),
                         void *arg) {
  sk_time due = sk_clock_real() + sk_osthread_patience;
  stopdaemons(user);
  for (OsThread *t; (t = next(user, false)) != NULL; sk_osthread_drop(t)) {
    if (!await(t, due)) {
      announce(t, user);
      due = SK_FOREVER;
      await(t, due);
    }
    if (t->report != NULL) tell(arg, t->report);
  }
  due = sk_clock_real() + LINGER;
  for (OsThread *t; (t = next(user, true)) != NULL; sk_osthread_drop(t))
    if (!await(t, due)) pthread_detach(t->id);
}


SK_BIRTH void sk_osthread_forget (void) {
  guard = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
  if (signo > 0) initend();
  threads = NULL;
}
