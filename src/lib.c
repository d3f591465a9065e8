/*
** lib.c - Conventions of the Lua edge. See lib.h.
*/
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "clock.h"
#include "lib.h"

#define ERROR_CLASS "skein.Error"
#define HOPS 10 /* that an error makes, from one thread or process to another */
#define SPARE 6 /* fields of a metatable that others add */

static const char OURS = 'o'; /* of a function of our Lua layer */


static sk_time deadline (lua_State *L, int arg, lua_Number seconds) {
  luaL_argcheck(L, seconds == seconds, arg, "number expected, got NaN");
  if (seconds <= 0) return SK_NOW;
  lua_Number ns = ceil(seconds * 1e9); /* never early */
  sk_time now = sk_clock_now();
  return ns >= (lua_Number)(SK_FOREVER - now) ? SK_FOREVER : now + (sk_time)ns;
}


sk_time sk_checkdeadline (lua_State *L, int arg) {
  if (lua_isnoneornil(L, arg)) return SK_FOREVER;
  return sk_checkspan(L, arg);
}


sk_time sk_checkspan (lua_State *L, int arg) {
  if (lua_type(L, arg) != LUA_TNUMBER) luaL_checktype(L, arg, LUA_TNUMBER);
  return deadline(L, arg, lua_tonumber(L, arg));
}


int sk_fail (lua_State *L, int err) {
  luaL_pushfail(L);
  switch (err) {
  case -ETIMEDOUT: lua_pushliteral(L, "timeout"); return 2;
  case -EPIPE: lua_pushliteral(L, "closed"); return 2;
  default:
    lua_pushstring(L, strerror(-err));
    lua_pushinteger(L, -err);
    return 3;
  }
}


void sk_setours (lua_State *L) {
  lua_rawsetp(L, LUA_REGISTRYINDEX, &OURS);
}


bool sk_isours (lua_State *L, const char *source) {
  lua_Debug ar;
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &OURS) != LUA_TFUNCTION) {
    lua_pop(L, 1);
    return false;
  }
  lua_getinfo(L, ">S", &ar);
  const char *end = strrchr(ar.source, '/');
  return end != NULL &&
         strncmp(source, ar.source, (size_t)(end + 1 - ar.source)) == 0;
}


void sk_where (lua_State *L) {
  lua_Debug ar;
  bool ours = false;
  for (int level = 1; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline > 0 && sk_isours(L, ar.source))
      ours = true;
    else if (ar.currentline > 0 || !ours) {
      luaL_where(L, level);
      return;
    }
  }
  luaL_where(L, 1); /* nobody but us */
}


int sk_misuse (lua_State *L, const char *fmt, ...) {
  va_list args;
  sk_where(L);
  va_start(args, fmt);
  lua_pushvfstring(L, fmt, args);
  va_end(args);
  lua_concat(L, 2);
  return lua_error(L);
}


void sk_seterror (lua_State *L) {
  luaL_setmetatable(L, ERROR_CLASS);
}


static void pusherror (lua_State *L, const char *kind, const char *fmt,
                       va_list args) {
  char message[1024];
  vsnprintf(message, sizeof message, fmt, args);
  lua_createtable(L, 0, 4);
  lua_pushstring(L, kind);
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, message);
  lua_setfield(L, -2, "message");
  sk_seterror(L);
}


void sk_pusherror (lua_State *L, const char *kind, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  pusherror(L, kind, fmt, args);
  va_end(args);
}


int sk_raise (lua_State *L, const char *kind, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  pusherror(L, kind, fmt, args);
  va_end(args);
  sk_where(L);
  lua_setfield(L, -2, "where");
  return lua_error(L);
}


bool sk_iserror (lua_State *L, int idx, const char *kind) {
  if (lua_type(L, idx) != LUA_TTABLE) return false;
  idx = lua_absindex(L, idx);
  if (!lua_getmetatable(L, idx)) return false;
  luaL_getmetatable(L, ERROR_CLASS);
  bool is = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  if (!is || kind == NULL) return is;
  lua_pushliteral(L, "kind");
  lua_rawget(L, idx);
  const char *k = lua_tostring(L, -1);
  is = k != NULL && strcmp(k, kind) == 0;
  lua_pop(L, 1);
  return is;
}


/* Push the list of the errors that the one at 1 is about, or that it brought
   from elsewhere. False: there is none. */
static bool pusherrors (lua_State *L) {
  lua_pushvalue(L, 1);
  for (int i = 0; i < HOPS && sk_iserror(L, -1, NULL); i++) {
    if (lua_getfield(L, -1, "errors") == LUA_TTABLE) return true;
    lua_getfield(L, -2, "value");
  }
  return false;
}


int sk_innererrors (lua_State *L) {
  luaL_checkstack(L, 2 * HOPS, NULL);
  lua_settop(L, 1);
  bool has = pusherrors(L);
  int list = lua_gettop(L);
  lua_Integer n = has ? luaL_len(L, list) : 0;
  lua_pushliteral(L, "");
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, list, i);
    const char *text = luaL_tolstring(L, -1, NULL);
    luaL_gsub(L, text, "\n", "\n  ");
    lua_pushfstring(L, "%s\n[%d] %s", lua_tostring(L, list + 1), (int)i,
                    lua_tostring(L, -1));
    lua_replace(L, list + 1);
    lua_settop(L, list + 1);
  }
  return 1;
}


