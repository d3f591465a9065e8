/*
** stream.c - Streams of bytes: their life, and what comes in. See stream.h.
*/
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib.h"
#include "stream.h"

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
  st->paused = true;
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
      total = 0;
      sk_stream_again(st);
      if (st->kind->polled) return -EAGAIN;
    }
    rc = fetch(st, &total);
    if (rc < 0) return rc;
  }
}


/* There is something to read: what the one who reads now has left, or will not
   take yet. */
static void tellwatchers (Stream *st) {
  if (!sk_list_isempty(&st->watchers))
    sk_sched_wakeall(st->S, &st->watchers, 0);
}


static void servefirst (Stream *st) {
  if (sk_list_isempty(&st->readers) || sk_stream_advance(st) == -EAGAIN) return;
  Waiter *w = sk_sched_claim(st->S, &st->readers);
  if (w == NULL) return;
  st->reading = true; /* if it is a select, only from now on */
  sk_sched_wake(st->S, w->task, 0);
}


void sk_stream_serveread (Stream *st) {
  servefirst(st);
  tellwatchers(st); /* they run after it */
}


/* ---- reading ---- */

/* Push what 'st->ask' comes to; it is over. */
static int answer (lua_State *L, Stream *st, int rc) {
  Answer a = {0};
  st->reading = false;
  tellwatchers(st);
  if (rc == 0) rc = look(st, &a);
  if (rc == 0) {
    lua_pushlstring(L, a.size > 0 ? sk_inbuf_bytes(&st->in) : "", a.size);
    sk_inbuf_take(&st->in, &st->S->inbuf, a.size + a.skip);
    if (st->ask.kind == SK_ASK_ALL) st->told = true;
    return 1;
  }
  if (rc == -EPIPE) st->told = true;
  if (rc != -EMSGSIZE) return sk_stream_fail(L, rc);
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
  st->reading = false;     /* should it raise */
  if (S->current->pending) /* a cancel that came after news */
    sk_sched_checkpoint(L, S);
  sk_sched_prepare(L, S, st->ask.due);
  sk_inbuf_rest(&st->in, &S->inbuf);
  st->reading = true;
  tellwatchers(st);
  S->hopes++;
  return sk_sched_suspend(L, S, &st->readers, NULL, "stream read",
                          (lua_KContext)S, readk);
}


static int readk (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  Sched *S = (Sched *)ctx;
  Stream *st = lua_touserdata(L, 1);
  int rc = sk_stream_outcome(L, S);
  if (sk_stream_israised(rc)) {
    st->reading = false;
    return sk_sched_raise(L, S, rc);
  }
  return rc < 0 ? answer(L, st, rc) : readon(L, st);
}


static void checkfree (lua_State *L, const Stream *st) {
  if (sk_stream_isread(st)) luaL_error(L, "another task reads this stream");
}


static void begin (Stream *st, const Ask *ask) {
  st->ask = *ask;
  st->epoch = st->S->epoch;
  if (st->ended && st->told && !st->kind->polled) st->ended = false;
}


int sk_stream_read (lua_State *L, Stream *st, const Ask *ask) {
  checkfree(L, st);
  sk_sched_checkpoint(L, st->S);
  if (!st->open) return sk_fail(L, -EPIPE);
  begin(st, ask);
  st->reading = true;
  return sk_sched_turn(L, st->S, readon(L, st));
}


/* ---- reading in a select ---- */

/* 0: 'ask' can be answered; -EAGAIN: there will be news; or -errno. */
static int attempt (lua_State *L, Stream *st, const Ask *ask) {
  checkfree(L, st);
  if (!st->open) return -EPIPE;
  begin(st, ask);
  int rc = sk_stream_advance(st);
  if (rc != -EAGAIN) return rc;
  tellwatchers(st);
  rc = sk_stream_watch(st);
  return rc < 0 ? rc : -EAGAIN;
}


int sk_stream_tryread (lua_State *L, Stream *st, const Ask *ask) {
  int rc = attempt(L, st, ask);
  return rc == -EAGAIN ? rc : answer(L, st, rc);
}


void sk_stream_enlist (Stream *st, const Ask *ask, Waiter *w) {
  bool first = sk_list_isempty(&st->readers);
  begin(st, ask);
  if (!first) st->ask = (Ask){.kind = SK_ASK_SOME, .due = SK_FOREVER};
  sk_list_add(&st->readers, &w->link);
  sk_inbuf_rest(&st->in, &st->S->inbuf);
}


int sk_stream_finishread (lua_State *L, Stream *st, const Ask *ask) {
  st->reading = false;
  return sk_stream_tryread(L, st, ask);
}


int sk_stream_tryready (Stream *st, sk_time due) {
  const Ask some = {.kind = SK_ASK_SOME, .due = due};
  if (sk_inbuf_size(&st->in) > 0 || !st->open || st->err != 0) return 0;
  if (!sk_stream_isread(st)) {
    begin(st, &some);
    if (sk_stream_advance(st) != -EAGAIN) return 0;
  }
  return sk_stream_watch(st) < 0 ? 0 : -EAGAIN;
}


/* ---- beginning and end ---- */

Stream *sk_stream_new (lua_State *L, Sched *S) {
  Stream *st = lua_newuserdatauv(L, sizeof *st, 1);
  *st = (Stream){.S = S, .watch = {.fd = -1, .idle = true, .fire = onevent}};
  luaL_setmetatable(L, SK_STREAM);
  return st;
}


static const StreamKind *kindof (int fd) {
  struct stat s;
  if (fstat(fd, &s) != 0) return NULL;
  if (S_ISSOCK(s.st_mode)) return &sk_stream_socket;
  if (S_ISREG(s.st_mode) || S_ISBLK(s.st_mode)) return &sk_stream_file;
  return &sk_stream_pipe;
}


static int unblock (int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  if (flags & O_NONBLOCK) return 0;
  return fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}


int sk_stream_adopt (Stream *st, int fd) {
  sk_assert(!st->open);
  st->kind = kindof(fd);
  int err = st->kind == NULL              ? -errno
            : st->kind == &sk_stream_file ? sk_stream_makefile(st, fd)
                                          : unblock(fd);
  if (err < 0) {
    close(fd);
    return err;
  }
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
  st->kind->close(st);
  st->watch.fd = -1;
  sk_inbuf_fini(&st->in);
  tellwatchers(st);
  sk_sched_wakeall(st->S, &st->readers, -EPIPE);
  sk_sched_wakeall(st->S, &st->writers, -EPIPE);
}
