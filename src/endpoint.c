/*
** endpoint.c - Sockets that give and take whole things. See endpoint.h.
*/
#include <poll.h>
#include <unistd.h>

#include "clock.h"
#include "endpoint.h"
#include "lib.h"
#include "stream.h"

#define DUE 5 /* where a call keeps when it has to be over */
#define PAUSE (SK_SECOND / 1000)


/* ---- news ---- */

/* Does somebody lead those who want to give? A fork has no tasks. */
static bool isled (const Endpoint *e) {
  return e->leader != NULL && e->epoch == e->S->epoch;
}


static void lead (Endpoint *e, const Task *t) {
  e->leader = t;
  e->epoch = e->S->epoch;
}


static void wakefirst (Endpoint *e, int line) {
  if (line == SK_GIVE && isled(e)) return; /* who looks soon */
  Waiter *w = sk_sched_claim(e->S, &e->lines[line]);
  if (w == NULL) return;
  if (line == SK_GIVE) lead(e, w->task);
  sk_sched_wake(e->S, w->task, 0);
}


static void onevent (Watch *w, unsigned events) {
  Endpoint *e = sk_container(w, Endpoint, watch);
  if (events & SK_READ) {
    sk_sched_wakeall(e->S, &e->watchers, 0);
    wakefirst(e, SK_TAKE);
  }
  if (events & SK_WRITE) wakefirst(e, SK_GIVE);
}


/* ---- waiting ---- */

static int watch (Endpoint *e) {
  if (sk_poller_has(&e->S->poller, &e->watch)) return 0;
  return sk_sched_watch(e->S, &e->watch, e->class->events);
}


static int goon (lua_State *L, int status, lua_KContext ctx);


/* When the call at hand has to be over, or, after a pause, to look again. */
static sk_time until (lua_State *L, bool pause) {
  sk_time due = (sk_time)lua_tointeger(L, DUE);
  sk_time soon = sk_clock_now() + PAUSE;
  return pause && soon < due ? soon : due;
}


static int await (lua_State *L, Endpoint *e, const Way *way, bool ahead) {
  Sched *S = e->S;
  List *line = &e->lines[way->line];
  int rc = watch(e);
  if (rc < 0) return sk_fail(L, rc);
  if (S->current->pending) /* a cancel that came after news */
    sk_sched_checkpoint(L, S);
  bool pause = ahead && way->line == SK_GIVE;
  Task *t = sk_sched_prepare(L, S, until(L, pause));
  if (pause) lead(e, t);
  t->self.task = t;
  if (ahead)
    sk_list_addfirst(line, &t->self.link);
  else
    sk_list_add(line, &t->self.link);
  S->hopes++;
  if (ahead) sk_sched_again(S);
  return sk_sched_suspend(L, S, NULL, NULL, way->what, (lua_KContext)way, goon);
}


static int proceed (lua_State *L, Endpoint *e, const Way *way, bool ahead) {
  bool once = (sk_time)lua_tointeger(L, DUE) == SK_NOW;
  if (!e->open) return sk_fail(L, -EPIPE);
  int n = -EAGAIN;
  if (ahead || once ||
      (sk_list_isempty(&e->lines[way->line]) &&
       !(way->line == SK_GIVE && isled(e))))
    n = way->attempt(L, e, 1);
  if (n == -EAGAIN && !once) return await(L, e, way, ahead);
  if (n == -EAGAIN) return sk_fail(L, -ETIMEDOUT);
  wakefirst(e, way->line);
  return n < 0 ? sk_stream_fail(L, n) : sk_sched_turn(L, e->S, n);
}


static int goon (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  Endpoint *e = lua_touserdata(L, 1);
  const Way *way = (const Way *)ctx;
  int rc = sk_stream_outcome(L, e->S);
  bool led = e->leader == e->S->current;
  if (led) e->leader = NULL;
  if (rc == -ETIMEDOUT && sk_clock_now() < (sk_time)lua_tointeger(L, DUE))
    rc = 0;                                            /* after a pause */
  if (led && rc < 0 && e->open) wakefirst(e, SK_GIVE); /* it had no news */
  if (sk_stream_israised(rc)) return sk_sched_raise(L, e->S, rc);
  if (rc < 0) return sk_fail(L, rc);
  return proceed(L, e, way, true);
}


int sk_endpoint_go (lua_State *L, Endpoint *e, const Way *way, sk_time due) {
  lua_settop(L, DUE - 1);
  lua_pushinteger(L, due);
  sk_sched_checkpoint(L, e->S);
  return proceed(L, e, way, false);
}


/* ---- select ---- */

int sk_endpoint_trytake (lua_State *L, Sched *S, int at) {
  (void)S;
  Endpoint *e = lua_touserdata(L, at);
  const Way *way = e->class->taking;
  if (!e->open) return sk_fail(L, -EPIPE);
  int n = way->attempt(L, e, at);
  if (n == -EAGAIN) {
    int rc = watch(e);
    return rc < 0 ? sk_fail(L, rc) : -EAGAIN;
  }
  wakefirst(e, way->line);
  return n < 0 ? sk_stream_fail(L, n) : n;
}


void sk_endpoint_enlisttake (lua_State *L, Sched *S, int at, Waiter *w) {
  (void)S;
  Endpoint *e = lua_touserdata(L, at);
  sk_list_add(&e->lines[e->class->taking->line], &w->link);
}


int sk_endpoint_finishtake (lua_State *L, Sched *S, int at, int n) {
  (void)n;
  return sk_endpoint_trytake(L, S, at);
}


int sk_endpoint_tryready (lua_State *L, Sched *S, int at) {
  (void)S;
  Endpoint *e = lua_touserdata(L, at);
  struct pollfd p = {.fd = e->watch.fd, .events = POLLIN};
  return !e->open || watch(e) < 0 || poll(&p, 1, 0) > 0 ? 0 : -EAGAIN;
}


void sk_endpoint_enlistready (lua_State *L, Sched *S, int at, Waiter *w) {
  (void)S;
  Endpoint *e = lua_touserdata(L, at);
  sk_list_add(&e->watchers, &w->link);
}


/* ---- beginning and end ---- */

void sk_endpoint_init (Endpoint *e, Sched *S, const EndpointClass *c) {
  *e = (Endpoint){
      .S = S,
      .class = c,
      .watch = {.fd = -1, .idle = true, .fire = onevent},
  };
}


void sk_endpoint_open (Endpoint *e, int fd) {
  e->watch.fd = fd;
  e->open = true;
  sk_list_add(&e->S->endpoints, &e->peer);
}


void sk_endpoint_close (Endpoint *e) {
  if (!e->open) return;
  e->open = false;
  sk_list_remove(&e->peer);
  sk_sched_unwatch(e->S, &e->watch);
  if (e->class->closing != NULL) e->class->closing(e);
  close(e->watch.fd);
  e->watch.fd = -1;
  sk_sched_wakeall(e->S, &e->watchers, 0);
  sk_sched_wakeall(e->S, &e->lines[SK_TAKE], -EPIPE);
  sk_sched_wakeall(e->S, &e->lines[SK_GIVE], -EPIPE);
}
