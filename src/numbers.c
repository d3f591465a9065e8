/*
** numbers.c - The types of shared numbers. See numbers.h.
*/
#include <math.h>
#include <string.h>

#include "numbers.h"

const NumberType sk_number_types[] = {
    [SK_ANY] = {"any", 0, false, 0, 0},
    [SK_INT8] = {"int8", 1, false, INT8_MIN, INT8_MAX},
    [SK_UINT8] = {"uint8", 1, false, 0, UINT8_MAX},
    [SK_INT16] = {"int16", 2, false, INT16_MIN, INT16_MAX},
    [SK_UINT16] = {"uint16", 2, false, 0, UINT16_MAX},
    [SK_INT32] = {"int32", 4, false, INT32_MIN, INT32_MAX},
    [SK_UINT32] = {"uint32", 4, false, 0, UINT32_MAX},
    [SK_INT64] = {"int64", 8, false, LUA_MININTEGER, LUA_MAXINTEGER},
    [SK_FLOAT] = {"float", 4, true, 0, 0},
    [SK_DOUBLE] = {"double", 8, true, 0, 0},
};


uint32_t sk_number_checktype (lua_State *L, int arg) {
  const char *name = luaL_checkstring(L, arg);
  for (uint32_t i = 1; i < SK_COUNT(sk_number_types); i++)
    if (strcmp(sk_number_types[i].name, name) == 0) return i;
  lua_pushfstring(L,
                  "unknown type '%s' (int8, uint8, int16, uint16, int32, "
                  "uint32, int64, float, double)",
                  name);
  luaL_argerror(L, arg, lua_tostring(L, -1));
  return 0;
}


const char *sk_number_mismatch (lua_State *L, int idx, const char *expected) {
  return lua_pushfstring(L, "%s expected, got %s", expected,
                         sk_describe(L, idx));
}


void sk_number_refuse (lua_State *L, int arg, const char *expected) {
  luaL_argerror(L, arg, sk_number_mismatch(L, arg, expected));
}


/* Round to what 'type' can hold; false: it is finite, but would not be. */
static bool narrow (uint32_t type, double *d) {
  if (type != SK_FLOAT) return true;
  double narrowed = (double)(float)*d;
  bool fits = isfinite(narrowed) || !isfinite(*d);
  *d = narrowed;
  return fits;
}


static bool isinside (const NumberType *t, int64_t i) {
  return i >= t->least && i <= t->most;
}


bool sk_number_get (lua_State *L, int idx, uint32_t type, Number *n) {
  const NumberType *t = &sk_number_types[type];
  int isint;
  if (lua_type(L, idx) != LUA_TNUMBER) return false;
  if (t->isfloat) {
    n->d = lua_tonumber(L, idx);
    return narrow(type, &n->d);
  }
  n->i = lua_tointegerx(L, idx, &isint);
  return isint && isinside(t, n->i);
}


Number sk_number_check (lua_State *L, int arg, uint32_t type) {
  Number n;
  if (!sk_number_get(L, arg, type, &n))
    sk_number_refuse(L, arg, sk_number_types[type].name);
  return n;
}


Number sk_number_checkstep (lua_State *L, int arg, uint32_t type) {
  Number n;
  int isint = 1;
  if (lua_type(L, arg) != LUA_TNUMBER) sk_number_refuse(L, arg, "number");
  if (sk_number_types[type].isfloat)
    n.d = lua_tonumber(L, arg);
  else
    n.i = lua_tointegerx(L, arg, &isint);
  if (!isint) sk_number_refuse(L, arg, "whole number");
  return n;
}


bool sk_number_add (uint32_t type, Number a, Number b, Number *sum) {
  const NumberType *t = &sk_number_types[type];
  if (t->isfloat) {
    sum->d = a.d + b.d;
    return narrow(type, &sum->d);
  }
  return !__builtin_add_overflow(a.i, b.i, &sum->i) && isinside(t, sum->i);
}


void sk_number_push (lua_State *L, uint32_t type, Number n) {
  if (sk_number_types[type].isfloat)
    lua_pushnumber(L, n.d);
  else
    lua_pushinteger(L, (lua_Integer)n.i);
}
