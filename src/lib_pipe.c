/*
** lib_pipe.c - skein.pipe: two ends, both ways.
*/
#include <string.h>

#include "pipe.h"
#include "listener.h"
#include "open.h"
#include "select.h"
#include "transit.h"

#define CLASS "skein.End"
#define BYTES ((lua_Integer)64 << 10) /* held before a send waits */


/* The end of 'h' counts as in use from now on. */
static Handle *use (Sched *S, Handle *h) {
  Shared *s = sk_shared_of(S);
  uint32_t flags = sk_object_flags(&s->m, h->ref);
  if (sk_unlikely(!(flags & SK_REF_ACTIVE)))
    sk_object_setflags(&s->m, h->ref, flags | SK_REF_ACTIVE);
  return h;
}


static Handle *checkend (lua_State *L) {
  return use(sk_upvalue(L),
             sk_shared_check(L, sk_upvalue(L), 1, SK_PIPE, CLASS));
}


/* The way that leads out of (1) or in to (0) the end of 'h'. */
static Queue *way (lua_State *L, Handle *h, int out, const char *verb) {
  Pipe *p = (Pipe *)h->o;
  int end = (int)(h->flags & SK_ENDS);
  int from = out ? end : 1 - end;
  if (p->simplex && from == SK_END_A)
    luaL_error(L, "cannot %s: this is the end that %s", verb,
               out ? "receives" : "sends");
  return &p->way[from];
}


/* e:send(value, [timeout]) -> true | nil, "timeout" | nil, "closed" */
static int end_send (lua_State *L) {
  Handle *h = checkend(L);
  Queue *q = way(L, h, 1, "send");
  if (lua_isnoneornil(L, 2))
    luaL_argerror(L, 2, "value expected, got nil (which is no item)");
  sk_time due = sk_checkdeadline(L, 3);
  lua_settop(L, 2);
  return sk_transit_put(L, sk_shared_of((Sched *)sk_upvalue(L)), q, 2, due,
                        "pipe send");
}


/* e:recv([timeout]) -> value | nil, "timeout" | nil, "closed" */
static int end_recv (lua_State *L) {
  Handle *h = checkend(L);
  Queue *q = way(L, h, 0, "recv");
  if (sk_unlikely(h->listener != NULL)) sk_listener_refresh(h->listener);
  sk_time due = sk_checkdeadline(L, 2);
  lua_settop(L, 1);
  return sk_transit_get(L, sk_shared_of((Sched *)sk_upvalue(L)), q, due,
                        "pipe recv");
}


/* e:poll([timeout]) -> true: a recv will not wait | nil, "timeout" */
static int end_poll (lua_State *L) {
  Handle *h = checkend(L);
  Queue *q = way(L, h, 0, "poll");
  if (sk_unlikely(h->listener != NULL)) sk_listener_refresh(h->listener);
  sk_time due = sk_checkdeadline(L, 2);
  lua_settop(L, 1);
  return sk_transit_poll(L, sk_shared_of((Sched *)sk_upvalue(L)), q, due,
                         "pipe poll");
}


typedef struct Leaving { /* of an end that is closed */
  Member *m;
  Off pipe;
} Leaving;


/* Its wait is over, and the pipe may be gone before the task goes on. */
static void leave (void *arg, Seat *w) {
  const Leaving *l = arg;
  if (sk_at(Object, w->object)->whole != l->pipe) return;
  if (sk_seat_state(w) != SK_TAKEN) return;
  if (w->result == -EPIPE) sk_item_unsent(l->m, &w->block);
  w->object = 0;
}


/* e:fileno() -> a descriptor for poll(2): readable when a recv may not wait.
   It belongs to the end, which closes it; see listener.h. */
static int end_fileno (lua_State *L) {
  Handle *h = checkend(L);
  Shared *s = sk_shared_of((Sched *)sk_upvalue(L));
  way(L, h, 0, "poll");
  int err = h->listener == NULL ? sk_listener_open(s, h) : 0;
  if (err != 0) {
    luaL_pushfail(L);
    lua_pushstring(L, strerror(-err));
    lua_pushinteger(L, -err);
    return 3;
  }
  sk_listener_refresh(h->listener);
  lua_pushinteger(L, sk_listener_fd(h->listener));
  return 1;
}


/* e:close() - this handle is given up; closing again does nothing. Tasks that
   wait here for the pipe are told that it is closed. */
