/*
** lib_net.c - Sockets: what skein.net (net.lua) stands on.
**
** An address is a string here, whose bytes are those of a SockAddr.
*/
#include <string.h>
#include <unistd.h>

#include "errand.h"
#include "lib.h"
#include "lib_net.h"
#include "open.h"
#include "sock.h"
#include "stream.h"


/* ---- addresses ---- */

void sk_net_pushaddr (lua_State *L, const SockAddr *a) {
  lua_pushlstring(L, (const char *)a, sizeof *a);
}


const SockAddr *sk_net_checkaddr (lua_State *L, int arg) {
  size_t n;
  const char *s = luaL_checklstring(L, arg, &n);
  luaL_argcheck(L, n == sizeof(SockAddr), arg, "address expected");
  return (const SockAddr *)(const void *)s;
}


int sk_net_pushname (lua_State *L, const SockAddr *a) {
  char host[SK_HOST];
  int port = sk_sock_text(a, host);
  lua_pushstring(L, host);
  if (port < 0) return 1;
  lua_pushinteger(L, port);
  return 2;
}


/* net.local_address(path) -> address | nil, message, errno */
static int net_local (lua_State *L) {
  size_t n;
  const char *path = luaL_checklstring(L, 1, &n);
  SockAddr a;
  int err = sk_sock_unix(path, n, &a);
  if (err < 0) return sk_fail(L, err);
  sk_net_pushaddr(L, &a);
  return 1;
}


/* ---- names ---- */

typedef struct Lookup {
  Awaited a; /* must be first */
  int port;
  int err, code; /* of getaddrinfo; its errno */
  SockAddr *list;
  size_t count;
  bool everybody; /* to listen for: there is no host */
  char host[];
} Lookup;


static void run (Errand *e) {
  Lookup *l = sk_container(e, Lookup, a.errand);
  l->list = sk_sock_resolve(l->everybody ? NULL : l->host, l->port, &l->count,
                            &l->err);
  l->code = errno;
}


static void giveback (Awaited *a) {
  Lookup *l = sk_container(a, Lookup, a);
  free(l->list);
  free(l);
}


