/*
** lib_net.c - Sockets: skein.net. The streams that they are: lib_stream.c.
*/
#include <sys/socket.h>
#include <unistd.h>

#include "lib.h"
#include "open.h"
#include "stream.h"


/* net.pair() -> stream, stream: connected to each other */
static int net_pair (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Stream *a = sk_stream_new(L, S), *b = sk_stream_new(L, S);
  int fd[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd))
    return sk_fail(L, -errno);
  int rc = sk_stream_adopt(a, fd[0]);
  int also = sk_stream_adopt(b, fd[1]);
  if (rc < 0 || also < 0) return sk_fail(L, rc < 0 ? rc : also);
  return 2;
}


static const luaL_Reg functions[] = {{"pair", net_pair}, {NULL, NULL}};


void sk_open_net (lua_State *L, Sched *S) {
  lua_newtable(L);
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, functions, 1);
  lua_setfield(L, -2, "net");
}