static int end_close (lua_State *L) {
  Handle *h = luaL_checkudata(L, 1, CLASS);
  if (h->o == NULL) return 0;
  checkend(L); /* an end that was closed on purpose was in use */
  Shared *s = sk_shared_of((Sched *)sk_upvalue(L));
  sk_pipe_expel(&s->m, (Pipe *)h->o, (int)(h->flags & SK_ENDS));
  sk_shared_collect(s);
  if (h->listener != NULL) sk_listener_close(h->listener);
  Leaving l = {&s->m, sk_off(h->o)};
  sk_seat_each(s->m.slot, leave, &l);
  sk_shared_drop(s, h);
  return 0;
}


static int end_gc (lua_State *L) {
  Handle *h = luaL_checkudata(L, 1, CLASS);
  if (h->listener != NULL) sk_listener_close(h->listener);
  return sk_shared_gc(L);
}


/* ---- select ---- */

/* NULL: the end has been closed, maybe while the select was waiting. */
static Queue *caseof (lua_State *L, Sched *S, int at, int out,
                      const char *verb) {
  Handle *h = lua_touserdata(L, at);
  return h->o != NULL ? way(L, use(S, h), out, verb) : NULL;
}


static int tryrecv (lua_State *L, Sched *S, int at) {
  Queue *q = caseof(L, S, at, 0, "recv");
  if (q == NULL) return sk_fail(L, -EPIPE);
  return sk_transit_tryget(L, sk_shared_of(S), q);
}


static int trysend (lua_State *L, Sched *S, int at) {
  Queue *q = caseof(L, S, at, 1, "send");
  if (q == NULL) return sk_fail(L, -EPIPE);
  return sk_transit_tryput(L, sk_shared_of(S), q, at + 1);
}


static int tryready (lua_State *L, Sched *S, int at) {
  Queue *q = caseof(L, S, at, 0, "recv");
  return q == NULL ? 0 : sk_queue_poll(&sk_shared_of(S)->m, q, NULL);
}


static bool watchrecv (lua_State *L, Sched *S, int at, void *place) {
  return sk_transit_pollget(sk_shared_of(S), caseof(L, S, at, 0, "recv"),
                            place);
}


static bool watchsend (lua_State *L, Sched *S, int at, void *place) {
  return sk_transit_pollput(L, sk_shared_of(S), caseof(L, S, at, 1, "send"),
                            at + 1, place);
}


static const SelectOp selects[] = {
    {.name = "recv", .attempt = tryrecv, .watch = watchrecv},
    {.name = "send", .offers = true, .attempt = trysend, .watch = watchsend},
    {.name = "ready", .attempt = tryready, .watch = watchrecv},
    {.name = NULL},
};


/* ---- making ---- */

static int end_tostring (lua_State *L) {
  Handle *h = luaL_checkudata(L, 1, CLASS);
  if (h->o == NULL)
    lua_pushliteral(L, "skein.End (closed)");
  else
    lua_pushfstring(L, "skein.End: %I%s", (LUAI_UACINT)sk_off(h->o),
                    h->flags & SK_ENDS ? "b" : "a");
  return 1;
}


/* skein.pipe([{duplex =, bytes =}]) -> end, end | reader, writer */
static int newpipe (lua_State *L) {
  static const char *const options[] = {"duplex", "bytes", NULL};
  lua_Integer bytes = BYTES;
  bool duplex = true;
  if (!lua_isnoneornil(L, 1)) {
    sk_checkoptions(L, 1, options);
    bytes = sk_optcount(L, 1, "bytes", 1, bytes);
    duplex = sk_optflag(L, 1, "duplex", duplex);
  }
  Shared *s = sk_shared_open(L, sk_upvalue(L));
  Handle *a = sk_shared_new(L, s, SK_PIPE, SK_END_A, CLASS);
  Pipe *p = (Pipe *)a->o;
  if (sk_pipe_init(p, (uint64_t)bytes) != 0)
    luaL_error(L, "cannot make a pipe");
  p->simplex = !duplex;
  sk_shared_push(L, s, a->o, SK_END_B, CLASS);
  return 2;
}


static const luaL_Reg methods[] = {{"send", end_send},   {"recv", end_recv},
                                   {"poll", end_poll},   {"fileno", end_fileno},
                                   {"close", end_close}, {NULL, NULL}};

static const luaL_Reg meta[] = {{"__close", end_close},
                                {"__gc", end_gc},
                                {"__tostring", end_tostring},
                                {NULL, NULL}};

static const luaL_Reg functions[] = {{"pipe", newpipe}, {NULL, NULL}};

static const SharedClass class = {
    .name = CLASS,
    .object = &sk_pipe_class,
    .ref = {SK_PIPE, "end of a pipe", sk_shared_encode, sk_shared_decode,
            sk_shared_forget},
    .methods = methods,
    .meta = meta,
    .selects = selects,
    .functions = functions,
};


void sk_open_pipe (lua_State *L, Sched *S) {
  sk_shared_class(L, S, &class);
}
