/*
** launch.c - What all that is started has in common. See launch.h.
*/
#include <string.h>

#include "launch.h"
#include "lib.h"


int sk_launch_check (lua_State *L, int arg, const char *const options[],
                     bool byname) {
  bool given = lua_istable(L, arg);
  int fn = given ? arg + 1 : arg;
  if (given) sk_checkoptions(L, arg, options);
  if (!lua_isfunction(L, fn) && !(byname && lua_type(L, fn) == LUA_TSTRING))
    luaL_typeerror(L, fn,
                   byname ? "function or \"module.function\"" : "function");
  if (!given) {
    lua_pushnil(L);
    lua_insert(L, arg);
  }
  else if (lua_getfield(L, arg, "name") != LUA_TNIL &&
           lua_type(L, -1) != LUA_TSTRING)
    luaL_argerror(L, arg,
                  lua_pushfstring(L, "name: string expected, got %s",
                                  sk_typename(L, -1)));
  else
    lua_pop(L, 1);
  return lua_gettop(L) - arg - 1;
}


bool sk_launch_flag (lua_State *L, int arg, const char *key) {
  return lua_istable(L, arg) && sk_optflag(L, arg, key, false);
}


bool sk_launch_atonce (lua_State *L, int arg) {
  return !lua_istable(L, arg) || sk_optflag(L, arg, "start", true);
}


static void addnames (luaL_Buffer *b, const char *const names[]) {
  for (int i = 0; names[i] != NULL; i++) {
    if (i > 0) luaL_addstring(b, ", ");
    luaL_addchar(b, '"');
    luaL_addstring(b, names[i]);
    luaL_addchar(b, '"');
  }
}


int sk_launch_choice (lua_State *L, int arg, const char *key,
                      const char *const names[]) {
  if (!lua_istable(L, arg)) return 0;
  if (lua_getfield(L, arg, key) == LUA_TNIL) {
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
  return luaL_argerror(L, arg,
                       lua_pushfstring(L, "unknown %s '%s' (there are: %s)",
                                       key, got, lua_tostring(L, -1)));
}


void *sk_launch_handle (lua_State *L, Sched *S, int arg, const HandleClass *c,
                        size_t size) {
  int name = 0;
  if (lua_istable(L, arg)) {
    lua_getfield(L, arg, "name");
    name = lua_gettop(L);
  }
  void *h = sk_outcome_new(L, S, c, size, name);
  lua_replace(L, arg);
  if (name != 0) lua_pop(L, 1);
  return h;
}


/* ---- a later start ---- */

/* Keep the top 'n' values, fn and arguments; pops them. */
static void keep (lua_State *L, int handle, int n) {
  lua_createtable(L, n, 1);
  lua_insert(L, -n - 1);
  for (int i = n; i >= 1; i--) lua_rawseti(L, -i - 1, i);
  lua_pushinteger(L, n);
  lua_setfield(L, -2, "n");
  sk_outcome_setfield(L, handle, "kept");
}


int sk_launch_kept (lua_State *L, int handle) {
  const Outcome *o = lua_touserdata(L, handle);
  if (o->status != SK_NEW) {
    sk_outcome_pushname(L, handle);
    luaL_error(L, "%s was %s already", lua_tostring(L, -1),
               o->status == SK_CANCELLED ? "cancelled" : "started");
  }
  sk_outcome_pushbox(L, handle);
  lua_getfield(L, -1, "kept");
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


void sk_launch_forget (lua_State *L, int handle) {
  lua_pushnil(L);
  sk_outcome_setfield(L, handle, "kept");
}


int sk_launch_begin (lua_State *L, Sched *S, int handle, int nargs,
                     bool atonce) {
  if (atonce)
    sk_outcome_class(L, handle)->start(L, S, handle, nargs);
  else
    keep(L, handle, nargs + 1);
  lua_settop(L, handle);
  return 1;
}


/* ---- cancelling ---- */

void sk_launch_keepreason (lua_State *L) {
  if (lua_isnil(L, 2)) return;
  lua_pushvalue(L, 2);
  sk_outcome_setfield(L, 1, "reason");
}


void sk_launch_addreason (lua_State *L, int handle) {
  int err = lua_gettop(L);
  sk_outcome_pushbox(L, handle);
  if (lua_getfield(L, -1, "reason") != LUA_TNIL) {
    lua_pushvalue(L, -1);
    lua_setfield(L, err, "reason");
    lua_getfield(L, err, "message");
    if (lua_isstring(L, -2)) {
      lua_pushfstring(L, "%s: %s", lua_tostring(L, -1), lua_tostring(L, -2));
      lua_setfield(L, err, "message");
    }
  }
  lua_settop(L, err);
}


void sk_launch_cancelnew (lua_State *L, Sched *S) {
  sk_launch_keepreason(L);
  sk_pusherror(L, "cancelled", "the %s was cancelled before it began",
               sk_outcome_class(L, 1)->kind);
  sk_launch_addreason(L, 1);
  sk_outcome_settle(L, S, 1, SK_CANCELLED, 1);
  sk_launch_forget(L, 1);
}
