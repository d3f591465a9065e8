/*
** vault.c - Descriptors on their way. See vault.h.
**
** Packets are read by MSG_PEEK at SO_PEEK_OFF, which does not take them; only
** the first one can be taken. To take another, those in front of it go to the
** end of the queue one by one, each as a copy first, so that no death loses one.
*/
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vault.h"

#define ROOM (1 << 20) /* bytes of the queue that deposits may fill */

typedef struct Ticket {
  Off deposit;
  uint64_t serial;
} Ticket;

typedef struct Packet {
  Ticket ticket;
  struct iovec data;
  struct msghdr head;
  _Alignas(size_t) char control[CMSG_SPACE(sizeof(int))];
} Packet;

static int vault = -1; /* process-wide */


/* ---- the socket ---- */

/* The kernel doubles what it is asked for, and bounds it. */
static void setroom (int room) {
  setsockopt(vault, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
}


/* Connected to itself: nobody else's packets are let in. */
static int create (void) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  socklen_t size = sizeof name;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  struct sockaddr *any = (struct sockaddr *)(void *)&name;
  if (fd < 0) return -errno;
  if (bind(fd, any, sizeof(sa_family_t)) < 0 ||
      getsockname(fd, any, &size) < 0 || connect(fd, any, size) < 0) {
    int err = errno;
    close(fd);
    return -err;
  }
  vault = fd;
  setroom(ROOM);
  return 0;
}


int sk_vault_open (void) {
  static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&opening);
  int err = vault >= 0 ? 0 : create();
  pthread_mutex_unlock(&opening);
  return err;
}


void sk_vault_attach (int fd) {
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  vault = fd;
}


int sk_vault_fd (void) {
  return vault;
}


/* ---- packets; under the guard ---- */

static void wrap (Packet *p, bool withfd) {
  memset(&p->head, 0, sizeof p->head);
  p->data = (struct iovec){&p->ticket, sizeof p->ticket};
  p->head.msg_iov = &p->data;
  p->head.msg_iovlen = 1;
  if (!withfd) return;
  memset(p->control, 0, sizeof p->control);
  p->head.msg_control = p->control;
  p->head.msg_controllen = sizeof p->control;
}


static int send1 (Packet *p, int fd) {
  wrap(p, true);
  struct cmsghdr *c = CMSG_FIRSTHDR(&p->head);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(c), &fd, sizeof fd);
  ssize_t n;
  do n = sendmsg(vault, &p->head, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n >= 0) return 0;
  return errno == EAGAIN || errno == ETOOMANYREFS ? -ENOBUFS : -errno;
}


/* Look at packet 'i': its ticket, and with '*fd' its descriptor. */
static bool peek (Packet *p, int i, int *fd) {
  int at = i * (int)sizeof p->ticket;
  setsockopt(vault, SOL_SOCKET, SO_PEEK_OFF, &at, sizeof at);
  wrap(p, fd != NULL);
  ssize_t n;
  do n = recvmsg(vault, &p->head, MSG_PEEK | MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n != (ssize_t)sizeof p->ticket) return false;
  if (fd == NULL) return true;
  struct cmsghdr *c = CMSG_FIRSTHDR(&p->head);
  *fd = -1;
  if (c != NULL && c->cmsg_type == SCM_RIGHTS)
    memcpy(fd, CMSG_DATA(c), sizeof *fd);
  return true;
}


static void dropfirst (void) {
  Ticket t;
  while (recv(vault, &t, sizeof t, 0) < 0 && errno == EINTR) continue;
}


static bool counts (const Ticket *t) {
  const Deposit *d = sk_at(Deposit, t->deposit);
  return t->serial != 0 && d->serial == t->serial;
}


/* The first packet with that serial; of 0: that does not count. Or -1. */
static int find (uint64_t serial) {
  Packet p;
  for (int i = 0; peek(&p, i, NULL); i++)
    if (serial != 0 ? p.ticket.serial == serial : !counts(&p.ticket)) return i;
  return -1;
}


/* The first one goes to the end. Who dies in here leaves two of it. */
static bool turn (void) {
  Packet p;
  int fd;
  if (!peek(&p, 0, &fd) || fd < 0) return false;
  int err = send1(&p, fd);
  close(fd);
  sk_step();
  if (err == 0) dropfirst();
  return err == 0;
}


/* Take packet 'i' out. False: there is no room for that, now. */
static bool takeout (int i) {
  if (i > 0) setroom(ROOM + ROOM / 2); /* for the copies */
  int left = i;
  while (left > 0 && turn()) left--;
  if (left == 0) dropfirst();
  if (i > 0) setroom(ROOM);
  return left == 0;
}


static void leave (void) {
  sk_guard_leave(&sk_root()->vaultguard);
}


/* Packets that do not count were left by who died inside, or for want of a
   free descriptor. */
static void enter (void) {
  Root *r = sk_root();
  if (sk_guard_enter(&r->vaultguard)) {
    r->litter = 1;
    sk_guard_repaired(&r->vaultguard);
  }
  while (r->litter != 0) {
    int i = find(0);
    if (i < 0) r->litter = 0;
    if (i < 0 || !takeout(i)) break;
  }
}


/* ---- deposits ---- */

int sk_vault_put (Deposit *d, int fd) {
  Packet p = {.ticket = {.deposit = sk_off(d)}};
  while (p.ticket.serial == 0)
    if (getrandom(&p.ticket.serial, sizeof p.ticket.serial, 0) < 0)
      return -errno;
  enter();
  d->serial = p.ticket.serial;
  sk_step();
  int err = send1(&p, fd);
  if (err != 0) d->serial = 0;
  leave();
  return err;
}


int sk_vault_get (const Deposit *d) {
  Packet p;
  int fd = -EBADF;
  enter();
  int i = d->serial != 0 ? find(d->serial) : -1;
  if (i >= 0 && (!peek(&p, i, &fd) || fd < 0)) fd = -EMFILE;
  leave();
  return fd;
}


/* Those who are connected to it have to see that it is closed. Nobody puts a
   packet of this serial any more; a death leaves the rest to 'enter'. */
static void fini (Member *m, Object *o) {
  Deposit *d = (Deposit *)o;
  (void)m;
  enter();
  uint64_t serial = d->serial;
  d->serial = 0;
  sk_step();
  int i = serial != 0 ? find(serial) : -1;
  if (i >= 0 && !takeout(i)) sk_root()->litter = 1;
  leave();
}


const Class sk_deposit_class = {
    .name = "descriptor", .size = sizeof(Deposit), .fini = fini};
