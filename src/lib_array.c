/*
** lib_array.c - skein.array: numbers of one type that the whole family sees.
**
** Items are read and written where they are: nothing here waits. What is to be
** written is checked before the first item changes.
*/
#include <string.h>

#include "array.h"
#include "numbers.h"
#include "open.h"
#include "shared.h"

#define CLASS "skein.Array"

#define METHODS lua_upvalueindex(2) /* of __index */


static Array *checkarray (lua_State *L) {
  return (Array *)sk_shared_check(L, sk_upvalue(L), 1, SK_ARRAY, CLASS)->o;
}


/* ---- one item ---- */

static uint64_t tobits (uint32_t type, Number n) {
  uint64_t bits = 0;
  uint32_t half;
  float f;
  switch (type) {
  case SK_FLOAT:
    f = (float)n.d;
    memcpy(&half, &f, sizeof half);
    return half;
  case SK_DOUBLE: memcpy(&bits, &n.d, sizeof bits); return bits;
  default: return (uint64_t)n.i;
  }
}


static Number frombits (uint32_t type, uint64_t bits) {
  Number n = {0};
  uint32_t half = (uint32_t)bits;
  float f;
  switch (type) {
  case SK_INT8: n.i = (int8_t)bits; break;
  case SK_INT16: n.i = (int16_t)bits; break;
  case SK_INT32: n.i = (int32_t)bits; break;
  case SK_FLOAT:
    memcpy(&f, &half, sizeof f);
    n.d = (double)f;
    break;
  case SK_DOUBLE: memcpy(&n.d, &bits, sizeof bits); break;
  default: n.i = (int64_t)bits; /* nothing is above an unsigned one's bits */
  }
  return n;
}


/* An index of 'a', counted from 0. Raises. */
static uint64_t checkindex (lua_State *L, const Array *a, int arg) {
  int isint;
  lua_Integer i = lua_tointegerx(L, arg, &isint);
  if (sk_likely(isint && i >= 1 && (uint64_t)i <= a->length &&
                lua_type(L, arg) == LUA_TNUMBER))
    return (uint64_t)i - 1;
  if (lua_type(L, arg) != LUA_TNUMBER || !isint)
    luaL_error(L, "bad index of an array (%s)",
               sk_number_mismatch(L, arg, "whole number"));
  luaL_error(L, "index %I is out of range (the array has %I items)",
             (LUAI_UACINT)i, (LUAI_UACINT)a->length);
  return 0;
}


/* a[i]; or a method */
static int array_index (lua_State *L) {
  if (lua_type(L, 2) == LUA_TSTRING) {
    lua_settop(L, 2);
    lua_gettable(L, METHODS);
    return 1;
  }
  const Array *a = checkarray(L);
  uint64_t bits = sk_array_load(a, checkindex(L, a, 2));
  sk_number_push(L, a->type, frombits(a->type, bits));
  return 1;
}


/* a[i] = x */
static int array_newindex (lua_State *L) {
  Array *a = checkarray(L);
  uint64_t i = checkindex(L, a, 2);
  Number n;
  if (!sk_number_get(L, 3, a->type, &n))
    return luaL_error(L, "bad item of an array (%s)",
                      sk_number_mismatch(L, 3, sk_number_types[a->type].name));
  sk_array_store(a, i, tobits(a->type, n));
  return 0;
}


/* a:add(i, n) -> the new value */
static int array_add (lua_State *L) {
  Array *a = checkarray(L);
  uint64_t i = checkindex(L, a, 2);
  Number n = sk_number_checkstep(L, 3, a->type), sum;
  uint64_t old = sk_array_load(a, i);
  do {
    if (!sk_number_add(a->type, frombits(a->type, old), n, &sum))
      return luaL_error(L, "the sum is out of the range of %s",
                        sk_number_types[a->type].name);
  } while (!sk_array_swap(a, i, &old, tobits(a->type, sum)));
  sk_number_push(L, a->type, sum);
  return 1;
}


/* ---- many ---- */

/* #a */
static int array_len (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)checkarray(L)->length);
  return 1;
}


/* The index 'name' at 'arg', or 'absent'; at least 'least', at most 'most'. */
static lua_Integer optindex (lua_State *L, int arg, const char *name,
                             lua_Integer absent, lua_Integer least,
                             lua_Integer most) {
  if (lua_isnoneornil(L, arg)) return absent;
  lua_Integer i = sk_checkcount(L, arg, arg, name, least);
  if (i > most) {
    lua_pushfstring(L, "index %I is out of range", (LUAI_UACINT)i);
    luaL_argerror(L, arg, lua_tostring(L, -1));
  }
  return i;
}


