/*
** rtsignal.c - A real-time signal that nobody else uses. See rtsignal.h.
*/
#include "rtsignal.h"

#define FIRST (SIGRTMIN + 3) /* those below are favourites of others */


int sk_rtsignal_claim (void (*f)(int, siginfo_t *, void *), int flags) {
  struct sigaction old, ours = {.sa_sigaction = f};
  ours.sa_flags = SA_SIGINFO | flags;
  sigemptyset(&ours.sa_mask);
  for (int n = FIRST; n <= SIGRTMAX; n++) {
    if (sigaction(n, NULL, &old) != 0) continue;
    if ((old.sa_flags & SA_SIGINFO) || old.sa_handler != SIG_DFL) continue;
    return sigaction(n, &ours, NULL) != 0 ? -errno : n;
  }
  return -EAGAIN;
}
