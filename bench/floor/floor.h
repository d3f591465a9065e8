/*
** floor.h - What the system itself takes, in the smallest C that does the work.
**
** Each file is a list of functions f(n, ...) that do something n times; all of
** them are one Lua module.
*/
#ifndef floor_h
#define floor_h

#include <lauxlib.h>
#include <lua.h>

extern const luaL_Reg floor_memory[];
extern const luaL_Reg floor_process[];
extern const luaL_Reg floor_calls[];
extern const luaL_Reg floor_net[];
extern const luaL_Reg floor_least[];

/* Forks; the child calls fn(ctx) and is gone. Returns its pid. */
int floor_child (lua_State *L, void (*fn)(void *), void *ctx);

/* Waits for it, and raises an error if it failed. */
void floor_wait (lua_State *L, int pid);

#endif