/* a:slice([i, [j]]) -> list */
static int array_slice (lua_State *L) {
  const Array *a = checkarray(L);
  lua_Integer n = (lua_Integer)a->length;
  lua_Integer from = optindex(L, 2, "i", 1, 1, n + 1);
  lua_Integer to = optindex(L, 3, "j", n, 0, n);
  lua_Integer count = to >= from ? to - from + 1 : 0;
  lua_createtable(L, count < INT32_MAX ? (int)count : 0, 0);
  for (lua_Integer i = 0; i < count; i++) {
    uint64_t bits = sk_array_load(a, (uint64_t)(from + i - 1));
    sk_number_push(L, a->type, frombits(a->type, bits));
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}


/* a:fill(x) */
static int array_fill (lua_State *L) {
  Array *a = checkarray(L);
  uint64_t bits = tobits(a->type, sk_number_check(L, 2, a->type));
  for (uint64_t i = 0; i < a->length; i++) sk_array_store(a, i, bits);
  return 0;
}


static void badcount (lua_State *L, int arg, lua_Integer n, lua_Integer room) {
  if (n <= room) return;
  lua_pushfstring(L, "%I items do not fit, there is room for %I",
                  (LUAI_UACINT)n, (LUAI_UACINT)room);
  luaL_argerror(L, arg, lua_tostring(L, -1));
}


/* Write the 'n' items of the list at 'arg' from 'at' on, if all of them fit. */
static void writelist (lua_State *L, Array *a, int arg, lua_Integer n,
                       uint64_t at) {
  uint64_t *bits = lua_newuserdatauv(L, (size_t)n * sizeof *bits, 0);
  for (lua_Integer i = 0; i < n; i++) {
    Number x;
    lua_geti(L, arg, i + 1);
    if (!sk_number_get(L, -1, a->type, &x)) {
      const char *name = sk_number_types[a->type].name;
      lua_pushfstring(L, "item %I: %s", (LUAI_UACINT)(i + 1),
                      sk_number_mismatch(L, -1, name));
      luaL_argerror(L, arg, lua_tostring(L, -1));
    }
    bits[i] = tobits(a->type, x);
    lua_pop(L, 1);
  }
  for (uint64_t i = 0; i < (uint64_t)n; i++) sk_array_store(a, at + i, bits[i]);
  lua_pop(L, 1);
}


/* a:write(list, [at]) */
static int array_write (lua_State *L) {
  Array *a = checkarray(L);
  lua_Integer length = (lua_Integer)a->length;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_Integer at = optindex(L, 3, "at", 1, 1, length + 1);
  lua_Integer n = luaL_len(L, 2);
  badcount(L, 2, n, length - at + 1);
  if (n > 0) writelist(L, a, 2, n, (uint64_t)at - 1);
  return 0;
}


/* ---- making ---- */

static int array_tostring (lua_State *L) {
  const Array *a = checkarray(L);
  lua_pushfstring(L, "skein.Array: %I", (LUAI_UACINT)sk_off(a));
  return 1;
}


/* The length that argument 2 asks for, itself or as a list. */
static lua_Integer checklength (lua_State *L) {
  int isint = 0;
  lua_Integer n = lua_tointegerx(L, 2, &isint);
  if (lua_istable(L, 2)) return luaL_len(L, 2);
  if (lua_type(L, 2) != LUA_TNUMBER || !isint || n < 0)
    sk_number_refuse(L, 2, "length or list");
  return n;
}


/* skein.array(type, n | list) -> array */
static int newarray (lua_State *L) {
  uint32_t type = sk_number_checktype(L, 1);
  lua_Integer n = checklength(L);
  lua_settop(L, 2);
  Shared *s = sk_shared_open(L, sk_upvalue(L));
  Array *a = (Array *)sk_shared_new(L, s, SK_ARRAY, 0, CLASS)->o;
  uint32_t size = sk_number_types[type].size;
  if (sk_array_make(a, type, size, (uint64_t)n) != 0)
    return luaL_error(L, "cannot make an array of %I items: not enough memory",
                      (LUAI_UACINT)n);
  if (lua_istable(L, 2) && n > 0) writelist(L, a, 2, n, 0);
  return 1;
}


/* 'with' is added by lua/skein/array.lua. */
static const luaL_Reg methods[] = {{"slice", array_slice},
                                   {"fill", array_fill},
                                   {"write", array_write},
                                   {"add", array_add},
                                   {NULL, NULL}};

static const luaL_Reg meta[] = {{"__newindex", array_newindex},
                                {"__len", array_len},
                                {"__tostring", array_tostring},
                                {NULL, NULL}};

static const luaL_Reg functions[] = {{"array", newarray}, {NULL, NULL}};

/* What is no method is an item. */
static void complete (lua_State *L, Sched *S) {
  lua_pushlightuserdata(L, S);
  lua_getfield(L, -2, "__index");
  lua_pushcclosure(L, array_index, 2);
  lua_setfield(L, -2, "__index");
}


static const SharedClass class = {
    .name = CLASS,
    .object = &sk_array_class,
    .ref = {SK_ARRAY, "array", sk_shared_encode, sk_shared_decode,
            sk_shared_forget},
    .module = "skein.array",
    .methods = methods,
    .meta = meta,
    .functions = functions,
    .complete = complete,
};


void sk_open_array (lua_State *L, Sched *S) {
  sk_shared_class(L, S, &class);
}
