/*
** guard.c - Death between any two steps, for specs. See guard.h.
*/
#include <signal.h>

#include "guard.h"

static uint64_t left; /* process-wide: steps to go, if it is doomed */


void sk_guard_doom (uint64_t n) {
  left = n;
}


void sk_guard_step (void) {
  if (left > 0 && --left == 0) raise(SIGKILL);
}
