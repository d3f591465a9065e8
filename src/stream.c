/*
** stream.c - Streams of bytes: their life, and what comes in. See stream.h.
*/
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib.h"
#include "stream.h"
#include "stream_kinds.h"

/* Bytes after which a stream that always has more gives others a turn. */
#define TURN ((size_t)1 << 20)


/* ---- news ---- */

static void onevent (Watch *w, unsigned events) {
  Stream *st = sk_container(w, Stream, watch);
  if (events & (SK_ERROR | SK_END)) st->hung = true;
  if (events & SK_READ) {
    st->dry = false;
    sk_stream_serveread(st);
  }
  if (events & SK_WRITE) sk_stream_servewrite(st);
}


static bool iswatched (const Stream *st) {
  return sk_poller_has(&st->S->poller, &st->watch);
}


int sk_stream_watch (Stream *st) {
  if (!st->kind->polled || iswatched(st)) return 0;
  st->dry = false;
  return sk_sched_watch(st->S, &st->watch, SK_READ | SK_WRITE);
}


void sk_stream_again (Stream *st) {
  if (iswatched(st)) sk_poller_again(&st->S->poller, &st->watch);
}


/* ---- what comes in ---- */

/* Read once. 0 or -errno; the end, too, is told by 'st'. */
static int fetch (Stream *st, size_t *total) {
  size_t room;
  char *to = sk_inbuf_room(&st->in, &st->S->inbuf, &room);
  if (to == NULL) return -ENOMEM;
  ssize_t n = st->kind->read(st, to, room);
  if (n > 0) {
    sk_inbuf_grow(&st->in, (size_t)n);
    *total += (size_t)n;
    st->dry = (size_t)n < room;
    return 0;
  }
  if (sk_inbuf_size(&st->in) == 0)
    sk_inbuf_take(&st->in, &st->S->inbuf, 0); /* it needs no memory */
  if (n == 0)
    st->ended = true;
  else if (n == -EAGAIN)
    st->dry = true;
  else if (n != -ENOMEM)
    st->err = (int)n;
  return n == -ENOMEM || n == -EAGAIN ? (int)n : 0;
}


/* What the answer is: 'size' bytes, and 'skip' more leave with them. */
typedef struct Answer {
  size_t size, skip;
} Answer;


static int lookuntil (Stream *st, Answer *a) {
  Ask *ask = &st->ask;
  size_t at = sk_inbuf_find(&st->in, ask->sep, ask->nsep, &ask->seen);
  if (at == SIZE_MAX)
    return sk_inbuf_size(&st->in) >= ask->count ? -EMSGSIZE : -EAGAIN;
  if (at + ask->nsep > ask->count) return -EMSGSIZE;
  a->size = at + ask->nsep;
  if (ask->kind == SK_ASK_LINE) {
    a->size -= ask->nsep;
    a->skip = ask->nsep;
  }
  return 0;
}


static int lookat (Stream *st, size_t have, Answer *a) {
  switch (st->ask.kind) {
  case SK_ASK_SOME: a->size = have; return have > 0 ? 0 : -EAGAIN;
  case SK_ASK_COUNT:
    a->size = st->ask.count;
    return have >= a->size && !(st->told && a->size == 0) ? 0 : -EAGAIN;
  case SK_ASK_ALL: return -EAGAIN;
  default: return lookuntil(st, a);
  }
}


/* Can 'st->ask' be answered with what is here? */
static int look (Stream *st, Answer *a) {
  size_t have = sk_inbuf_size(&st->in);
  *a = (Answer){0};
  int rc = lookat(st, have, a);
  if (rc != -EAGAIN) return rc;
  if (st->err != 0) return st->err;
  if (!st->ended) return -EAGAIN;
  a->size = have; /* the rest */
  bool all = st->ask.kind == SK_ASK_ALL && !st->told;
  return have > 0 || all ? 0 : -EPIPE;
}


/* Nothing has come since there was nothing; who only tries looks anyway. */
static bool isdry (const Stream *st) {
  return st->dry && !st->hung && st->ask.due != SK_NOW && iswatched(st);
}


int sk_stream_advance (Stream *st) {
  Answer a;
  size_t total = 0;
  for (;;) {
    int rc = look(st, &a);
    if (rc != -EAGAIN) return rc;
    if (!st->open) return -EPIPE;
    if (isdry(st)) return -EAGAIN;
    if (total >= TURN) {
      sk_stream_again(st);
      return -EAGAIN;
    }
    rc = fetch(st, &total);
    if (rc < 0) return rc;
  }
}


void sk_stream_serveread (Stream *st) {
  if (sk_list_isempty(&st->readers)) return;
  int rc = sk_stream_advance(st);
  if (rc == -EAGAIN) return;
  Waiter *w = sk_sched_claim(st->S, &st->readers);
  if (w != NULL) sk_sched_wake(st->S, w->task, 0);
}


