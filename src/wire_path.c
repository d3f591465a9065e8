/*
** wire_path.c - Where in a value the walk is: errors of encoding.
**
** The frames and the open values on the Lua stack are the path.
*/
#include <lauxlib.h>

#include "lib.h"
#include "wire_put.h"


static void describe (lua_State *L, int idx, char *to, size_t size) {
  const char *name;
  switch (lua_type(L, idx)) {
  case LUA_TFUNCTION: name = "C function"; break;
  case LUA_TTHREAD: name = "coroutine"; break;
  case LUA_TLIGHTUSERDATA: name = "light userdata"; break;
  case LUA_TUSERDATA:
    name = sk_typename(L, idx);
    if (strcmp(name, LUA_FILEHANDLE) == 0)
      name = "file handle";
    else if (strcmp(name, "userdata") != 0) {
      snprintf(to, size, "userdata (%s)", name);
      return;
    }
    break;
  default: name = luaL_typename(L, idx);
  }
  snprintf(to, size, "%s", name);
}


/* How a key reads in a path: field 'x', index 3, key true. */
static void describekey (lua_State *L, int idx, char *to, size_t size) {
  switch (lua_type(L, idx)) {
  case LUA_TSTRING: {
    const char *s = lua_tostring(L, idx);
    snprintf(to, size, "field '%.40s%s'", s, strlen(s) > 40 ? "..." : "");
    break;
  }
  case LUA_TNUMBER:
    if (lua_isinteger(L, idx))
      snprintf(to, size, "index " LUA_INTEGER_FMT, lua_tointeger(L, idx));
    else
      snprintf(to, size, "key " LUA_NUMBER_FMT, lua_tonumber(L, idx));
    break;
  case LUA_TBOOLEAN:
    snprintf(to, size, "key %s", lua_toboolean(L, idx) ? "true" : "false");
    break;
  default: snprintf(to, size, "a %s key", luaL_typename(L, idx));
  }
}


static void describefunction (lua_State *L, int idx, char *to, size_t size) {
  lua_Debug ar;
  lua_pushvalue(L, idx);
  lua_getinfo(L, ">S", &ar);
  snprintf(to, size, "function <%s:%d>", ar.short_src, ar.linedefined);
}


static void describeupvalue (lua_State *L, const Frame *f, char *to,
                             size_t size) {
  char where[LUA_IDSIZE + 32];
  describefunction(L, f->base, where, sizeof where);
  const char *name = lua_getupvalue(L, f->base, (int)f->i);
  if (name != NULL) lua_pop(L, 1);
  snprintf(to, size, "upvalue '%s' of %s", name != NULL ? name : "?", where);
}


/* The part of the path that frame 'f' adds. */
static void describeframe (lua_State *L, const Coder *c, const Frame *f,
                           char *to, size_t size) {
  const WireWhat *what = c->what;
  switch (f->kind) {
  case F_TOP: {
    int number = what->number + (int)f->i - 1;
    if (what->number < 0)
      snprintf(to, size, "%s", what->noun);
    else if (number == 0)
      to[0] = '\0'; /* fn itself */
    else
      snprintf(to, size, "%s %d", what->noun, number);
    break;
  }
  case F_PAIRS:
    if (f->half)
      snprintf(to, size, "a key");
    else
      describekey(L, f->base + 1, to, size);
    break;
  case F_META: snprintf(to, size, "metatable"); break;
  case F_UPVALUES: describeupvalue(L, f, to, size); break;
  case F_ARGS: snprintf(to, size, "__transfer result %u", f->i + 1); break;
  default: snprintf(to, size, "index %u", f->i);
  }
}


/* Push an error object: the path to where the walk is, and the trouble. */
int sk_wire_fail (lua_State *L, Coder *c, const char *trouble) {
  enum { HEADS = 8, TAILS = 12, PART = 160 };
  char path[(HEADS + TAILS) * (PART + 2) + 8], part[PART];
  size_t size = 0;
  for (size_t i = 0; i < c->nframes; i++) {
    if (c->nframes > HEADS + TAILS && i == HEADS) { /* leave out a lot */
      i = c->nframes - TAILS;
      size += (size_t)snprintf(path + size, sizeof path - size, "...: ");
    }
    describeframe(L, c, &c->frames[i], part, sizeof part);
    if (part[0] == '\0') continue;
    size += (size_t)snprintf(path + size, sizeof path - size, "%s: ", part);
  }
  lua_pushfstring(L, "cannot %s %s%s", c->what->verb, size > 0 ? path : "",
                  trouble);
  sk_pusherror(L, "transfer", "%s", "");
  lua_insert(L, -2);
  lua_setfield(L, -2, "message"); /* of any length */
  return FAILED;
}


_Noreturn void sk_wire_failmemory (lua_State *L) {
  luaL_error(L, "not enough memory");
  abort();
}


int sk_wire_faildeep (lua_State *L, Coder *c) {
  return sk_wire_fail(L, c, "nested too deeply");
}


/* The value at the top of the stack cannot cross. */
int sk_wire_failvalue (lua_State *L, Coder *c, const char *remark) {
  char name[128];
  describe(L, -1, name, sizeof name);
  size_t n = strlen(name);
  snprintf(name + n, sizeof name - n, "%s", remark);
  return sk_wire_fail(L, c, name);
}
