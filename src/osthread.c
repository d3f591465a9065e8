/*
** osthread.c - Operating system threads. See osthread.h.
*/
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "clock.h"
#include "osthread.h"
#include "rtsignal.h"
#include "spawn.h"

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER; /* process-wide, */
static OsThread *threads;                                 /* as are these */
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


/* Under 'guard'. */
static int claim (void) {
  if (signo <= 0) signo = sk_rtsignal_claim(onsignal, 0);
  return signo < 0 ? signo : 0;
}


/* A thread must not outlive its code: never unload this library again. */
static void pin (void) {
  Dl_info info;
  if (dladdr((void *)(uintptr_t)&threads, &info) != 0)
    dlopen(info.dli_fname, RTLD_NOW | RTLD_NODELETE | RTLD_NOLOAD);
}


static void enlist (OsThread *t) {
  t->next = threads;
  t->at = &threads;
  if (threads != NULL) threads->at = &t->next;
  threads = t;
  t->listed = true;
}


static void delist (OsThread *t) {
  if (!t->listed) return;
  *t->at = t->next;
  if (t->next != NULL) t->next->at = t->at;
  t->listed = false;
}


int sk_osthread_start (OsThread *t, void *(*body)(void *)) {
  sigset_t all, before;
  pthread_mutex_lock(&guard);
  int err = claim();
  if (err == 0) {
    pin();
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


void sk_osthread_drop (OsThread *t) {
  if (t == NULL || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  free(t->report);
  free(t);
}


bool sk_osthread_any (void) {
  pthread_mutex_lock(&guard);
  bool any = threads != NULL;
  pthread_mutex_unlock(&guard);
  return any;
}


/* The first one of 'user', off the list; a daemon is on its own from now. */
static OsThread *next (const void *user, bool *daemon) {
  pthread_mutex_lock(&guard);
  OsThread *t = threads;
  while (t != NULL && user != NULL && t->user != user) t = t->next;
  if (t != NULL) {
    delist(t);
    *daemon = t->daemon;
    if (t->daemon) {
      __atomic_store_n(&t->stop, 1, __ATOMIC_SEQ_CST);
      pthread_kill(t->id, signo);
      pthread_detach(t->id);
    }
  }
  pthread_mutex_unlock(&guard);
  return t;
}


static void announce (const OsThread *first, const void *user) {
  pthread_mutex_lock(&guard);
  fprintf(stderr, "skein: the program waits for its threads to end: %s",
          first->name);
  for (const OsThread *t = threads; t != NULL; t = t->next)
    if (!t->daemon && (user == NULL || t->user == user))
      fprintf(stderr, ", %s", t->name);
  fputs("\n", stderr);
  pthread_mutex_unlock(&guard);
}


/* Until 'due' it is waited for in silence; then all are named, once. */
static bool await (const OsThread *t, const void *user, sk_time *due) {
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  sk_time left = *due - sk_clock_real();
  if (left < 0) left = 0;
  left += at.tv_nsec;
  at.tv_sec += left / SK_SECOND;
  at.tv_nsec = left % SK_SECOND;
  if (*due == SK_FOREVER) return pthread_join(t->id, NULL) == 0;
  int err = pthread_timedjoin_np(t->id, NULL, &at);
  if (err != ETIMEDOUT) return err == 0;
  announce(t, user);
  *due = SK_FOREVER;
  return pthread_join(t->id, NULL) == 0;
}


void sk_osthread_finish (const void *user, void (*tell)(void *, const char *),
                         void *arg) {
  bool daemon = false;
  sk_time due = sk_clock_real() + sk_spawn_patience;
  for (OsThread *t; (t = next(user, &daemon)) != NULL;) {
    if (!daemon && await(t, user, &due) && t->report != NULL)
      tell(arg, t->report);
    sk_osthread_drop(t);
  }
}


void sk_osthread_forget (void) {
  guard = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
  threads = NULL;
}
