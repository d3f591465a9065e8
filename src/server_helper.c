/*
** server_helper.c - The helper that forks children. See server.h.
**
** It never waits for a client: what cannot be told yet stays with the ward, the
** child that it is about, until there is room for a packet.
*/
#include <limits.h>
#include <poll.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server.h"

typedef struct Client {
  int sock;
  int life; /* readable when its process has ended */
  int pid;
  bool behind; /* there are notes that it had no room for */
} Client;

typedef struct Ward { /* a child, or a refusal to make one */
  int client;         /* a pid; 0: it is gone */
  int fd;             /* of a birth that is not told yet, or -1 */
  bool told;          /* of its birth */
  bool ended;
  Note note; /* of the birth or refusal, then of the end */
} Ward;

typedef struct Helper {
  int ends; /* readable when a child has ended */
  int door; /* for other clients, or -1 */
  int keep[2];
  Client *clients; /* the first one is clients[0] */
  Ward *wards;
  struct pollfd *polls;
  size_t nclients, nwards, roomclients, roomwards;
} Helper;


/* ---- tables ---- */

/* Room for one more in a table of 'n'. False: no memory. */
static bool grow (void **table, size_t n, size_t *room, size_t size) {
  if (n < *room) return true;
  size_t more = *room == 0 ? 16 : 2 * *room;
  void *bigger = realloc(*table, more * size);
  if (bigger == NULL) return false;
  *table = bigger;
  *room = more;
  return true;
}


static bool roomforclient (Helper *h) {
  size_t room = 2 + 2 * (h->nclients + 1);
  struct pollfd *polls = realloc(h->polls, room * sizeof *polls);
  if (polls == NULL) return false;
  h->polls = polls;
  return grow((void **)&h->clients, h->nclients, &h->roomclients,
              sizeof *h->clients);
}


static bool roomforward (Helper *h) {
  return grow((void **)&h->wards, h->nwards, &h->roomwards, sizeof *h->wards);
}


static Client *find (Helper *h, int pid) {
  for (size_t i = 0; i < h->nclients; i++)
    if (h->clients[i].pid == pid) return &h->clients[i];
  return NULL;
}


static void forgetward (Helper *h, size_t i) {
  if (h->wards[i].fd >= 0) close(h->wards[i].fd);
  h->wards[i] = h->wards[--h->nwards];
}


/* A client is gone: so are its children. Without the first, nobody needs us. */
static void lose (Helper *h, Client *c) {
  if (c == h->clients) _exit(0);
  for (size_t i = h->nwards; i-- > 0;) {
    Ward *w = &h->wards[i];
    if (w->client != c->pid) continue;
    w->client = 0;
    if (w->ended || w->note.pid == 0)
      forgetward(h, i);
    else
      kill(w->note.pid, SIGKILL);
  }
  close(c->sock);
  close(c->life);
  *c = h->clients[--h->nclients];
}


/* ---- telling ---- */

/* Tell of one ward what there is to tell: its birth, then its end. */
static int tellof (const Client *c, Ward *w) {
  if (!w->told) {
    Note birth = w->note;
    if (birth.what == SK_GONE)
      birth = (Note){.what = SK_BORN, .pid = birth.pid};
    int err = sk_server_send(c->sock, &birth, sizeof birth, w->fd);
    if (err != 0 && err != -EAGAIN && err != -EPIPE) /* the descriptor */
      err = sk_server_send(c->sock, &birth, sizeof birth, -1);
    if (err != 0) return err;
    if (w->fd >= 0) close(w->fd);
    w->fd = -1;
    w->told = true;
  }
  return w->ended ? sk_server_send(c->sock, &w->note, sizeof w->note, -1) : 0;
}


/* Tell a client all that is new. False: it is gone. */
static bool tell (Helper *h, Client *c) {
  c->behind = false;
  for (size_t i = h->nwards; i-- > 0;) {
    Ward *w = &h->wards[i];
    if (w->client != c->pid) continue;
    int err = tellof(c, w);
    if (err == -EAGAIN) {
      c->behind = true;
      return true;
    }
    if (err != 0) {
      lose(h, c);
      return false;
    }
    if (w->ended || w->note.what == SK_REFUSED) forgetward(h, i);
  }
  return true;
}


static void ended (Helper *h, const siginfo_t *info) {
  for (size_t i = 0; i < h->nwards; i++) {
    Ward *w = &h->wards[i];
    if (w->note.pid != info->si_pid || w->ended) continue;
    bool exited = info->si_code == CLD_EXITED;
    w->ended = true;
    w->note = (Note){.what = SK_GONE,
                     .pid = info->si_pid,
                     .status = exited ? info->si_status : -info->si_status,
                     .dumped = info->si_code == CLD_DUMPED};
    Client *c = find(h, w->client);
    if (c != NULL)
      tell(h, c);
    else
      forgetward(h, i);
    return;
  }
}


/* All children are the helper's own. */
static void reapall (Helper *h) {
  struct signalfd_siginfo junk;
  while (read(h->ends, &junk, sizeof junk) > 0) continue;
  for (;;) {
    siginfo_t info;
    info.si_pid = 0;
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
      return;
    ended(h, &info);
  }
}


/* ---- forking ---- */

static void closerange (int from, int to) {
  if (from <= to) syscall(SYS_close_range, from, to, 0);
}


