/*
** stream_write.c - What goes out of a stream. See stream.h.
*/
#include "lib.h"
#include "stream.h"

/* Bytes after which a writer that finds room always gives others a turn. */
#define TURN ((size_t)4 << 20)


int sk_stream_push (Stream *st, Sending *o) {
  size_t before = o->sent;
  while (o->sent < o->size) {
    if (!st->open) return -EPIPE;
    if (o->sent - before >= TURN && st->kind->polled) {
      sk_stream_again(st);
      return -EAGAIN;
    }
    ssize_t n = st->kind->write(st, o->data + o->sent, o->size - o->sent);
    if (n < 0) return (int)n;
    o->sent += (size_t)n;
  }
  return 0;
}


static Sending *sendingof (const Waiter *w) {
  return lua_touserdata(w->task->at, w->value);
}


/* The first in line writes on; who is done makes room for the next. */
void sk_stream_servewrite (Stream *st) {
  for (List *link; (link = sk_list_first(&st->writers)) != NULL;) {
    const Waiter *w = sk_container(link, Waiter, link);
    int rc = sk_stream_push(st, sendingof(w));
    if (rc == -EAGAIN) return;
    sk_sched_wake(st->S, w->task, rc);
  }
}


/* How a write ended whose wait ended with 'rc'. */
static int answer (lua_State *L, const Sending *o, int rc) {
  if (rc < 0) {
    int n = sk_fail(L, rc);
    if (rc != -ETIMEDOUT) return n;
    lua_pushinteger(L, (lua_Integer)o->sent);
    return n + 1;
  }
  lua_pushboolean(L, 1);
  return 1;
}


static int writek (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  Sched *S = (Sched *)ctx;
  const Sending *o = lua_touserdata(L, 3);
  Stream *st = lua_touserdata(L, 1);
  int rc = sk_sched_outcome(L, S);
  S->hopes--;
  /* who gave up was the first in line, maybe: the next may find room */
  if (rc < 0 && st->open) sk_stream_servewrite(st);
  if (rc == -ECANCELED || rc == -EINTR || rc == -EDEADLK)
    return sk_sched_raise(L, S, rc);
  return answer(L, o, rc);
}


/* Stand in line with what is left of the string at 2. */
static int waitwrite (lua_State *L, Stream *st, const Sending *o, sk_time due,
                      const char *what, lua_KFunction k) {
  Sched *S = st->S;
  lua_settop(L, 2);
  Sending *kept = lua_newuserdatauv(L, sizeof *kept, 0);
  if (o != NULL)
    *kept = *o;
  else
    *kept = (Sending){0};
  sk_sched_prepare(L, S, due)->self.value = 3;
  S->hopes++;
  return sk_sched_suspend(L, S, &st->writers, NULL, what, (lua_KContext)S, k);
}


int sk_stream_write (lua_State *L, Stream *st, sk_time due) {
  Sending o = {0};
  o.data = lua_tolstring(L, 2, &o.size);
  sk_sched_checkpoint(L, st->S);
  if (!st->open) return sk_fail(L, -EPIPE);
  int rc = -EAGAIN;
  if (sk_list_isempty(&st->writers)) rc = sk_stream_push(st, &o);
  if (rc == -EAGAIN && due == SK_NOW)
    rc = -ETIMEDOUT;
  else if (rc == -EAGAIN) {
    rc = sk_stream_watch(st);
    if (rc == 0) return waitwrite(L, st, &o, due, "stream write", writek);
  }
  return sk_sched_turn(L, st->S, answer(L, &o, rc));
}


int sk_stream_awaitroom (lua_State *L, Stream *st, sk_time due,
                         const char *what, lua_KFunction k) {
  int rc = sk_stream_watch(st);
  if (rc < 0) return rc;
  return waitwrite(L, st, NULL, due, what, k);
}


int sk_stream_outcome (lua_State *L, Sched *S) {
  int rc = sk_sched_outcome(L, S);
  S->hopes--;
  if (rc == -ECANCELED || rc == -EINTR || rc == -EDEADLK)
    sk_sched_raise(L, S, rc);
  return rc;
}
