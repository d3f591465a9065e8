/*
** fdio.c - Reading and writing descriptors. See fdio.h.
*/
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "fdio.h"


ssize_t sk_fdio_read (int fd, void *to, size_t size) {
  ssize_t n;
  do n = read(fd, to, size);
  while (n < 0 && errno == EINTR);
  return n >= 0 ? n : -errno;
}


/* A pipe cannot be told to be silent: the signal is blocked, and swallowed. It
   comes to the thread that writes, and at once. */
ssize_t sk_fdio_write (int fd, const void *from, size_t size) {
  static const struct timespec now = {0};
  sigset_t sigpipe, before, pending;
  ssize_t n;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
  sigemptyset(&pending);
  sigpending(&pending); /* one that was there before is not ours */
  do n = write(fd, from, size);
  while (n < 0 && errno == EINTR);
  if (n < 0) n = -errno;
  if (n == -EPIPE && sigismember(&pending, SIGPIPE) != 1)
    while (sigtimedwait(&sigpipe, NULL, &now) < 0 && errno == EINTR) continue;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return n;
}
