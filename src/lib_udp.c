/*
** lib_udp.c - Sockets for datagrams: net.udp.
*/
#include <string.h>
#include <unistd.h>

#include "handover.h"
#include "lib.h"
#include "lib_endpoint.h"
#include "lib_net.h"
#include "open.h"

#define CLASS "skein.Udp"
#define LARGEST 65536 /* bytes of a datagram */


static Endpoint *check (lua_State *L) {
  return luaL_checkudata(L, 1, CLASS);
}


/* ---- recv ---- */

static int receive (lua_State *L, Endpoint *u, int at) {
  (void)at;
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


static const Way receiving = {receive, SK_TAKE, "udp recv"};


/* u:recv([timeout]) -> data, host, port | nil, "timeout" | nil, "closed" */
static int udp_recv (lua_State *L) {
  Endpoint *u = check(L);
  sk_time due = sk_checkdeadline(L, 2);
  lua_settop(L, 1);
  return sk_endpoint_go(L, u, &receiving, due);
}


static const SelectOp selects[] = {SK_ENDPOINT_OPS("recv")};


/* ---- send ---- */

/* The datagram is behind the socket, and then the address or nil. */
static int dispatch (lua_State *L, Endpoint *u, int at) {
  size_t size;
  const char *bytes = lua_tolstring(L, at + 1, &size);
  const SockAddr *a = lua_isnil(L, at + 2) ? NULL : sk_net_checkaddr(L, at + 2);
  ssize_t n;
  do
    n = sendto(u->watch.fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL,
               a != NULL ? &a->at.any : NULL, a != NULL ? a->size : 0);
  while (n < 0 && errno == EINTR);
  if (n < 0) return -errno;
  lua_pushboolean(L, 1);
  return 1;
}


static const Way sending = {dispatch, SK_GIVE, "udp send"};


/* net.send(udp, data, address | nil, [timeout]) -> true | nil, message, errno */
static int net_send (lua_State *L) {
  Endpoint *u = check(L);
  luaL_checkstring(L, 2);
  return sk_endpoint_go(L, u, &sending, sk_checkdeadline(L, 4));
}


/* ---- the rest ---- */

/* net.associate(udp, address) -> true | nil, message, errno */
static int net_associate (lua_State *L) {
  const Endpoint *u = check(L);
  const SockAddr *a = sk_net_checkaddr(L, 2);
  int rc = u->open ? sk_sock_connect(u->watch.fd, a) : -EPIPE;
  if (rc < 0) return sk_fail(L, rc);
  lua_pushboolean(L, 1);
  return 1;
}


/* u:peername() -> host, port | nil, message, errno */
static int udp_peername (lua_State *L) {
  const Endpoint *u = check(L);
  return sk_net_name(L, u->open, u->watch.fd, sk_sock_peer);
}


static const EndpointClass class = {
    .name = CLASS,
    .called = "udp socket",
    .receive = "skein.core.receive_udp",
    .taking = &receiving,
    .events = SK_READ | SK_WRITE,
};


/* net.udp_at(address, flags) -> socket | nil, message, errno */
static int net_udpat (lua_State *L) {
  const SockAddr *a = sk_net_checkaddr(L, 1);
  unsigned flags = (unsigned)luaL_checkinteger(L, 2);
  Endpoint *u = sk_endpoint_new(L, sk_upvalue(L), &class, sizeof *u, 1);
  int fd = sk_sock_open(a, SOCK_DGRAM);
  int rc = fd < 0 ? fd : sk_sock_bind(fd, a, flags);
  if (rc == 0) {
    sk_endpoint_open(u, fd);
    return 1;
  }
  if (fd >= 0) close(fd);
  return sk_fail(L, rc);
}


/* core.receive_udp(descriptor) -> socket */
static int core_receiveudp (lua_State *L) {
  Endpoint *u = sk_endpoint_new(L, sk_upvalue(L), &class, sizeof *u, 1);
  sk_endpoint_open(u, sk_handover_take(L, 1));
  return 1;
}


static const luaL_Reg methods[] = {
    {"recv", udp_recv}, {"peername", udp_peername}, {NULL, NULL}};

static const luaL_Reg net[] = {{"udp_at", net_udpat},
                               {"send", net_send},
                               {"associate", net_associate},
                               {NULL, NULL}};

static const luaL_Reg functions[] = {{"receive_udp", core_receiveudp},
                                     {NULL, NULL}};


void sk_open_udp (lua_State *L, Sched *S) {
  sk_endpoint_newclass(L, S, &class, methods, selects);
  sk_addfunctions(L, S, functions);
  sk_addbelow(L, S, "net", net);
}
