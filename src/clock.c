/*
** clock.c - The monotonic clock, in nanoseconds. See clock.h.
*/
#include <time.h>

#include "clock.h"


static _Atomic int settings; /* process-wide: threads whose clock is set */
static SK_LOCAL sk_time set;


sk_time sk_clock_now (void) {
  if (sk_unlikely(settings != 0) && set != 0) return set;
  return sk_clock_real();
}


void sk_clock_set (sk_time at) {
  settings += (at != 0) - (set != 0);
  set = at;
}


sk_time sk_clock_real (void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (sk_time)ts.tv_sec * SK_SECOND + ts.tv_nsec;
}


void sk_clock_relax (void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}
