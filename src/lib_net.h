/*
** lib_net.h - Addresses of sockets as Lua values.
*/
#ifndef sk_lib_net_h
#define sk_lib_net_h

#include <lauxlib.h>
#include <lua.h>

#include "sock.h"

SK_FUNC void sk_net_pushaddr (lua_State *L, const SockAddr *a);
SK_FUNC const SockAddr *sk_net_checkaddr (lua_State *L, int arg);
/* Push host and port, or "unix:path" alone; how many. */
SK_FUNC int sk_net_pushname (lua_State *L, const SockAddr *a);
/* The same for what 'name' says of 'fd', if it is 'open'; or nil and why. */
SK_FUNC int sk_net_name (lua_State *L, bool open, int fd,
                         int (*name)(int fd, SockAddr *a));

#endif