static int pushlist (lua_State *L) {
  const Lookup *l = lua_touserdata(L, 1);
  lua_createtable(L, (int)l->count, 0);
  for (size_t i = 0; i < l->count; i++) {
    sk_net_pushaddr(L, &l->list[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}


/* nil, "host: message", and what getaddrinfo says, or errno */
static int unknown (lua_State *L, int err, int code) {
  if (err == EAI_SYSTEM) return sk_fail(L, -code);
  luaL_pushfail(L);
  lua_pushfstring(L, "%s: %s", luaL_optstring(L, 1, "*"), gai_strerror(err));
  lua_pushinteger(L, err);
  return 3;
}


static int resolvek (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  Lookup *l = (Lookup *)ctx;
  int rc = sk_errand_outcome(L, &l->a);
  if (rc < 0) return sk_fail(L, rc);
  int err = l->err, code = l->code;
  if (err == 0) {
    lua_pushcfunction(L, pushlist);
    lua_pushlightuserdata(L, l);
    rc = lua_pcall(L, 1, 1, 0);
  }
  giveback(&l->a);
  if (err != 0) return unknown(L, err, code);
  return rc != LUA_OK ? lua_error(L) : 1;
}


/* It is a name, or nil: ask, off this thread. */
static int ask (lua_State *L, Sched *S, size_t n, int port, sk_time due) {
  sk_sched_prepare(L, S, due);
  Lookup *l = calloc(1, sizeof *l + n + 1);
  int rc = -ENOMEM;
  if (l != NULL) {
    l->port = port;
    l->everybody = lua_isnil(L, 1);
    if (!l->everybody) memcpy(l->host, lua_tostring(L, 1), n);
    l->a.errand.run = run;
    l->a.errand.deep = true;
    l->a.free = giveback;
    rc = sk_errand_await(L, S, &l->a, "name lookup", resolvek);
    if (rc >= 0) return rc;
    giveback(&l->a);
  }
  else
    sk_sched_unprepare(S);
  return sk_fail(L, rc);
}


/* net.resolve(host | nil, port, [timeout]) -> addresses | nil, why, code */
static int net_resolve (lua_State *L) {
  Sched *S = sk_upvalue(L);
  size_t n = 0;
  const char *host = luaL_optlstring(L, 1, NULL, &n);
  int port = (int)luaL_checkinteger(L, 2);
  sk_time due = sk_checkdeadline(L, 3);
  SockAddr a;
  lua_settop(L, 1);
  sk_sched_checkpoint(L, S);
  int rc = host != NULL ? sk_sock_literal(host, port, &a) : -ENOENT;
  if (rc == -ENOENT && due == SK_NOW) rc = -ETIMEDOUT;
  if (rc == -ENOENT) return ask(L, S, n, port, due);
  if (rc < 0) return sk_fail(L, rc);
  lua_createtable(L, 1, 0);
  sk_net_pushaddr(L, &a);
  lua_rawseti(L, -2, 1);
  return 1;
}


/* ---- connecting ---- */

static int connected (lua_State *L, Stream *st, int rc) {
  if (rc < 0) {
    sk_stream_close(st);
    return sk_stream_fail(L, rc);
  }
  lua_settop(L, 1);
  return 1;
}


static int dialk (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  Sched *S = (Sched *)ctx;
  Stream *st = lua_touserdata(L, 1);
  int rc = sk_stream_outcome(L, S);
  if (rc == 0) rc = sk_sock_error(st->watch.fd);
  if (sk_stream_israised(rc)) {
    sk_stream_close(st);
    return sk_sched_raise(L, S, rc);
  }
  return connected(L, st, rc);
}


/* net.dial(address, timeout, nodelay) -> stream | nil, message, errno */
static int net_dial (lua_State *L) {
  Sched *S = sk_upvalue(L);
  const SockAddr *a = sk_net_checkaddr(L, 1);
  sk_time due = sk_checkdeadline(L, 2);
  bool nodelay = lua_toboolean(L, 3);
  lua_settop(L, 1);
  sk_sched_checkpoint(L, S);
  Stream *st = sk_stream_new(L, S);
  lua_insert(L, 1);
  int fd = sk_sock_open(a, SOCK_STREAM);
  int rc = fd < 0 ? fd : sk_stream_adopt(st, fd);
  if (rc < 0) return connected(L, st, rc);
  if (nodelay && a->at.any.sa_family != AF_UNIX) sk_sock_nodelay(fd);
  rc = sk_sock_connect(fd, a);
  if (rc == -EINPROGRESS && due == SK_NOW) rc = -ETIMEDOUT;
  if (rc != -EINPROGRESS) return connected(L, st, rc);
  rc = sk_stream_awaitroom(L, st, due, "connect", dialk);
  return rc < 0 ? connected(L, st, rc) : rc;
}


/* net.pair() -> stream, stream: connected to each other */
static int net_pair (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Stream *a = sk_stream_new(L, S), *b = sk_stream_new(L, S);
  int fd[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd))
    return sk_fail(L, -errno);
  int rc = sk_stream_adopt(a, fd[0]);
  int also = sk_stream_adopt(b, fd[1]);
  if (rc >= 0) rc = also;
  if (rc >= 0) return 2;
  sk_stream_close(a);
  sk_stream_close(b);
  return sk_fail(L, rc);
}


/* ---- names of streams ---- */

int sk_net_name (lua_State *L, bool open, int fd,
                 int (*name)(int fd, SockAddr *a)) {
  SockAddr a;
  int rc = open ? name(fd, &a) : -EPIPE;
  return rc < 0 ? sk_fail(L, rc) : sk_net_pushname(L, &a);
}


/* st:peername() -> host, port | nil, message, errno */
static int stream_peername (lua_State *L) {
  const Stream *st = luaL_checkudata(L, 1, SK_STREAM);
  return sk_net_name(L, st->open, st->watch.fd, sk_sock_peer);
}


/* st:sockname() -> host, port | nil, message, errno */
static int stream_sockname (lua_State *L) {
  const Stream *st = luaL_checkudata(L, 1, SK_STREAM);
  return sk_net_name(L, st->open, st->watch.fd, sk_sock_name);
}


static const luaL_Reg methods[] = {
    {"peername", stream_peername}, {"sockname", stream_sockname}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"local_address", net_local},
                                     {"resolve", net_resolve},
                                     {"dial", net_dial},
                                     {"pair", net_pair},
                                     {NULL, NULL}};


void sk_open_net (lua_State *L, Sched *S) {
  luaL_getmetatable(L, SK_STREAM);
  lua_getfield(L, -1, "__index");
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, methods, 1);
  lua_pop(L, 2);
  lua_newtable(L);
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, functions, 1);
  lua_setfield(L, -2, "net");
}
