/*
** lib_wire.c - skein.pack and skein.unpack.
*/
#include "lib.h"
#include "lib_wire.h"
#include "wire.h"

static const WireWhat packing = {"pack", "argument", 1, true};


/* pack(...) -> string */
static int wire_pack (lua_State *L) {
  Wire *w = sk_wire_of(L);
  luaL_Buffer b;
  sk_wire_encode(L, w, 1, lua_gettop(L), &packing);
  size_t n = sk_wire_size(w);
  sk_wire_copy(w, luaL_buffinitsize(L, &b, n));
  luaL_pushresultsize(&b, n);
  return 1;
}


/* unpack(s [, { functions = boolean }]) -> values */
static int wire_unpack (lua_State *L) {
  static const char *const options[] = {"functions", NULL};
  size_t n;
  luaL_checktype(L, 1, LUA_TSTRING);
  const char *s = lua_tolstring(L, 1, &n);
  int flags = SK_WIRE_NOREFS;
  if (!lua_isnoneornil(L, 2)) {
    sk_checkoptions(L, 2, options);
    if (sk_optflag(L, 2, "functions", false)) flags |= SK_WIRE_TRUSTED;
  }
  lua_settop(L, 1);
  int count = sk_wire_decode(L, sk_wire_of(L), s, n, flags);
  if (count >= 0) return count;
  return sk_raise(L, "transfer", "%s", lua_tostring(L, -1));
}


static const luaL_Reg functions[] = {
    {"pack", wire_pack}, {"unpack", wire_unpack}, {NULL, NULL}};


void sk_open_wire (lua_State *L, void *S) {
  sk_addfunctions(L, S, functions);
}
