/*
** lib_endpoint.c - What servers and sockets for datagrams are asked alike. See
** lib_endpoint.h.
*/
#include <poll.h>

#include "handover.h"
#include "lib.h"
#include "lib_endpoint.h"
#include "lib_net.h"
#include "open.h"

static const char CLASS = 'e'; /* an EndpointClass, in a metatable */


static Endpoint *check (lua_State *L) {
  bool known = lua_getmetatable(L, 1);
  if (known) known = lua_rawgetp(L, -1, &CLASS) != LUA_TNIL;
  if (!known) luaL_typeerror(L, 1, "server or udp socket");
  lua_pop(L, 2);
  return lua_touserdata(L, 1);
}


/* e:close() - again: does nothing. Who waits is told "closed". */
static int endpoint_close (lua_State *L) {
  Endpoint *e = check(L);
  if (!e->open) return 0;
  lua_settop(L, 1);
  sk_endpoint_close(e);
  sk_handover_end(L, 1);
  if (e->class->closed != NULL) e->class->closed(L);
  return 0;
}


/* e:closed() -> boolean */
static int endpoint_closed (lua_State *L) {
  lua_pushboolean(L, !check(L)->open);
  return 1;
}


/* e:sockname() -> host, port | "unix:path" | nil, "closed" */
static int endpoint_sockname (lua_State *L) {
  const Endpoint *e = check(L);
  return sk_net_name(L, e->open, e->watch.fd, sk_sock_name);
}


/* e:fileno() -> descriptor | nil, "closed" */
static int endpoint_fileno (lua_State *L) {
  const Endpoint *e = check(L);
  if (!e->open) return sk_fail(L, -EPIPE);
  lua_pushinteger(L, e->watch.fd);
  return 1;
}


/* Push "host:port" or "unix:path" of an open one. */
static void pushtext (lua_State *L, const Endpoint *e) {
  SockAddr a;
  int n = 0;
  if (sk_sock_name(e->watch.fd, &a) == 0) n = sk_net_pushname(L, &a);
  if (n == 0) lua_pushfstring(L, "descriptor %d", e->watch.fd);
  if (n < 2) return;
  lua_pushfstring(L, "%s:%s", lua_tostring(L, -2), lua_tostring(L, -1));
  lua_replace(L, -3);
  lua_pop(L, 1);
}


static int endpoint_tostring (lua_State *L) {
  const Endpoint *e = check(L);
  if (e->open) {
    pushtext(L, e);
    lua_pushfstring(L, "%s: %s", e->class->name, lua_tostring(L, -1));
  }
  else
    lua_pushfstring(L, "%s (closed)", e->class->name);
  return 1;
}


/* (e) - what crosses in its stead */
static int endpoint_transfer (lua_State *L) {
  const Endpoint *e = check(L);
  if (!e->open) return luaL_error(L, "the %s is closed", e->class->called);
  lua_pushstring(L, e->class->receive);
  sk_handover_begin(L, 1, e->watch.fd);
  return 2;
}


/* ---- for the dump ---- */

static bool hasnews (const Endpoint *e) {
  struct pollfd p = {.fd = e->watch.fd, .events = POLLIN};
  return poll(&p, 1, 0) > 0;
}


static lua_Integer length (const List *line) {
  lua_Integer n = 0;
  for (const List *l = line->next; l != NULL && l != line; l = l->next) n++;
  return n;
}


/* Push {called, at, takers, news} of an open one. */
static void pushfacts (lua_State *L, const Endpoint *e) {
  lua_createtable(L, 0, 4);
  lua_pushstring(L, e->class->called);
  lua_setfield(L, -2, "called");
  pushtext(L, e);
  lua_setfield(L, -2, "at");
  lua_pushinteger(L, length(&e->lines[SK_TAKE]) + length(&e->watchers));
  lua_setfield(L, -2, "takers");
  lua_pushboolean(L, hasnews(e));
  lua_setfield(L, -2, "news");
}


/* core.endpoints() -> list of the open servers and udp sockets */
static int core_endpoints (lua_State *L) {
  Sched *S = sk_upvalue(L);
  List *end = &S->endpoints;
  lua_Integer n = 0;
  lua_newtable(L);
  for (List *l = end->next; l != NULL && l != end; l = l->next) {
    pushfacts(L, sk_container(l, Endpoint, peer));
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}


/* ---- classes ---- */

static const luaL_Reg common[] = {
    {"close", endpoint_close},
    {"closed", endpoint_closed},
    {"fileno", endpoint_fileno},
    {"sockname", endpoint_sockname},
    {NULL, NULL},
};

static const luaL_Reg meta[] = {
    {"__close", endpoint_close},
    {"__gc", endpoint_close},
    {"__tostring", endpoint_tostring},
    {"__transfer", endpoint_transfer},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {{"endpoints", core_endpoints},
                                     {NULL, NULL}};


void sk_endpoint_newclass (lua_State *L, Sched *S, const EndpointClass *c,
                           const luaL_Reg *methods, const SelectOp *ops) {
  sk_newclass(L, S, c->name, common, meta);
  luaL_getmetatable(L, c->name);
  sk_select_class(L, ops);
  lua_pushlightuserdata(L, (void *)(uintptr_t)c);
  lua_rawsetp(L, -2, &CLASS);
  lua_getfield(L, -1, "__index");
  sk_addfunctions(L, S, methods);
  lua_pop(L, 2);
}


void *sk_endpoint_new (lua_State *L, Sched *S, const EndpointClass *c,
                       size_t size, int values) {
  Endpoint *e = lua_newuserdatauv(L, size, values);
  sk_endpoint_init(e, S, c);
  luaL_setmetatable(L, c->name);
  return e;
}


void sk_open_endpoint (lua_State *L, Sched *S) {
  sk_addfunctions(L, S, functions);
}
