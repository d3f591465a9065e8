/*
** stream_kinds.c - Sockets and pipes as streams. See stream.h.
*/
#include <sys/socket.h>
#include <unistd.h>

#include "fdio.h"
#include "stream.h"


static ssize_t result (ssize_t n) {
  if (n >= 0) return n;
  return errno == ETIMEDOUT ? -ETIME : -errno;
}


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
  ssize_t n = sk_fdio_read(st->watch.fd, to, size);
  return n == -EIO ? 0 : n; /* a terminal nobody has open */
}


static ssize_t writepipe (Stream *st, const char *from, size_t size) {
  return sk_fdio_write(st->watch.fd, from, size);
}


static void closefd (Stream *st) {
  close(st->watch.fd);
}


const StreamKind sk_stream_socket = {
    .read = readsocket, .write = writesocket, .close = closefd, .polled = true};
const StreamKind sk_stream_pipe = {
    .read = readpipe, .write = writepipe, .close = closefd, .polled = true};
