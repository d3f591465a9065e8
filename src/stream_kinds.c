/*
** stream_kinds.c - Sockets and pipes as streams. See stream_kinds.h.
*/
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "stream_kinds.h"


/* What a system call came to. EINTR: once more. */
#define result(n) ((n) >= 0 ? (n) : errno == EWOULDBLOCK ? -EAGAIN : -errno)


static ssize_t readsocket (Stream *st, char *to, size_t size) {
  ssize_t n;
  do n = recv(st->watch.fd, to, size, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  return result(n);
}


static ssize_t writesocket (Stream *st, const char *from, size_t size) {
  ssize_t n;
  do n = send(st->watch.fd, from, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return result(n);
}


static ssize_t readpipe (Stream *st, char *to, size_t size) {
  ssize_t n;
  do n = read(st->watch.fd, to, size);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EIO) return 0; /* a terminal nobody has open */
  return result(n);
}


static bool ispending (const sigset_t *sigpipe) {
  sigset_t pending;
  (void)sigpipe;
  sigemptyset(&pending);
  sigpending(&pending);
  return sigismember(&pending, SIGPIPE) == 1;
}


/* A pipe cannot be told to be silent: the signal is blocked, and swallowed. */
static ssize_t writepipe (Stream *st, const char *from, size_t size) {
  static const struct timespec now = {0};
  sigset_t sigpipe, before;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
  bool pending = ispending(&sigpipe);
  ssize_t n;
  do n = write(st->watch.fd, from, size);
  while (n < 0 && errno == EINTR);
  n = result(n);
  if (n == -EPIPE && !pending)
    while (sigtimedwait(&sigpipe, NULL, &now) < 0 && errno == EINTR) {
    }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return n;
}


const StreamKind sk_stream_socket = {readsocket, writesocket, true};
const StreamKind sk_stream_pipe = {readpipe, writepipe, true};
