/*
** ticker.c - A signal to this thread again and again. See ticker.h.
*/
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "rtsignal.h"
#include "ticker.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER; /* process-wide, */
static int signo;                                         /* as is this */
static SK_LOCAL Ticker *mine;


static void onsignal (int number, siginfo_t *info, void *context) {
  int err = errno;
  (void)number, (void)context;
  if (mine != NULL && info->si_code == SI_TIMER) mine->tick(mine);
  errno = err;
}


static int claim (void) {
  pthread_mutex_lock(&guard);
  if (signo <= 0) signo = sk_rtsignal_claim(onsignal, SA_RESTART);
  int err = signo < 0 ? signo : 0;
  pthread_mutex_unlock(&guard);
  return err;
}


static int create (Ticker *t) {
  struct sigevent ev;
  memset(&ev, 0, sizeof ev);
  ev.sigev_notify = SIGEV_THREAD_ID;
  ev.sigev_signo = signo;
  ev.sigev_notify_thread_id = (int)syscall(SYS_gettid);
  if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &t->timer) != 0)
    return -errno;
  t->runs = true;
  struct timespec span = {t->every / SK_SECOND, t->every % SK_SECOND};
  struct itimerspec at = {.it_value = span, .it_interval = span};
  syscall(SYS_timer_settime, t->timer, 0, &at, NULL);
  return 0;
}


int sk_ticker_start (Ticker *t) {
  sigset_t ours;
  int err = claim();
  if (err != 0) return err;
  if (mine != NULL) sk_ticker_stop(mine);
  mine = t;
  sigemptyset(&ours);
  sigaddset(&ours, signo);
  pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
  return create(t);
}


void sk_ticker_stop (Ticker *t) {
  if (!t->runs) return;
  t->runs = false;
  syscall(SYS_timer_delete, t->timer);
  if (mine == t) mine = NULL;
}


int sk_ticker_afterfork (Ticker *t) {
  if (!t->runs) return 0;
  t->runs = false;
  pthread_mutex_init(&guard, NULL);
  return sk_ticker_start(t);
}
