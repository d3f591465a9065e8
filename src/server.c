/*
** server.c - Talking to the helper. See server.h.
*/
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "server.h"

typedef struct Packet { /* a message with room for one descriptor */
  struct msghdr head;
  struct iovec data;
  _Alignas(size_t) char control[CMSG_SPACE(sizeof(int))];
} Packet;


/* ---- packets ---- */

static void wrap (Packet *p, void *data, size_t size) {
  memset(p, 0, sizeof *p);
  p->data = (struct iovec){data, size};
  p->head.msg_iov = &p->data;
  p->head.msg_iovlen = 1;
  p->head.msg_control = p->control;
  p->head.msg_controllen = sizeof p->control;
}


/* 'fd' travels along; -1: none does. */
static void attach (Packet *p, int fd) {
  if (fd < 0) {
    p->head.msg_control = NULL;
    p->head.msg_controllen = 0;
    return;
  }
  struct cmsghdr *c = CMSG_FIRSTHDR(&p->head);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(c), &fd, sizeof fd);
}


/* The descriptor that came along, or -1. */
static int attached (Packet *p) {
  struct cmsghdr *c = CMSG_FIRSTHDR(&p->head);
  int fd = -1;
  if (c != NULL && c->cmsg_type == SCM_RIGHTS)
    memcpy(&fd, CMSG_DATA(c), sizeof fd);
  return fd;
}


int sk_server_send (int sock, void *data, size_t size, int fd) {
  Packet p;
  ssize_t n;
  wrap(&p, data, size);
  attach(&p, fd);
  do {
    n = sendmsg(sock, &p.head, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n >= 0) return 0;
  return errno == ECONNRESET ? -EPIPE : -errno;
}


int sk_server_recv (int sock, void *data, size_t size, int *fd) {
  Packet p;
  ssize_t n;
  wrap(&p, data, size);
  do {
    n = recvmsg(sock, &p.head, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return errno == EAGAIN ? -EAGAIN : -EPIPE;
  *fd = attached(&p);
  return (size_t)n == size ? 0 : -EPIPE;
}


/* ---- the client ---- */

int sk_server_pair (int ends[2]) {
  int type = SOCK_SEQPACKET | SOCK_CLOEXEC;
  return socketpair(AF_UNIX, type, 0, ends) == 0 ? 0 : -errno;
}


int sk_server_ask (int sock, uint64_t job) {
  int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  int err = sk_server_send(sock, &job, sizeof job, here);
  if (here >= 0) close(here);
  return err;
}


int sk_server_hear (int sock, sk_time due, Note *n, int *pidfd) {
  struct pollfd p = {.fd = sock, .events = POLLIN};
  for (;;) {
    int err = sk_server_recv(sock, n, sizeof *n, pidfd);
    if (err != -EAGAIN) return err;
    sk_time left = due - sk_clock_real();
    if (left <= 0) return -ETIMEDOUT;
    poll(&p, 1, (int)(left / 1000000) + 1);
  }
}


int sk_server_connect (uint64_t name) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  size_t length = name & 0xFF;
  if (length == 0 || length > 7) return -ENOENT;
  for (size_t i = 0; i < length; i++)
    a.sun_path[i] = (char)(name >> (8 * (i + 1)));
  int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (sock < 0) return -errno;
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  if (connect(sock, (struct sockaddr *)&a, size) == 0) return sock;
  int err = -errno;
  close(sock);
  return err;
}


uint64_t sk_server_listen (int *door) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  socklen_t size = sizeof a;
  uint64_t name = 0;
  *door = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (*door < 0) return 0;
  /* bound to no name it is given one, of six bytes */
  if (bind(*door, (struct sockaddr *)&a, sizeof a.sun_family) == 0 &&
      listen(*door, SOMAXCONN) == 0 &&
      getsockname(*door, (struct sockaddr *)&a, &size) == 0)
    name = size - offsetof(struct sockaddr_un, sun_path);
  if (name == 0 || name > 7) {
    close(*door);
    *door = -1;
    return 0;
  }
  for (size_t i = name; i > 0; i--)
    name |= (uint64_t)(unsigned char)a.sun_path[i - 1] << (8 * i);
  return name;
}


int sk_server_accept (int door, int *pid) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  int sock = accept4(door, NULL, NULL, SOCK_CLOEXEC);
  if (sock < 0) return -errno;
  if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
      peer.uid == geteuid()) {
    *pid = peer.pid;
    return sock;
  }
  close(sock);
  return -EPERM;
}
