/*
** fuzz.c - libFuzzer gives bytes to a function of fuzz.lua, which $FUZZ names.
**
** An error that the function does not catch is a find. Bytecode is what 'unpack'
** has to trust when it is told to, so here only that is loaded which fuzz.lua
** knows: all around it may be anything.
*/
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

int luaopen_skein_core (lua_State *L);
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
int __real_luaL_loadbufferx (lua_State *L, const char *s, size_t n,
                             const char *name, const char *mode);
int __wrap_luaL_loadbufferx (lua_State *L, const char *s, size_t n,
                             const char *name, const char *mode);

static lua_State *state;


/* In place of the real one, for the library and this file. */
int __wrap_luaL_loadbufferx (lua_State *L, const char *s, size_t n,
                             const char *name, const char *mode) {
  if (strcmp(name, "=wire") == 0) {
    lua_getfield(L, LUA_REGISTRYINDEX, "known");
    lua_pushlstring(L, s, n);
    lua_rawget(L, -2);
    int known = lua_toboolean(L, -1);
    lua_pop(L, 2);
    if (!known) {
      lua_pushliteral(L, "code of a stranger");
      return LUA_ERRSYNTAX;
    }
  }
  return __real_luaL_loadbufferx(L, s, n, name, mode);
}


static void fail (lua_State *L) {
  fprintf(stderr, "fuzz: %s\n", luaL_tolstring(L, -1, NULL));
  abort();
}


static void begin (void) {
  const char *target = getenv("FUZZ");
  lua_State *L = state = luaL_newstate();
  luaL_openlibs(L);
  lua_newtable(L);
  lua_setfield(L, LUA_REGISTRYINDEX, "known");
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, luaopen_skein_core);
  lua_setfield(L, -2, "skein.core");
  if (luaL_loadfile(L, "tools/trust/fuzz.lua") != LUA_OK) fail(L);
  lua_getfield(L, LUA_REGISTRYINDEX, "known");
  if (lua_pcall(L, 1, 1, 0) != LUA_OK) fail(L);
  lua_getfield(L, -1, target != NULL ? target : "unpack");
  lua_replace(L, 1);
  lua_settop(L, 1);
}


int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  if (state == NULL) begin();
  lua_State *L = state;
  lua_pushvalue(L, 1);
  lua_pushlstring(L, (const char *)data, size);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) fail(L);
  return 0;
}
