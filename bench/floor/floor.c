/*
** floor.c - The Lua module. See floor.h.
*/
#include <time.h>

#include "floor.h"


/* floor.now() - seconds of the monotonic clock */
static int floor_now (lua_State *L) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  lua_pushnumber(L, (double)now.tv_sec + (double)now.tv_nsec / 1e9);
  return 1;
}


static const luaL_Reg functions[] = {{"now", floor_now}, {NULL, NULL}};

int luaopen_floor (lua_State *L);

int luaopen_floor (lua_State *L) {
  luaL_newlib(L, functions);
  luaL_setfuncs(L, floor_memory, 0);
  luaL_setfuncs(L, floor_process, 0);
  luaL_setfuncs(L, floor_calls, 0);
  luaL_setfuncs(L, floor_net, 0);
  luaL_setfuncs(L, floor_least, 0);
  return 1;
}