/* ---- reading ---- */

static bool isreading (const Stream *st) {
  return st->reading && st->epoch == st->S->epoch;
}


/* Push what 'st->ask' comes to; it is over. */
static int answer (lua_State *L, Stream *st, int rc) {
  Answer a = {0};
  st->reading = false;
  if (rc == 0) rc = look(st, &a);
  if (rc == 0) {
    lua_pushlstring(L, a.size > 0 ? sk_inbuf_bytes(&st->in) : "", a.size);
    sk_inbuf_take(&st->in, &st->S->inbuf, a.size + a.skip);
    if (st->ask.kind == SK_ASK_ALL) st->told = true;
    return 1;
  }
  if (rc == -EPIPE) st->told = true;
  if (rc != -EMSGSIZE) return sk_fail(L, rc);
  luaL_pushfail(L);
  lua_pushliteral(L, "too long");
  return 2;
}


static int readk (lua_State *L, int status, lua_KContext ctx);


/* Answer now, or wait. */
static int readon (lua_State *L, Stream *st) {
  Sched *S = st->S;
  int rc = sk_stream_advance(st);
  if (rc == -EAGAIN)
    rc = st->ask.due == SK_NOW ? -ETIMEDOUT : sk_stream_watch(st);
  else
    return answer(L, st, rc);
  if (rc < 0) return answer(L, st, rc);
  st->reading = false; /* should it raise */
  sk_sched_prepare(L, S, st->ask.due);
  sk_inbuf_rest(&st->in, &S->inbuf);
  st->reading = true;
  S->hopes++;
  return sk_sched_suspend(L, S, &st->readers, NULL, "stream read",
                          (lua_KContext)S, readk);
}


static int readk (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  Sched *S = (Sched *)ctx;
  Stream *st = lua_touserdata(L, 1);
  int rc = sk_sched_outcome(L, S);
  S->hopes--;
  if (rc == -ECANCELED || rc == -EINTR || rc == -EDEADLK) {
    st->reading = false;
    return sk_sched_raise(L, S, rc);
  }
  return rc < 0 ? answer(L, st, rc) : readon(L, st);
}


int sk_stream_read (lua_State *L, Stream *st, const Ask *ask) {
  if (isreading(st)) return luaL_error(L, "another task reads this stream");
  sk_sched_checkpoint(L, st->S);
  if (!st->open) return sk_fail(L, -EPIPE);
  st->ask = *ask;
  st->epoch = st->S->epoch;
  st->reading = true;
  if (st->ended && st->told && !st->kind->polled) st->ended = false;
  return sk_sched_turn(L, st->S, readon(L, st));
}


/* ---- beginning and end ---- */

Stream *sk_stream_new (lua_State *L, Sched *S) {
  Stream *st = lua_newuserdatauv(L, sizeof *st, 0);
  *st = (Stream){.S = S, .watch = {.fd = -1, .idle = true, .fire = onevent}};
  luaL_setmetatable(L, SK_STREAM);
  return st;
}


static const StreamKind *kindof (int fd) {
  struct stat s;
  if (fstat(fd, &s) != 0) return NULL;
  if (S_ISSOCK(s.st_mode)) return &sk_stream_socket;
  return &sk_stream_pipe;
}


int sk_stream_adopt (Stream *st, int fd) {
  sk_assert(!st->open);
  const StreamKind *kind = kindof(fd);
  int flags = fcntl(fd, F_GETFL);
  if (kind == NULL || flags < 0 ||
      (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)) {
    int err = errno;
    close(fd);
    return -err;
  }
  st->kind = kind;
  st->watch.fd = fd;
  st->open = true;
  return 0;
}


/* A pipe has one direction: to end it is to close. */
static int shutpipe (Stream *st, int how) {
  int mode = fcntl(st->watch.fd, F_GETFL) & O_ACCMODE;
  if (mode == O_RDWR || (mode == O_WRONLY && how == SHUT_RD) ||
      (mode == O_RDONLY && how == SHUT_WR))
    return -ENOTSOCK;
  sk_stream_close(st);
  return 0;
}


int sk_stream_shutdown (Stream *st, int how) {
  if (!st->open) return -EPIPE;
  if (shutdown(st->watch.fd, how) == 0) return 0;
  return errno == ENOTSOCK ? shutpipe(st, how) : -errno;
}


void sk_stream_close (Stream *st) {
  if (!st->open) return;
  st->open = false;
  sk_sched_unwatch(st->S, &st->watch);
  close(st->watch.fd);
  st->watch.fd = -1;
  sk_inbuf_fini(&st->in);
  sk_sched_wakeall(st->S, &st->readers, -EPIPE);
  sk_sched_wakeall(st->S, &st->writers, -EPIPE);
}
