/*
** pump.c - Bytes between memory and the pipe of a program. See pump.h.
*/
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fdio.h"
#include "pump.h"

#define CHUNK ((size_t)1 << 16) /* what a pipe holds */
#define TURN 16                 /* chunks, then it is the turn of others */


void sk_pump_close (Pump *p) {
  if (!p->open) return;
  p->open = false;
  sk_sched_unwatch(p->S, &p->watch);
  close(p->watch.fd);
}


void sk_pump_fini (Pump *p) {
  sk_pump_close(p);
  sk_buf_fini(&p->got);
}


/* Read at most 'n' bytes, by way of 'chunk' as long as it may stay at little.
   How many; 0: that is all for now, or for ever. */
static size_t take (Pump *p, size_t n) {
  char chunk[CHUNK];
  if (n > CHUNK) n = CHUNK;
  char *to = p->got.size < CHUNK ? chunk : sk_buf_need(&p->got, n);
  ssize_t got = to != NULL ? sk_fdio_read(p->watch.fd, to, n) : -ENOMEM;
  if (got == -EAGAIN) return 0;
  if (got > 0 && to == chunk)
    sk_buf_add(&p->got, chunk, (size_t)got);
  else if (got > 0)
    p->got.size += (size_t)got;
  if (got <= 0 || p->got.failed) sk_pump_close(p);
  return p->open ? (size_t)got : 0;
}


/* A chunk that is not full has emptied the pipe: what comes next is news. */
static void ontake (Watch *w, unsigned events) {
  Pump *p = sk_container(w, Pump, watch);
  (void)events;
  for (int i = 0; i < TURN; i++)
    if (take(p, CHUNK) < CHUNK) return;
  sk_poller_again(&p->S->poller, &p->watch);
}


static void ongive (Watch *w, unsigned events) {
  Pump *p = sk_container(w, Pump, watch);
  (void)events;
  while (p->left > 0) {
    ssize_t n = sk_fdio_write(p->watch.fd, p->given, p->left);
    if (n == -EAGAIN) return;
    if (n < 0) break; /* it does not want to read that */
    p->given += n;
    p->left -= (size_t)n;
  }
  sk_pump_close(p);
}


/* 'fire' is called for what is there already, too. */
static int begin (Pump *p, Sched *S, int fd, unsigned events,
                  void (*fire)(Watch *w, unsigned events)) {
  p->S = S;
  p->open = true;
  p->watch = (Watch){.fd = fd, .fire = fire, .idle = true};
  int err = sk_sched_watch(S, &p->watch, events);
  if (err != 0) sk_pump_close(p);
  return err;
}


int sk_pump_take (Pump *p, Sched *S, int fd) {
  return begin(p, S, fd, SK_READ, ontake);
}


int sk_pump_give (Pump *p, Sched *S, int fd, const char *data, size_t size) {
  p->given = data;
  p->left = size;
  return begin(p, S, fd, SK_WRITE, ongive);
}


void sk_pump_drain (Pump *p) {
  int n = 0;
  if (!p->open || ioctl(p->watch.fd, FIONREAD, &n) < 0) n = 0;
  for (size_t left = (size_t)n; left > 0 && p->open;) {
    size_t got = take(p, left);
    if (got == 0) break;
    left -= got;
  }
  sk_pump_close(p);
}
