/*
** alarm.c - Deadlines of what is outside. See alarm.h.
*/
#include <sys/timerfd.h>
#include <unistd.h>

#include "alarm.h"
#include "clock.h"


/* Have the kernel tell when the next one is due. */
static void aim (Alarms *as) {
  sk_time due = sk_timers_next(&as->timers);
  if (!as->open) return;
  if (due != SK_FOREVER) {
    if (due <= 0) due = 1; /* 0 would mean never */
    struct itimerspec at = {
        .it_value = {.tv_sec = due / SK_SECOND, .tv_nsec = due % SK_SECOND}};
    timerfd_settime(as->watch.fd, TFD_TIMER_ABSTIME, &at, NULL);
    return;
  }
  sk_poller_remove(as->poller, &as->watch);
  close(as->watch.fd);
  as->open = false;
}


static void onring (Watch *w, unsigned events) {
  Alarms *as = sk_container(w, Alarms, watch);
  (void)events;
  for (Timer *t; (t = sk_timers_pop(&as->timers, sk_clock_real())) != NULL;) {
    Alarm *a = sk_container(t, Alarm, timer);
    a->ring(a);
  }
  aim(as);
}


static int prepare (Alarms *as, Poller *p) {
  if (as->open) return 0;
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (fd < 0) return -errno;
  as->poller = p;
  as->watch = (Watch){.fd = fd, .fire = onring, .idle = true};
  int err = sk_poller_add(p, &as->watch, SK_READ);
  if (err != 0)
    close(fd);
  else
    as->open = true;
  return err;
}


int sk_alarm_set (Alarms *as, Poller *p, Alarm *a, sk_time due) {
  sk_alarm_clear(as, a);
  if (due == SK_FOREVER) return 0;
  int err = prepare(as, p);
  if (err == 0) err = sk_timers_add(&as->timers, &a->timer, due);
  aim(as);
  return err;
}


void sk_alarm_clear (Alarms *as, Alarm *a) {
  if (a->timer.pos == 0) return;
  sk_timers_remove(&as->timers, &a->timer);
  aim(as);
}


SK_BIRTH void sk_alarm_fini (Alarms *as) {
  sk_timers_fini(&as->timers);
  if (as->open) aim(as);
}
