/*
** prod.c - A signal to this thread again, a little later. See prod.h.
**
** The system calls themselves: the functions of the C library around them
** allocate, which a signal handler must not.
*/
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "prod.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif


void sk_prod_again (Prod *p, int signo) {
  struct itimerspec at = {.it_value = {.tv_nsec = SK_PROD_AFTER}};
  if (!p->armed) {
    struct sigevent ev;
    memset(&ev, 0, sizeof ev);
    ev.sigev_notify = SIGEV_THREAD_ID;
    ev.sigev_signo = signo;
    ev.sigev_value.sival_ptr = p;
    ev.sigev_notify_thread_id = (int)syscall(SYS_gettid);
    if (syscall(SYS_timer_create, CLOCK_THREAD_CPUTIME_ID, &ev, &p->timer) != 0)
      return;
    p->armed = true;
  }
  syscall(SYS_timer_settime, p->timer, 0, &at, NULL);
}


bool sk_prod_issent (const Prod *p, const siginfo_t *info) {
  return info->si_code == SI_TIMER && info->si_value.sival_ptr == p;
}


void sk_prod_stop (Prod *p) {
  if (p->armed) syscall(SYS_timer_delete, p->timer);
  p->armed = false;
}
