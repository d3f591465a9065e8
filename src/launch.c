/*
** launch.c - What all that is started has in common. See launch.h.
*/
#include <string.h>

#include "launch.h"
#include "lib.h"


int sk_launch_check (lua_State *L, const char *const options[]) {
  int fn = 1;
  if (lua_istable(L, 1)) {
    sk_checkoptions(L, 1, options);
    fn = 2;
  }
  if (lua_type(L, fn) != LUA_TFUNCTION && lua_type(L, fn) != LUA_TSTRING)
    luaL_typeerror(L, fn, "function or \"module.function\"");
  if (fn == 1) {
    lua_pushnil(L);
    lua_insert(L, 1);
  }
  else if (lua_getfield(L, 1, "name") != LUA_TNIL &&
           lua_type(L, -1) != LUA_TSTRING)
    luaL_argerror(L, 1,
                  lua_pushfstring(L, "name: string expected, got %s",
                                  sk_typename(L, -1)));
  else
    lua_pop(L, 1);
  return lua_gettop(L) - 2;
}


bool sk_launch_flag (lua_State *L, const char *key, bool absent) {
  return lua_istable(L, 1) ? sk_optflag(L, 1, key, absent) : absent;
}


bool sk_launch_atonce (lua_State *L) {
  return sk_launch_flag(L, "start", true);
}


static void addnames (luaL_Buffer *b, const char *const names[]) {
  for (int i = 0; names[i] != NULL; i++) {
    if (i > 0) luaL_addstring(b, ", ");
    luaL_addchar(b, '"');
    luaL_addstring(b, names[i]);
    luaL_addchar(b, '"');
  }
}


int sk_launch_choice (lua_State *L, const char *key,
                      const char *const names[]) {
  if (!lua_istable(L, 1)) return 0;
  if (lua_getfield(L, 1, key) == LUA_TNIL) {
    lua_pop(L, 1);
    return 0;
  }
  const char *got = luaL_tolstring(L, -1, NULL);
  for (int i = 0; names[i] != NULL; i++) {
    if (strcmp(got, names[i]) != 0) continue;
    lua_pop(L, 2);
    return i;
  }
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  addnames(&b, names);
  luaL_pushresult(&b);
  return luaL_argerror(L, 1,
                       lua_pushfstring(L, "unknown %s '%s' (there are: %s)",
                                       key, got, lua_tostring(L, -1)));
}


void *sk_launch_handle (lua_State *L, Sched *S, const HandleClass *c,
                        size_t size) {
  int name = 0;
  if (lua_istable(L, 1)) {
    lua_getfield(L, 1, "name");
    name = lua_gettop(L);
  }
  void *h = sk_outcome_new(L, S, c, size, name);
  lua_replace(L, 1);
  if (name != 0) lua_pop(L, 1);
  return h;
}


void sk_launch_keep (lua_State *L, int handle, int n) {
  lua_createtable(L, n, 1);
  lua_insert(L, -n - 1);
  for (int i = n; i >= 1; i--) lua_rawseti(L, -i - 1, i);
  lua_pushinteger(L, n);
  lua_setfield(L, -2, "n");
  sk_outcome_pushbox(L, handle);
  lua_insert(L, -2);
  lua_setfield(L, -2, "kept");
  lua_pop(L, 1);
}


int sk_launch_kept (lua_State *L, int handle) {
  sk_outcome_pushbox(L, handle);
  lua_getfield(L, -1, "kept");
  lua_pushnil(L);
  lua_setfield(L, -3, "kept");
  lua_remove(L, -2);
  int kept = lua_gettop(L);
  lua_getfield(L, kept, "n");
  int n = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  luaL_checkstack(L, n + 1, "too many arguments");
  for (int i = 1; i <= n; i++) lua_rawgeti(L, kept, i);
  lua_remove(L, kept);
  return n - 1;
}
