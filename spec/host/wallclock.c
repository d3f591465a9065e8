/*
** wallclock.c - Preloaded, it has the time of day jump with every look at it: an
** hour ahead, an hour back, in turn. What waits by the time of day waits too
** long, or not at all. All other clocks are as they are.
*/
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>


static long jump (void) {
  static int looks;
  return __atomic_fetch_add(&looks, 1, __ATOMIC_RELAXED) % 2 ? 3600 : -3600;
}


int clock_gettime (clockid_t clock, struct timespec *at) {
  int rc = (int)syscall(SYS_clock_gettime, clock, at);
  if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    at->tv_sec += jump();
  return rc;
}


int gettimeofday (struct timeval *restrict at, void *restrict zone) {
  int rc = (int)syscall(SYS_gettimeofday, at, zone);
  if (rc == 0 && at != NULL) at->tv_sec += jump();
  return rc;
}


time_t time (time_t *at) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (at != NULL) *at = now.tv_sec;
  return now.tv_sec;
}
