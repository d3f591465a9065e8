/*
** calls.c - Calls from Lua into C and back. See floor.h.
*/
#include "floor.h"

int floor_counted (lua_State *L);

/* floor.counted(fn, ...) - calls fn(...); callgrind is told to watch it */
int floor_counted (lua_State *L) {
  lua_call(L, lua_gettop(L) - 1, 0);
  return 0;
}


/* object:method(...) -> true */
static int method (lua_State *L) {
  lua_pushboolean(L, 1);
  return 1;
}


/* floor.object() - with methods 'put' and 'get' that do nothing */
static int object (lua_State *L) {
  static const luaL_Reg methods[] = {
      {"put", method}, {"get", method}, {NULL, NULL}};
  lua_newuserdatauv(L, 1, 0);
  lua_createtable(L, 0, 1);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  return 1;
}


const luaL_Reg floor_calls[] = {
    {"counted", floor_counted}, {"object", object}, {NULL, NULL}};
