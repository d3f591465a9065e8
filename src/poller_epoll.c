/*
** poller_epoll.c - Waiting for file descriptors: Linux. See poller.h.
**
** 'epoll_pwait2' sleeps by the nanosecond. Where the kernel lacks it, the
** sleep is rounded up to a millisecond: late, never early.
*/
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "poller.h"

#define BATCH 128


int sk_poller_open (Poller *p) {
  if (p->fd != 0) return 0;
  int fd = epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) return -errno;
  int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct epoll_event ev = {.events = EPOLLIN | EPOLLET};
  if (bell < 0 || epoll_ctl(fd, EPOLL_CTL_ADD, bell, &ev) < 0) {
    int err = errno;
    if (bell >= 0) close(bell);
    close(fd);
    return -err;
  }
  if (p->era == 0) p->era = 1;
  p->fd = fd + 1;
  p->bell = bell + 1;
  return 0;
}


SK_BIRTH void sk_poller_fini (Poller *p) {
  if (p->fd != 0) {
    int bell = p->bell;
    p->bell = 0;                  /* a signal handler may ring at any time */
    syscall(SYS_close, bell - 1); /* see sk_spawn_tie */
    syscall(SYS_close, p->fd - 1);
  }
  *p = (Poller){.era = p->era + 1};
}


int sk_poller_add (Poller *p, Watch *w, unsigned events) {
  sk_assert(!sk_poller_has(p, w));
  int rc = sk_poller_open(p);
  if (rc < 0) return rc;
  struct epoll_event ev = {.events = EPOLLET, .data.ptr = w};
  if (events & SK_READ) ev.events |= EPOLLIN | EPOLLRDHUP;
  if (events & SK_WRITE) ev.events |= EPOLLOUT;
  if (epoll_ctl(p->fd - 1, EPOLL_CTL_ADD, w->fd, &ev) < 0) return -errno;
  w->era = p->era;
  p->watches++;
  if (!w->idle) p->hopes++;
  return 0;
}


/* Nothing that is already on its way to 'w' may reach it any more. */
static void forget (Poller *p, const Watch *w) {
  for (int i = 0; i < p->count; i++)
    if (p->events[i].data.ptr == w) p->events[i].data.ptr = NULL;
}


void sk_poller_remove (Poller *p, Watch *w) {
  bool active = sk_poller_has(p, w);
  w->era = 0;
  if (!active) return;
  struct epoll_event ev = {0};
  epoll_ctl(p->fd - 1, EPOLL_CTL_DEL, w->fd, &ev);
  p->watches--;
  if (!w->idle) p->hopes--;
  forget(p, w);
}


void sk_poller_again (Poller *p, Watch *w) {
  struct epoll_event ev = {.events = EPOLLET | EPOLLIN | EPOLLRDHUP | EPOLLOUT,
                           .data.ptr = w};
  epoll_ctl(p->fd - 1, EPOLL_CTL_MOD, w->fd, &ev);
}


static int sleepms (int fd, struct epoll_event *evs, sk_time span) {
  int ms = -1;
  if (span != SK_FOREVER) {
    sk_time up = span / 1000000 + (span % 1000000 != 0);
    ms = up > INT32_MAX ? INT32_MAX : (int)up;
  }
  return epoll_wait(fd, evs, BATCH, ms);
}


static int sleepns (int fd, struct epoll_event *evs, sk_time span) {
#ifdef SYS_epoll_pwait2
  static _Atomic bool missing; /* process-wide: what the kernel lacks */
  if (!missing) {
    struct timespec ts = {span / SK_SECOND, span % SK_SECOND};
    struct timespec *tsp = span == SK_FOREVER ? NULL : &ts;
    long n = syscall(SYS_epoll_pwait2, fd, evs, BATCH, tsp, NULL, 0);
    if (n >= 0 || (errno != ENOSYS && errno != EPERM)) return (int)n;
    missing = true;
  }
#endif
  return sleepms(fd, evs, span);
}


static unsigned happened (uint32_t ev) {
  unsigned r = 0;
  if (ev & (EPOLLIN | EPOLLRDHUP)) r |= SK_READ;
  if (ev & EPOLLOUT) r |= SK_WRITE;
  if (ev & EPOLLRDHUP) r |= SK_END;
  if (ev & (EPOLLERR | EPOLLHUP)) r |= SK_READ | SK_WRITE | SK_ERROR;
  return r;
}


static void fire (Poller *p) {
  for (int i = 0; i < p->count; i++) {
    Watch *w = p->events[i].data.ptr; /* NULL: the bell, or forgotten */
    if (w != NULL) w->fire(w, happened(p->events[i].events));
  }
}


int sk_poller_wait (Poller *p, sk_time due) {
  struct epoll_event events[BATCH];
  int rc = sk_poller_open(p);
  if (rc < 0) return rc;
  sk_time span = due;
  if (due != SK_NOW && due != SK_FOREVER) {
    span = due - sk_clock_real();
    if (span < 0) span = 0;
  }
  int n = sleepns(p->fd - 1, events, span);
  if (n < 0) return errno == EINTR ? 0 : -errno;
  p->events = events;
  p->count = n;
  fire(p);
  p->events = NULL;
  p->count = 0;
  return n;
}


void sk_poller_ring (const Poller *p) {
  int bell = p->bell;
  uint64_t one = 1;
  int err = errno;
  if (bell != 0 && write(bell - 1, &one, sizeof one) < 0) errno = err;
}
