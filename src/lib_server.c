/*
** lib_server.c - Sockets that listen: accept.
**
** Several tasks may wait for a connection. News of one wakes the first; who
** leaves with one, or without, wakes the next, since there may be more: the
** poller tells of a backlog that was empty, not of each that is in it.
*/
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handover.h"
#include "lib.h"
#include "lib_net.h"
#include "open.h"
#include "stream.h"

#define CLASS "skein.Server"

typedef struct Server {
  Watch watch;
  Sched *S;
  List acceptors;
  bool open;
  bool tcp;
  int owner;    /* the process that made its path; 0: nobody, or no path */
  dev_t device; /* of the path, to unlink no other's */
  ino_t inode;
} Server;


static Server *check (lua_State *L) {
  return luaL_checkudata(L, 1, CLASS);
}


static void wakenext (Server *sv) {
  Waiter *w = sk_sched_claim(sv->S, &sv->acceptors);
  if (w != NULL) sk_sched_wake(sv->S, w->task, 0);
}


static void onevent (Watch *w, unsigned events) {
  (void)events;
  wakenext(sk_container(w, Server, watch));
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
  do fd = accept4(sv->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  while (fd < 0 && isgone(errno));
  if (fd < 0) return -errno;
  if (sv->tcp) sk_sock_nodelay(fd);
  return sk_stream_adopt(st, fd);
}


static int acceptk (lua_State *L, int status, lua_KContext ctx);


/* The server is at 1, the stream at 2, when it has to be over at 3. */
static int await (lua_State *L, Server *sv, sk_time due) {
  Sched *S = sv->S;
  int rc = 0;
  if (!sk_poller_has(&S->poller, &sv->watch))
    rc = sk_sched_watch(S, &sv->watch, SK_READ);
  if (rc < 0) return sk_fail(L, rc);
  if (S->current->pending) /* a cancel that came after news */
    sk_sched_checkpoint(L, S);
  sk_sched_prepare(L, S, due);
  S->hopes++;
  return sk_sched_suspend(L, S, &sv->acceptors, NULL, "accept", (lua_KContext)S,
                          acceptk);
}


static int acceptone (lua_State *L, Server *sv, sk_time due) {
  if (!sv->open) return sk_fail(L, -EPIPE);
  int rc = take(sv, lua_touserdata(L, 2));
  if (rc == -EAGAIN && due != SK_NOW) return await(L, sv, due);
  wakenext(sv);
  if (rc < 0) return sk_fail(L, rc == -EAGAIN ? -ETIMEDOUT : rc);
  lua_settop(L, 2);
  return sk_sched_turn(L, sv->S, 1);
}


static int acceptk (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  Sched *S = (Sched *)ctx;
  Server *sv = lua_touserdata(L, 1);
  int rc = sk_stream_outcome(L, S);
  if (sk_stream_israised(rc)) return sk_sched_raise(L, S, rc);
  if (rc < 0) return sk_fail(L, rc);
  return acceptone(L, sv, (sk_time)lua_tointeger(L, 3));
}


/* sv:accept([timeout]) -> stream | nil, "timeout"|"closed" | nil, message, n */
static int server_accept (lua_State *L) {
  Server *sv = check(L);
  sk_time due = sk_checkdeadline(L, 2);
  lua_settop(L, 1);
  sk_sched_checkpoint(L, sv->S);
  sk_stream_new(L, sv->S);
  lua_pushinteger(L, due);
  return acceptone(L, sv, due);
}


/* ---- the rest ---- */

/* The path of a local socket goes with the one who made it. */
static void clear (const Server *sv) {
  SockAddr a;
  struct stat s;
  if (sv->owner != getpid() || sk_sock_name(sv->watch.fd, &a) < 0) return;
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


/* sv:close() - again: does nothing. Who waits is told "closed". */
static int server_close (lua_State *L) {
  Server *sv = check(L);
  if (!sv->open) return 0;
  sv->open = false;
  sk_sched_unwatch(sv->S, &sv->watch);
  clear(sv);
  close(sv->watch.fd);
  sv->watch.fd = -1;
  sk_sched_wakeall(sv->S, &sv->acceptors, -EPIPE);
  sk_handover_end(L, 1);
  tell(L);
  return 0;
}


/* sv:closed() -> boolean */
static int server_closed (lua_State *L) {
  lua_pushboolean(L, !check(L)->open);
  return 1;
}


/* sv:sockname() -> host, port | "unix:path" */
static int server_sockname (lua_State *L) {
  const Server *sv = check(L);
  return sk_net_name(L, sv->open, sv->watch.fd, sk_sock_name);
}


/* sv:fileno() -> descriptor | nil, "closed" */
static int server_fileno (lua_State *L) {
  const Server *sv = check(L);
  if (!sv->open) return sk_fail(L, -EPIPE);
  lua_pushinteger(L, sv->watch.fd);
  return 1;
}


static int server_tostring (lua_State *L) {
  const Server *sv = check(L);
  if (!sv->open)
    lua_pushliteral(L, "skein.Server (closed)");
  else {
    int n = sk_net_name(L, true, sv->watch.fd, sk_sock_name);
    if (n == 2)
      lua_pushfstring(L, "skein.Server: %s:%s", lua_tostring(L, -2),
                      lua_tostring(L, -1));
    else
      lua_pushfstring(L, "skein.Server: %s", lua_tostring(L, -1));
  }
  return 1;
}


static Server *newserver (lua_State *L, Sched *S) {
  Server *sv = lua_newuserdatauv(L, sizeof *sv, 2);
  *sv = (Server){.S = S, .watch = {.fd = -1, .idle = true, .fire = onevent}};
  luaL_setmetatable(L, CLASS);
  return sv;
}


/* It lives: 'fd' listens at 'a'. */
static void adopt (Server *sv, int fd, const SockAddr *a) {
  struct stat s;
  const char *path = a->at.un.sun_path;
  sv->watch.fd = fd;
  sv->open = true;
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


/* (sv) - what crosses in its stead; the path stays with who made it */
static int server_transfer (lua_State *L) {
  const Server *sv = check(L);
  if (!sv->open) return luaL_error(L, "the server is closed");
  lua_pushliteral(L, "skein.core.receive_server");
  sk_handover_begin(L, 1, sv->watch.fd);
  return 2;
}


/* core.receive_server(descriptor) -> server */
static int core_receiveserver (lua_State *L) {
  Server *sv = newserver(L, sk_upvalue(L));
  SockAddr a;
  int fd = sk_handover_take(L, 1);
  sv->watch.fd = fd;
  sv->open = true;
  sv->tcp = sk_sock_name(fd, &a) == 0 && a.at.any.sa_family != AF_UNIX;
  return 1;
}


static const luaL_Reg methods[] = {
    {"accept", server_accept},     {"close", server_close},
    {"closed", server_closed},     {"fileno", server_fileno},
    {"sockname", server_sockname}, {NULL, NULL},
};

static const luaL_Reg meta[] = {
    {"__close", server_close},
    {"__gc", server_close},
    {"__tostring", server_tostring},
    {"__transfer", server_transfer},
    {NULL, NULL},
};

static const luaL_Reg net[] = {{"watch_server", net_watchserver},
                               {"listen_at", net_listenat},
                               {NULL, NULL}};

static const luaL_Reg functions[] = {{"receive_server", core_receiveserver},
                                     {NULL, NULL}};


void sk_open_server (lua_State *L, Sched *S) {
  sk_newclass(L, S, CLASS, methods, meta);
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, functions, 1);
  lua_getfield(L, -1, "net");
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, net, 1);
  lua_pop(L, 1);
}
