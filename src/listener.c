/*
** listener.c - A descriptor for poll(2). See listener.h.
*/
#include <sys/epoll.h>
#include <unistd.h>

#include "listener.h"
#include "list.h"
#include "sweep.h"

typedef struct Peer { /* another process */
  int pid, fd;
} Peer;

struct Listener {
  List link; /* in s->listeners */
  Shared *s;
  Handle *h;
  Pipe *pipe;
  int end, place; /* of the ear */
  int fd;         /* the epoll descriptor */
  int bell;       /* the socket */
  Peer *peers;
  size_t count;
  uint64_t changes; /* of the family that have been looked at */
};

#define BELL UINT64_MAX /* what epoll says of the socket */


static int add (const Listener *l, int fd, uint64_t what) {
  struct epoll_event ev = {.events = EPOLLIN, .data.u64 = what};
  return epoll_ctl(l->fd, EPOLL_CTL_ADD, fd, &ev) == 0 ? 0 : -errno;
}


static Queue *incoming (const Listener *l) {
  return &l->pipe->way[1 - l->end];
}


static bool isnews (const Listener *l) {
  return sk_queue_poll(&l->s->m, incoming(l), NULL) == 0;
}


/* Make it readable, or not, as it should be. */
static void tune (const Listener *l) {
  Ear *ear = &l->pipe->ears[l->end][l->place];
  if (!isnews(l)) {
    __atomic_store_n(&ear->rung, 0, __ATOMIC_SEQ_CST);
    sk_slot_quiet(l->bell);
    if (!isnews(l)) return;
    /* what was quieted may have been the ring for it: ring again */
    __atomic_store_n(&ear->rung, 0, __ATOMIC_SEQ_CST);
  }
  Bells bells = {.ears = l->pipe->ears[l->end]};
  sk_slot_ring(&bells);
}


static bool iswatched (const Listener *l, int pid) {
  for (size_t i = 0; i < l->count; i++)
    if (l->peers[i].pid == pid) return true;
  return false;
}


/* Watch the process of 's'. False: it is gone. */
static bool watch (Listener *l, const Slot *s) {
  int pid = sk_slot_pid(s);
  if (pid == sk_slot_pid(l->s->m.slot) || iswatched(l, pid)) return true;
  int fd = sk_slot_pidfd(s);
  if (fd < 0) return fd != -ESRCH;
  Peer *peers = realloc(l->peers, (l->count + 1) * sizeof *peers);
  if (peers != NULL) l->peers = peers;
  if (peers == NULL || add(l, fd, (uint64_t)pid) != 0)
    close(fd); /* its death is seen later, by whoever waits */
  else
    l->peers[l->count++] = (Peer){pid, fd};
  return true;
}


static void watchnew (Listener *l) {
  Root *f = sk_root();
  uint64_t changes = __atomic_load_n(&f->changes, __ATOMIC_SEQ_CST);
  bool gone = false;
  if (changes == l->changes) return;
  l->changes = changes;
  for (uint32_t i = 1; i < sk_slot_reached(); i++)
    if (sk_slot_state(&f->slot[i]) == SK_SLOT_LIVE)
      gone |= !watch(l, &f->slot[i]);
  if (gone) sk_sweep_dead(&l->s->m);
}


static void unwatch (Listener *l, uint64_t pid) {
  for (size_t i = 0; i < l->count; i++) {
    if ((uint64_t)l->peers[i].pid != pid) continue;
    close(l->peers[i].fd);
    l->peers[i] = l->peers[--l->count];
    return;
  }
}


static void bury (Listener *l) {
  struct epoll_event events[8];
  int n = epoll_wait(l->fd, events, (int)SK_COUNT(events), 0);
  for (int i = 0; i < n; i++) {
    uint64_t pid = events[i].data.u64;
    if (pid == BELL) continue;
    unwatch(l, pid);
    sk_shared_died(l->s, (int)pid, 0);
  }
}


void sk_listener_refresh (Listener *l) {
  bury(l);
  watchnew(l);
  tune(l);
}


/* Close what is this process's own, and forget it. */
static void discard (Listener *l) {
  sk_list_remove(&l->link);
  l->h->listener = NULL;
  for (size_t i = 0; i < l->count; i++) close(l->peers[i].fd);
  if (l->fd >= 0) close(l->fd);
  if (l->bell >= 0) close(l->bell);
  free(l->peers);
  free(l);
}


static int open (Listener *l) {
  Ear ear = {.slot = l->s->m.index, .born = l->s->m.slot->born};
  l->bell = sk_slot_makebell(ear.name, &ear.size);
  if (l->bell < 0) return l->bell;
  l->fd = epoll_create1(EPOLL_CLOEXEC);
  if (l->fd < 0) return -errno;
  int err = add(l, l->bell, BELL);
  if (err != 0) return err;
  l->place = sk_pipe_listen(&l->s->m, l->pipe, l->end, &ear);
  return l->place < 0 ? l->place : 0;
}


int sk_listener_open (Shared *s, Handle *h) {
  Listener *l = calloc(1, sizeof *l);
  if (l == NULL) return -ENOMEM;
  l->s = s;
  l->h = h;
  l->pipe = (Pipe *)h->o;
  l->end = (int)(h->flags & SK_ENDS);
  l->fd = l->bell = -1;
  int err = open(l);
  if (err != 0)
    discard(l);
  else {
    s->deafen = sk_listener_drop;
    sk_list_add(&s->listeners, &l->link);
    h->listener = l;
  }
  return err;
}


int sk_listener_fd (const Listener *l) {
  return l->fd;
}


void sk_listener_close (Listener *l) {
  sk_pipe_deafen(&l->s->m, l->pipe, l->end, l->place);
  discard(l);
}


void sk_listener_drop (List *all) {
  for (List *link; (link = sk_list_pop(all)) != NULL;)
    discard(sk_container(link, Listener, link));
}