/* All but the standard streams and these three. */
static void closeothers (int a, int b, int c) {
  const int keep[] = {a, b, c};
  int from = STDERR_FILENO + 1;
  for (;;) {
    int next = INT_MAX;
    for (size_t i = 0; i < SK_COUNT(keep); i++)
      if (keep[i] >= from && keep[i] < next) next = keep[i];
    if (next == INT_MAX) break;
    closerange(from, next - 1);
    from = next + 1;
  }
  closerange(from, INT_MAX);
}


/* In the child: nothing of the helper stays, but that it must not outlive it.
 */
static void depart (Helper *h, int parent, int here) {
  syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* as sk_spawn_tie */
  if (getppid() != parent) _exit(127);
  closeothers(h->keep[0], h->keep[1], here); /* to free lists would copy them */
  if (here < 0) return;
  if (syscall(SYS_fchdir, here) != 0) _exit(127);
  close(here);
}


/* The child 'pid', or -errno, is a ward of 'client'; there is room for it. */
static void present (Helper *h, int client, int pid) {
  Ward w = {.client = client, .fd = -1};
  w.note = (Note){.what = SK_BORN, .pid = pid};
  if (pid > 0) {
    w.fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (w.fd >= 0) {
      h->wards[h->nwards++] = w;
      return;
    }
    pid = -errno; /* who cannot be watched must not live */
    kill(w.note.pid, SIGKILL);
  }
  w.note = (Note){.what = SK_REFUSED, .status = pid};
  h->wards[h->nwards++] = w;
}


/* Take a request. True: this is the child that was forked for it. */
static bool serve (Helper *h, Client *c, Request *r) {
  int here = -1, client = c->pid;
  int err = sk_server_recv(c->sock, &r->what, sizeof r->what, &here);
  if (err == -EAGAIN) return false;
  if (err != 0) {
    lose(h, c);
    return false;
  }
  int parent = getpid();
  int pid = roomforward(h) ? fork() : -1;
  if (pid == 0) {
    r->client = client;
    depart(h, parent, here);
    return true;
  }
  int why = errno;
  if (here >= 0) close(here);
  if (roomforward(h))
    present(h, client, pid > 0 ? pid : -why);
  else
    lose(h, c); /* not even that can be said */
  c = find(h, client);
  if (c != NULL) tell(h, c);
  return false;
}


/* ---- clients ---- */

static void admit (Helper *h, int sock, int pid) {
  int life = (int)syscall(SYS_pidfd_open, pid, 0);
  if (life < 0 || find(h, pid) != NULL || !roomforclient(h)) {
    if (life >= 0) close(life);
    close(sock);
    return;
  }
  h->clients[h->nclients++] = (Client){.sock = sock, .life = life, .pid = pid};
}


static void admitall (Helper *h) {
  int pid, sock;
  while ((sock = sk_server_accept(h->door, &pid)) >= 0 || sock == -EPERM)
    if (sock >= 0) admit(h, sock, pid);
}


/* What it waits for; none of that can be missing. */
static Helper prepare (int sock, int first, const int keep[2]) {
  sigset_t child;
  Helper h = {.keep = {keep[0], keep[1]}, .door = -1};
  signal(SIGCHLD, SIG_DFL); /* ignored, it would reap by itself */
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  h.ends = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  fcntl(sock, F_SETFD, FD_CLOEXEC);
  admit(&h, sock, first);
  if (h.ends < 0 || h.nclients == 0 || getppid() != first) _exit(127);
  return h;
}


static size_t await (Helper *h) {
  size_t n = h->nclients;
  h->polls[0] = (struct pollfd){.fd = h->ends, .events = POLLIN};
  h->polls[1] = (struct pollfd){.fd = h->door, .events = POLLIN};
  for (size_t i = 0; i < n; i++) {
    const Client *c = &h->clients[i];
    short events = c->behind ? POLLIN | POLLOUT : POLLIN;
    h->polls[2 + 2 * i] = (struct pollfd){.fd = c->sock, .events = events};
    h->polls[3 + 2 * i] = (struct pollfd){.fd = c->life, .events = POLLIN};
  }
  return poll(h->polls, 2 + 2 * n, -1) < 0 ? 0 : n;
}


Request sk_server_run (int sock, int first, const int keep[2], uint64_t *name) {
  closeothers(sock, keep[0], keep[1]);
  Helper h = prepare(sock, first, keep);
  Request r = {0};
  if (name != NULL)
    __atomic_store_n(name, sk_server_listen(&h.door), __ATOMIC_RELEASE);
  for (;;) {
    size_t n = await(&h);
    if (n > 0 && h.polls[0].revents != 0) reapall(&h);
    /* from the end: one that is lost is replaced by the last */
    for (size_t i = n < h.nclients ? n : h.nclients; i-- > 0;) {
      Client *c = &h.clients[i];
      if (h.polls[2 + 2 * i].fd != c->sock) continue; /* another by now */
      short talk = h.polls[2 + 2 * i].revents;
      if (h.polls[3 + 2 * i].revents != 0)
        lose(&h, c);
      else if ((talk & POLLOUT) == 0 || tell(&h, c))
        if ((talk & ~POLLOUT) != 0 && serve(&h, c, &r)) return r;
    }
    if (n > 0 && h.polls[1].revents != 0) admitall(&h);
  }
}