void sk_addfunctions (lua_State *L, void *S, const luaL_Reg *functions) {
  if (functions == NULL) return;
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, functions, 1);
}


void sk_addbelow (lua_State *L, void *S, const char *name,
                  const luaL_Reg *functions) {
  luaL_getsubtable(L, -1, name);
  sk_addfunctions(L, S, functions);
  lua_pop(L, 1);
}


static int count (const luaL_Reg *functions) {
  int n = 0;
  while (functions != NULL && functions[n].name != NULL) n++;
  return n;
}


/* Tables of the right size: to let them grow is most of what this costs. */
void sk_newclass (lua_State *L, void *S, const char *name,
                  const luaL_Reg *methods, const luaL_Reg *meta) {
  bool known = luaL_getmetatable(L, name) != LUA_TNIL;
  lua_pop(L, 1);
  if (known) return;
  lua_createtable(L, 0, count(meta) + SPARE);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  sk_addfunctions(L, S, meta);
  if (methods != NULL) {
    lua_createtable(L, 0, count(methods));
    sk_addfunctions(L, S, methods);
    lua_setfield(L, -2, "__index");
  }
  lua_setfield(L, LUA_REGISTRYINDEX, name);
}


bool sk_pushmethods (lua_State *L, const char *name) {
  bool known = luaL_getmetatable(L, name) == LUA_TTABLE;
  if (known && lua_getfield(L, -1, "__index") == LUA_TFUNCTION) {
    lua_getupvalue(L, -1, 2); /* an __index of ours has them there */
    lua_remove(L, -2);
  }
  if (known) lua_remove(L, -2);
  return known;
}


const char *sk_typename (lua_State *L, int idx) {
  if (luaL_getmetafield(L, idx, "__name") == LUA_TSTRING) {
    const char *name = lua_tostring(L, -1); /* kept by the metatable */
    lua_pop(L, 1);
    return name;
  }
  return luaL_typename(L, idx);
}


const char *sk_describe (lua_State *L, int idx) {
  if (lua_type(L, idx) != LUA_TNUMBER) return sk_typename(L, idx);
  lua_Number n = lua_tonumber(L, idx);
  return n == n ? luaL_tolstring(L, idx, NULL) : "NaN";
}


static void unknown (lua_State *L, int arg, const char *const names[]) {
  luaL_Buffer b;
  const char *key = luaL_tolstring(L, -1, NULL);
  luaL_buffinit(L, &b);
  for (int i = 0; names[i] != NULL; i++) {
    if (names[i][0] == '_') continue; /* not for users */
    if (i > 0) luaL_addstring(&b, ", ");
    luaL_addstring(&b, names[i]);
  }
  luaL_pushresult(&b);
  const char *known = lua_tostring(L, -1);
  lua_pushfstring(L, "unknown option '%s' (options: %s)", key,
                  known[0] != '\0' ? known : "none");
  luaL_argerror(L, arg, lua_tostring(L, -1));
}


void sk_checkoptions (lua_State *L, int arg, const char *const names[]) {
  luaL_checktype(L, arg, LUA_TTABLE);
  lua_pushnil(L);
  while (lua_next(L, arg)) {
    lua_pop(L, 1);
    const char *key = "";
    if (lua_type(L, -1) == LUA_TSTRING) key = lua_tostring(L, -1);
    int i = 0;
    while (names[i] != NULL && strcmp(names[i], key) != 0) i++;
    if (names[i] == NULL) unknown(L, arg, names);
  }
}


bool sk_testcount (lua_State *L, int idx, const char *name, lua_Integer least,
                   lua_Integer *n) {
  int isint;
  *n = lua_tointegerx(L, idx, &isint);
  if (lua_type(L, idx) == LUA_TNUMBER && isint && *n >= least) return true;
  lua_pushfstring(L, "%s: whole number of at least %I expected, got %s", name,
                  (LUAI_UACINT)least, sk_describe(L, idx));
  return false;
}


lua_Integer sk_checkcount (lua_State *L, int idx, int arg, const char *name,
                           lua_Integer least) {
  lua_Integer n;
  if (sk_testcount(L, idx, name, least, &n)) return n;
  return luaL_argerror(L, arg, lua_tostring(L, -1));
}


lua_Integer sk_checkcapacity (lua_State *L, int idx, int arg) {
  if (lua_isnoneornil(L, idx)) return -1;
  if (lua_type(L, idx) == LUA_TNUMBER && lua_tonumber(L, idx) == HUGE_VAL)
    return -1;
  return sk_checkcount(L, idx, arg, "capacity", 0);
}


lua_Integer sk_optcount (lua_State *L, int arg, const char *name,
                         lua_Integer least, lua_Integer absent) {
  if (lua_getfield(L, arg, name) != LUA_TNIL)
    absent = sk_checkcount(L, -1, arg, name, least);
  lua_pop(L, 1);
  return absent;
}


bool sk_optflag (lua_State *L, int arg, const char *name, bool absent) {
  int type = lua_getfield(L, arg, name);
  if (type != LUA_TNIL && type != LUA_TBOOLEAN) {
    lua_pushfstring(L, "%s: boolean expected, got %s", name,
                    sk_typename(L, -1));
    luaL_argerror(L, arg, lua_tostring(L, -1));
  }
  if (type == LUA_TBOOLEAN) absent = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return absent;
}
