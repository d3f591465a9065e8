/*
** clock.c - The monotonic clock, in nanoseconds. See clock.h.
*/
#include <time.h>

#include "clock.h"


sk_time sk_clock_now (void) {
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
