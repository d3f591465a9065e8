/*
** lib_server.c - Sockets that listen: accept.
*/
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handover.h"
#include "lib.h"
#include "lib_endpoint.h"
#include "lib_net.h"
#include "open.h"
#include "stream.h"

#define CLASS "skein.Server"

typedef struct Server {
  Endpoint e; /* must be first */
  bool tcp;
  int owner;    /* the process that made its path; 0: nobody, or no path */
  dev_t device; /* of the path, to unlink no other's */
  ino_t inode;
} Server;


static Server *check (lua_State *L) {
  return luaL_checkudata(L, 1, CLASS);
}


/* ---- accept ---- */

/* Has this peer gone away already? Then the next may be there. */
static bool isgone (int err) {
  return err == ECONNABORTED || err == EINTR || err == EPROTO ||
         err == ENETDOWN || err == EHOSTDOWN || err == EHOSTUNREACH ||
         err == ENETUNREACH || err == ENONET || err == ENOPROTOOPT;
}


/* Accept one into 'st'. 0 or -errno. */
static int take (const Server *sv, Stream *st) {
  int fd;
  do fd = accept4(sv->e.watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  while (fd < 0 && isgone(errno));
  if (fd < 0) return -errno;
  if (sv->tcp) sk_sock_nodelay(fd);
  return sk_stream_adopt(st, fd);
}


/* The stream is made before anybody waits: who was woken and has no memory would
   leave the others in line. */
static int attempt (lua_State *L, Endpoint *e, int at) {
  int own = at + SK_OWN;
  if (!lua_isuserdata(L, own)) {
    sk_stream_new(L, e->S);
    lua_replace(L, own);
  }
  int rc = take((const Server *)e, lua_touserdata(L, own));
  if (rc < 0) return rc;
  lua_pushvalue(L, own);
  return 1;
}


static const Way accepting = {attempt, SK_TAKE, "accept"};


/* sv:accept([timeout]) -> stream | nil, "timeout"|"closed" | nil, message, n */
static int server_accept (lua_State *L) {
  Server *sv = check(L);
  sk_time due = sk_checkdeadline(L, 2);
  lua_settop(L, 1);
  return sk_endpoint_go(L, &sv->e, &accepting, due);
}


static const SelectOp selects[] = {SK_ENDPOINT_OPS("accept")};


/* ---- the rest ---- */

/* The path of a local socket goes with the one who made it. */
static void clear (Endpoint *e) {
  const Server *sv = (const Server *)e;
  SockAddr a;
  struct stat s;
  if (sv->owner != getpid() || sk_sock_name(e->watch.fd, &a) < 0) return;
  const char *path = a.at.un.sun_path;
  if (lstat(path, &s) == 0 && s.st_dev == sv->device && s.st_ino == sv->inode)
    unlink(path);
}


/* Put something into the channels of those who want to know of the end. */
static void tell (lua_State *L) {
  if (lua_getiuservalue(L, 1, 2) != LUA_TTABLE) return;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pop(L, 1);
    lua_getfield(L, -1, "put");
    lua_pushvalue(L, -2);
    lua_pushboolean(L, 1);
    lua_pushinteger(L, 0);
    lua_call(L, 3, 0);
  }
}


/* core.net.watch_server(sv, channel, on) - tell it of the end, or do not */
static int net_watchserver (lua_State *L) {
  check(L);
  lua_settop(L, 3);
  if (lua_getiuservalue(L, 1, 2) != LUA_TTABLE) {
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, 1, 2);
  }
  lua_pushvalue(L, 2);
  if (lua_toboolean(L, 3))
    lua_pushboolean(L, 1);
  else
    lua_pushnil(L);
  lua_rawset(L, -3);
  return 0;
}


static const EndpointClass class = {
    .name = CLASS,
    .called = "server",
    .receive = "skein.core.receive_server",
    .taking = &accepting,
    .events = SK_READ,
    .closing = clear,
    .closed = tell,
};


static Server *newserver (lua_State *L, Sched *S) {
  Server *sv = sk_endpoint_new(L, S, &class, sizeof *sv, 2);
  sv->tcp = false;
  sv->owner = 0;
  return sv;
}


/* It lives: 'fd' listens at 'a'. */
static void adopt (Server *sv, int fd, const SockAddr *a) {
  struct stat s;
  const char *path = a->at.un.sun_path;
  sk_endpoint_open(&sv->e, fd);
  sv->tcp = a->at.any.sa_family != AF_UNIX;
  if (sv->tcp || *path == '\0' || lstat(path, &s) < 0) return;
  sv->owner = getpid();
  sv->device = s.st_dev;
  sv->inode = s.st_ino;
}


/* net.listen_at(address, flags, backlog) -> server | nil, message, errno */
static int net_listenat (lua_State *L) {
  const SockAddr *a = sk_net_checkaddr(L, 1);
  unsigned flags = (unsigned)luaL_checkinteger(L, 2);
  int backlog = (int)luaL_checkinteger(L, 3);
  Server *sv = newserver(L, sk_upvalue(L));
  int fd = sk_sock_open(a, SOCK_STREAM);
  if (fd < 0) return sk_fail(L, fd);
  int rc = sk_sock_bind(fd, a, flags);
  if (rc == 0 && listen(fd, backlog) < 0) rc = -errno;
  if (rc < 0) {
    close(fd);
    return sk_fail(L, rc);
  }
  adopt(sv, fd, a);
  return 1;
}


/* core.receive_server(descriptor) -> server */
static int core_receiveserver (lua_State *L) {
  Server *sv = newserver(L, sk_upvalue(L));
  SockAddr a;
  int fd = sk_handover_take(L, 1);
  sk_endpoint_open(&sv->e, fd);
  sv->tcp = sk_sock_name(fd, &a) == 0 && a.at.any.sa_family != AF_UNIX;
  return 1;
}


static const luaL_Reg methods[] = {{"accept", server_accept}, {NULL, NULL}};

static const luaL_Reg net[] = {{"watch_server", net_watchserver},
                               {"listen_at", net_listenat},
                               {NULL, NULL}};

static const luaL_Reg functions[] = {{"receive_server", core_receiveserver},
                                     {NULL, NULL}};


void sk_open_server (lua_State *L, Sched *S) {
  sk_endpoint_newclass(L, S, &class, methods, selects);
  sk_addfunctions(L, S, functions);
  sk_addbelow(L, S, "net", net);
}
