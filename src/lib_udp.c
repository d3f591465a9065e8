/*
** lib_udp.c - Sockets for datagrams: net.udp.
**
** Several tasks may wait for a datagram, and several for room to send. News of
** one wakes the first; who leaves wakes the next, since there may be more.
*/
#include <string.h>
#include <unistd.h>

#include "handover.h"
#include "lib.h"
#include "lib_net.h"
#include "open.h"
#include "stream.h"

#define CLASS "skein.Udp"
#define LARGEST 65536 /* bytes of a datagram */

typedef struct Udp {
  Watch watch;
  Sched *S;
  List readers, writers;
  bool open;
} Udp;


static Udp *check (lua_State *L) {
  return luaL_checkudata(L, 1, CLASS);
}


static void wakefirst (Udp *u, List *waiters) {
  Waiter *w = sk_sched_claim(u->S, waiters);
  if (w != NULL) sk_sched_wake(u->S, w->task, 0);
}


static void onevent (Watch *w, unsigned events) {
  Udp *u = sk_container(w, Udp, watch);
  if (events & SK_READ) wakefirst(u, &u->readers);
  if (events & SK_WRITE) wakefirst(u, &u->writers);
}


/* ---- waiting: for both ways ---- */

/* One attempt: its results are pushed and counted, or -errno. */
typedef int (*Attempt)(lua_State *L, Udp *u);

typedef struct Way {
  Attempt attempt;
  size_t waiters; /* offset of the list */
  const char *what;
  lua_KFunction k;
} Way;

#define lineof(u, way) ((List *)(void *)((char *)(u) + (way)->waiters))


static int await (lua_State *L, Udp *u, const Way *way, sk_time due) {
  Sched *S = u->S;
  int rc = 0;
  if (!sk_poller_has(&S->poller, &u->watch))
    rc = sk_sched_watch(S, &u->watch, SK_READ | SK_WRITE);
  if (rc < 0) return sk_fail(L, rc);
  if (S->current->pending) /* a cancel that came after news */
    sk_sched_checkpoint(L, S);
  sk_sched_prepare(L, S, due);
  S->hopes++;
  return sk_sched_suspend(L, S, lineof(u, way), NULL, way->what,
                          (lua_KContext)S, way->k);
}


/* When it has to be over is at 4. */
static int proceed (lua_State *L, Udp *u, const Way *way) {
  sk_time due = (sk_time)lua_tointeger(L, 4);
  if (!u->open) return sk_fail(L, -EPIPE);
  int n = way->attempt(L, u);
  if (n == -EAGAIN && due != SK_NOW) return await(L, u, way, due);
  wakefirst(u, lineof(u, way));
  if (n == -EAGAIN) n = -ETIMEDOUT;
  return n < 0 ? sk_stream_fail(L, n) : sk_sched_turn(L, u->S, n);
}


static int goon (lua_State *L, Sched *S, const Way *way) {
  Udp *u = lua_touserdata(L, 1);
  int rc = sk_stream_outcome(L, S);
  if (sk_stream_israised(rc)) return sk_sched_raise(L, S, rc);
  return rc < 0 ? sk_fail(L, rc) : proceed(L, u, way);
}


/* ---- recv ---- */

static int tryrecv (lua_State *L, Udp *u) {
  char bytes[LARGEST];
  SockAddr from = {.size = sizeof from.at};
  ssize_t n;
  do
    n = recvfrom(u->watch.fd, bytes, sizeof bytes, MSG_DONTWAIT, &from.at.any,
                 &from.size);
  while (n < 0 && errno == EINTR);
  if (n < 0) return -errno;
  lua_pushlstring(L, bytes, (size_t)n);
  return 1 + (from.size > 0 ? sk_net_pushname(L, &from) : 0);
}


static int recvk (lua_State *L, int status, lua_KContext ctx);

static const Way receiving = {tryrecv, offsetof(Udp, readers), "udp recv",
                              recvk};


static int recvk (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  return goon(L, (Sched *)ctx, &receiving);
}


/* u:recv([timeout]) -> data, host, port | nil, "timeout" | nil, "closed" */
static int udp_recv (lua_State *L) {
  Udp *u = check(L);
  sk_time due = sk_checkdeadline(L, 2);
  lua_settop(L, 3);
  lua_pushinteger(L, due);
  sk_sched_checkpoint(L, u->S);
  return proceed(L, u, &receiving);
}


/* ---- send ---- */

/* The datagram is at 2, the address or nil at 3. */
static int trysend (lua_State *L, Udp *u) {
  size_t size;
  const char *bytes = lua_tolstring(L, 2, &size);
  const SockAddr *a = lua_isnil(L, 3) ? NULL : sk_net_checkaddr(L, 3);
  ssize_t n;
  do
    n = sendto(u->watch.fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL,
               a != NULL ? &a->at.any : NULL, a != NULL ? a->size : 0);
  while (n < 0 && errno == EINTR);
  if (n < 0) return -errno;
  lua_pushboolean(L, 1);
  return 1;
}


static int sendk (lua_State *L, int status, lua_KContext ctx);

static const Way sending = {trysend, offsetof(Udp, writers), "udp send", sendk};


