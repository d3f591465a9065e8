/*
** lib_error.c - Error objects: tables that tell the whole story.
*/
#include "lib.h"
#include "open.h"

#define CLASS "skein.Error"


/* Add field 'key' of the error at 'idx', if it is a string, after 'before'. */
static void addfield (lua_State *L, luaL_Buffer *b, int idx, const char *key,
                      const char *before) {
  lua_getfield(L, idx, key);
  if (lua_type(L, -1) == LUA_TSTRING) {
    const char *text = lua_tostring(L, -1);
    lua_pushfstring(L, "%s%s", before, text);
    lua_remove(L, -2);
    luaL_addvalue(b);
  }
  else
    lua_pop(L, 1);
}


/* error:__tostring() - place, message, source, traceback, inner errors */
static int error_tostring (lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  addfield(L, &b, 1, "where", "");
  addfield(L, &b, 1, "message", "");
  addfield(L, &b, 1, "source", "\n  in ");
  addfield(L, &b, 1, "traceback", "\n");
  luaL_pushresult(&b);
  lua_pushcfunction(L, sk_innererrors);
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  lua_concat(L, 2);
  return 1;
}


/* a .. b: of an error what 'tostring' tells, so that "failed: " .. err works */
static int error_concat (lua_State *L) {
  lua_settop(L, 2);
  for (int i = 1; i <= 2; i++) {
    if (!lua_isstring(L, i) && !sk_iserror(L, i, NULL))
      return luaL_error(L, "attempt to concatenate a %s value",
                        sk_typename(L, i));
    luaL_tolstring(L, i, NULL);
  }
  lua_concat(L, 2);
  return 1;
}


/* core.error{kind =, message =, ...} -> the same table, an error object */
static int core_error (lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  sk_seterror(L);
  return 1;
}


/* core.is_error(value [, kind]) -> boolean */
static int core_iserror (lua_State *L) {
  const char *kind = luaL_optstring(L, 2, NULL);
  luaL_checkany(L, 1);
  lua_pushboolean(L, sk_iserror(L, 1, kind));
  return 1;
}


/* core.where() -> "file:line: ", the user's line which called us */
static int core_where (lua_State *L) {
  sk_where(L);
  return 1;
}


/* core.is_cancelled(value) -> boolean */
static int core_iscancelled (lua_State *L) {
  lua_settop(L, 1);
  lua_pushboolean(L, sk_iserror(L, 1, "cancelled"));
  return 1;
}


static const luaL_Reg meta[] = {
    {"__tostring", error_tostring},
    {"__concat", error_concat},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"error", core_error}, {"is_error", core_iserror},
    {"where", core_where}, {"is_cancelled", core_iscancelled},
    {NULL, NULL},
};


void sk_open_errorclass (lua_State *L, Sched *S) {
  sk_newclass(L, S, CLASS, NULL, meta);
}


void sk_open_error (lua_State *L, Sched *S) {
  sk_open_errorclass(L, S);
  luaL_getmetatable(L, CLASS);
  lua_pushliteral(L, "kind"); /* so that to look for it takes no memory */
  lua_rawseti(L, -2, 1);
  lua_setfield(L, -2, "Error"); /* a name to cross to other states by */
  sk_addfunctions(L, S, functions);
}
