/*
** server.c - A clean process that forks children on request. See server.h.
*/
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "server.h"

typedef struct Helper {
  int sock;
  int ends; /* readable when a child has ended */
  int life; /* of the client: readable when it has ended */
} Helper;

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


/* 0; -EAGAIN: it would wait; -EPIPE: nobody is there. */
static int trysend (int sock, void *data, size_t size, int fd) {
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


/* The same for a packet of exactly that size, and what came along. */
static int tryrecv (int sock, void *data, size_t size, int *fd) {
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
  int err = trysend(sock, &job, sizeof job, here);
  if (here >= 0) close(here);
  return err;
}


int sk_server_hear (int sock, sk_time due, Note *n, int *pidfd) {
  struct pollfd p = {.fd = sock, .events = POLLIN};
  for (;;) {
    int err = tryrecv(sock, n, sizeof *n, pidfd);
    if (err != -EAGAIN) return err;
    sk_time left = due - sk_clock_real();
    if (left <= 0) return -ETIMEDOUT;
    poll(&p, 1, (int)(left / 1000000) + 1);
  }
}


/* ---- the helper ---- */

static void say (const Helper *h, Note n, int fd) {
  int err;
  while ((err = trysend(h->sock, &n, sizeof n, fd)) == -EAGAIN) {
    struct pollfd p[] = {{.fd = h->sock, .events = POLLOUT},
                         {.fd = h->life, .events = POLLIN}};
    poll(p, SK_COUNT(p), -1);
    if (p[1].revents != 0) _exit(0);
  }
  if (err == -EPIPE) _exit(0);
}


/* Tell of all that have ended. All children are the helper's own. */
static void reapall (const Helper *h) {
  struct signalfd_siginfo junk;
  while (read(h->ends, &junk, sizeof junk) > 0) continue;
  for (;;) {
    siginfo_t info;
    info.si_pid = 0;
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
      return;
    bool exited = info.si_code == CLD_EXITED;
    say(h,
        (Note){.what = SK_GONE,
               .pid = info.si_pid,
               .status = exited ? info.si_status : -info.si_status,
               .dumped = info.si_code == CLD_DUMPED},
        -1);
  }
}


/* A child came into being: hand it over, for it is reaped only later. */
static void present (const Helper *h, int pid) {
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (fd >= 0) {
    say(h, (Note){.what = SK_BORN, .pid = pid}, fd);
    close(fd);
    return;
  }
  int err = -errno; /* who cannot be watched must not live */
  kill(pid, SIGKILL);
  say(h, (Note){.what = SK_REFUSED, .pid = pid, .status = err}, -1);
}


/* In the child: nothing of the helper stays, but that it must not outlive it.
 */
static void depart (const Helper *h, int parent, int here) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  close(h->sock);
  close(h->ends);
  close(h->life);
  if (here < 0) return;
  if (fchdir(here) != 0) _exit(127);
  close(here);
}


/* Take a request. True: this is the child that was forked for it. */
static bool serve (const Helper *h, uint64_t *job) {
  int here = -1;
  int err = tryrecv(h->sock, job, sizeof *job, &here);
  if (err == -EAGAIN) return false;
  if (err != 0) _exit(0);
  int parent = getpid();
  int pid = fork();
  if (pid == 0) {
    depart(h, parent, here);
    return true;
  }
  if (pid < 0)
    say(h, (Note){.what = SK_REFUSED, .status = -errno}, -1);
  else
    present(h, pid);
  if (here >= 0) close(here);
  return false;
}


static void closerange (int from, int to) {
  if (from <= to) syscall(SYS_close_range, from, to, 0);
}


/* What the client had open by chance would stay open as long as we live. */
static void closeothers (int a, int b) {
  int low = a < b ? a : b, high = a < b ? b : a;
  closerange(STDERR_FILENO + 1, low - 1);
  closerange(low + 1, high - 1);
  closerange(high + 1, INT_MAX);
}


/* What it waits for; none of that can be missing. */
static Helper prepare (int sock, int client) {
  sigset_t child;
  Helper h = {.sock = sock};
  signal(SIGCHLD, SIG_DFL); /* ignored, it would reap by itself */
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  h.ends = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  h.life = (int)syscall(SYS_pidfd_open, client, 0);
  fcntl(sock, F_SETFD, FD_CLOEXEC);
  if (h.ends < 0 || h.life < 0 || getppid() != client) _exit(127);
  return h;
}


uint64_t sk_server_run (int sock, int client, int keep) {
  closeothers(sock, keep);
  Helper h = prepare(sock, client);
  uint64_t job = 0;
  for (;;) {
    struct pollfd p[] = {{.fd = h.sock, .events = POLLIN},
                         {.fd = h.ends, .events = POLLIN},
                         {.fd = h.life, .events = POLLIN}};
    if (poll(p, SK_COUNT(p), -1) < 0) continue;
    if (p[2].revents != 0) _exit(0);
    if (p[1].revents != 0) reapall(&h);
    if (p[0].revents != 0 && serve(&h, &job)) return job;
  }
}