static int sendk (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  return goon(L, (Sched *)ctx, &sending);
}


/* net.send(udp, data, address | nil, [timeout]) -> true | nil, message, errno */
static int net_send (lua_State *L) {
  Udp *u = check(L);
  luaL_checkstring(L, 2);
  sk_time due = sk_checkdeadline(L, 4);
  lua_settop(L, 3);
  lua_pushinteger(L, due);
  sk_sched_checkpoint(L, u->S);
  return proceed(L, u, &sending);
}


/* ---- the rest ---- */

/* net.associate(udp, address) -> true | nil, message, errno */
static int net_associate (lua_State *L) {
  const Udp *u = check(L);
  const SockAddr *a = sk_net_checkaddr(L, 2);
  int rc = u->open ? sk_sock_connect(u->watch.fd, a) : -EPIPE;
  if (rc < 0) return sk_fail(L, rc);
  lua_pushboolean(L, 1);
  return 1;
}


/* u:close() - again: does nothing. Who waits is told "closed". */
static int udp_close (lua_State *L) {
  Udp *u = check(L);
  if (!u->open) return 0;
  u->open = false;
  sk_sched_unwatch(u->S, &u->watch);
  close(u->watch.fd);
  u->watch.fd = -1;
  sk_sched_wakeall(u->S, &u->readers, -EPIPE);
  sk_sched_wakeall(u->S, &u->writers, -EPIPE);
  sk_handover_end(L, 1);
  return 0;
}


/* u:closed() -> boolean */
static int udp_closed (lua_State *L) {
  lua_pushboolean(L, !check(L)->open);
  return 1;
}


/* u:sockname() -> host, port | "unix:path" */
static int udp_sockname (lua_State *L) {
  const Udp *u = check(L);
  return sk_net_name(L, u->open, u->watch.fd, sk_sock_name);
}


/* u:peername() -> host, port | nil, message, errno */
static int udp_peername (lua_State *L) {
  const Udp *u = check(L);
  return sk_net_name(L, u->open, u->watch.fd, sk_sock_peer);
}


/* u:fileno() -> descriptor | nil, "closed" */
static int udp_fileno (lua_State *L) {
  const Udp *u = check(L);
  if (!u->open) return sk_fail(L, -EPIPE);
  lua_pushinteger(L, u->watch.fd);
  return 1;
}


static int udp_tostring (lua_State *L) {
  const Udp *u = check(L);
  if (u->open)
    lua_pushfstring(L, "skein.Udp: %d", u->watch.fd);
  else
    lua_pushliteral(L, "skein.Udp (closed)");
  return 1;
}


static Udp *newudp (lua_State *L, Sched *S) {
  Udp *u = lua_newuserdatauv(L, sizeof *u, 1);
  *u = (Udp){.S = S, .watch = {.fd = -1, .idle = true, .fire = onevent}};
  luaL_setmetatable(L, CLASS);
  return u;
}


/* net.udp_at(address, flags) -> socket | nil, message, errno */
static int net_udpat (lua_State *L) {
  const SockAddr *a = sk_net_checkaddr(L, 1);
  unsigned flags = (unsigned)luaL_checkinteger(L, 2);
  Udp *u = newudp(L, sk_upvalue(L));
  int fd = sk_sock_open(a, SOCK_DGRAM);
  if (fd < 0) return sk_fail(L, fd);
  u->watch.fd = fd;
  u->open = true;
  int rc = sk_sock_bind(fd, a, flags);
  if (rc == 0) return 1;
  u->open = false;
  close(fd);
  return sk_fail(L, rc);
}


/* (u) - what crosses in its stead */
static int udp_transfer (lua_State *L) {
  const Udp *u = check(L);
  if (!u->open) return luaL_error(L, "the socket is closed");
  lua_pushliteral(L, "skein.core.receive_udp");
  sk_handover_begin(L, 1, u->watch.fd);
  return 2;
}


/* core.receive_udp(descriptor) -> socket */
static int core_receiveudp (lua_State *L) {
  Udp *u = newudp(L, sk_upvalue(L));
  u->watch.fd = sk_handover_take(L, 1);
  u->open = true;
  return 1;
}


static const luaL_Reg methods[] = {
    {"recv", udp_recv},
    {"close", udp_close},
    {"closed", udp_closed},
    {"sockname", udp_sockname},
    {"peername", udp_peername},
    {"fileno", udp_fileno},
    {NULL, NULL},
};

static const luaL_Reg meta[] = {
    {"__close", udp_close},
    {"__gc", udp_close},
    {"__tostring", udp_tostring},
    {"__transfer", udp_transfer},
    {NULL, NULL},
};

static const luaL_Reg net[] = {{"udp_at", net_udpat},
                               {"send", net_send},
                               {"associate", net_associate},
                               {NULL, NULL}};

static const luaL_Reg functions[] = {{"receive_udp", core_receiveudp},
                                     {NULL, NULL}};


void sk_open_udp (lua_State *L, Sched *S) {
  sk_newclass(L, S, CLASS, methods, meta);
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, functions, 1);
  lua_getfield(L, -1, "net");
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, net, 1);
  lua_pop(L, 1);
}
