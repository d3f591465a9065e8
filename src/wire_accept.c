/*
** wire_accept.c - Decoding what only the family may send: code, calls,
** modules by name, shared objects.
*/
#include "lib.h"
#include "wire_get.h"


static bool hasupvalue (lua_State *L, int idx, int i) {
  return lua_upvalueid(L, idx, i) != NULL;
}


int sk_wire_openfunction (lua_State *L, Coder *c, uint32_t pos, int tag) {
  uint32_t size;
  if (!(c->flags & SK_WIRE_TRUSTED)) return failrefused(L, c, "a function");
  if (left(c) < 1) return failshort(c);
  int n = (uint8_t)*c->at++;
  if (!READ(c, uint32_t, le32toh, size) || size > left(c)) return failshort(c);
  const char *code = c->at;
  c->at += size;
  if (!claim(c, 2 * (uint64_t)n)) return failshort(c);
  if (luaL_loadbufferx(L, code, size, "=wire", "b") != LUA_OK)
    return failtop(c);
  if ((n > 0 && !hasupvalue(L, -1, n)) || hasupvalue(L, -1, n + 1))
    return fail(c, "a function with other upvalues");
  if (tag & T_MARK) keepmarked(L, c, pos, -1);
  return enter(L, c, F_UPVALUES, pos, tag, (uint32_t)n) ? OPENED : FAILED;
}


/* May this message name modules and call constructors? */
static bool maycall (const Coder *c) {
  return (c->flags & (SK_WIRE_TRUSTED | SEALED)) != 0;
}


/* The name is a plain string, perhaps one that came before. */
static int readname (lua_State *L, Coder *c) {
  if (left(c) == 0) return failshort(c);
  int tag = (uint8_t)*c->at;
  if (tag >= T_TABLE || tag == T_NAME || sk_wire_value(L, c) != DONE ||
      lua_type(L, -1) != LUA_TSTRING)
    return fail(c, "a name that is no string");
  return DONE;
}


int sk_wire_openbuild (lua_State *L, Coder *c, uint32_t pos, int tag) {
  uint64_t n;
  if (!readvarint(c, &n)) return failshort(c);
  if (n > left(c) || n > INT32_MAX) return failshort(c);
  int status = readname(L, c);
  if (status != DONE) return status;
  if (!maycall(c)) {
    lua_pushfstring(L, "an object built by '%s'", lua_tostring(L, -1));
    return failrefused(L, c, lua_tostring(L, -1));
  }
  if (!claim(c, n)) return failshort(c);
  return enter(L, c, F_ARGS, pos, tag, (uint32_t)n) ? OPENED : FAILED;
}


/*
** A module, or what it holds. From strangers only metatables of modules that
** are here already.
*/
int sk_wire_pushnamed (lua_State *L, Coder *c, uint32_t pos, int tag) {
  bool meta = topframe(c)->kind == F_META;
  int status = readname(L, c);
  if (status != DONE) return status;
  if (!maycall(c) && !meta) return failrefused(L, c, "a module by name");
  if (sk_names_get(L, maycall(c)) < 0) return failtop(c);
  if (lua_isfunction(L, -1) && !(c->flags & SK_WIRE_TRUSTED))
    return failrefused(L, c, "a function");
  if (tag & T_MARK) keepmarked(L, c, pos, -1);
  return DONE;
}


int sk_wire_pushref (lua_State *L, Coder *c, uint32_t pos, int tag) {
  size_t at = (size_t)c->usedrefs * REF_SIZE;
  if (at >= c->refs.size) return fail(c, "a reference too many");
  uint64_t body[SK_WIRE_BODY / 8]; /* aligned */
  memcpy(body, c->refs.data + at + 1, sizeof body);
  const WireRef *ref = sk_coder_ref((uint8_t)c->refs.data[at]);
  if (ref == NULL) return fail(c, "a reference of an unknown class");
  int err = ref->decode(L, body);
  if (err < 0) {
    lua_pushfstring(L, "%s: %s", ref->noun, strerror(-err));
    return failtop(c);
  }
  c->usedrefs++; /* its hold is the handle's now */
  if (tag & T_MARK) keepmarked(L, c, pos, -1);
  return DONE;
}


int sk_wire_pushglobals (lua_State *L, Coder *c) {
  if (!maycall(c)) return failrefused(L, c, "the table of globals");
  lua_pushglobaltable(L);
  return DONE;
}


/* Let upvalue 'i' be the marked one at the position that is read. */
static int joinupvalue (lua_State *L, Coder *c, int base, int i) {
  const char *start = c->at;
  uint64_t pos;
  if (!readvarint(c, &pos)) return failshort(c);
  if (pos + 1 >= (uint64_t)(start - c->in) ||
      (uint8_t)c->in[pos] != (T_UPVALUE | T_MARK))
    return fail(c, "a reference to no upvalue");
  c->at = start;
  if (sk_wire_pushagain(L, c) != DONE) return FAILED;
  int other = (uint8_t)c->in[pos + 1];
  if (!lua_isfunction(L, -1) || lua_iscfunction(L, -1) ||
      !hasupvalue(L, -1, other))
    return fail(c, "a reference to no upvalue");
  lua_upvaluejoin(L, base, i, -1, other);
  lua_pop(L, 1);
  return DONE;
}


/* The function at 'base', its upvalue before the present one complete. */
int sk_wire_stepupvalues (lua_State *L, Coder *c) {
  Frame *f = topframe(c);
  if (f->half) lua_setupvalue(L, f->base, (int)f->i);
  f->half = false;
  while (f->i < f->n) {
    uint32_t pos = (uint32_t)(c->at - c->in);
    int i = (int)++f->i;
    c->owed -= 2;
    if (left(c) < 2) return failshort(c);
    int tag = (uint8_t)*c->at++;
    if (tag == T_UPAGAIN) {
      if (joinupvalue(L, c, f->base, i) != DONE) return FAILED;
      continue;
    }
    if ((tag & ~T_MARK) != T_UPVALUE || (uint8_t)*c->at++ != i)
      return fail(c, "an upvalue expected");
    if (tag & T_MARK) keepmarked(L, c, pos, f->base);
    f->half = true;
    int status = sk_wire_value(L, c);
    if (status != DONE) return status;
    lua_setupvalue(L, f->base, i);
    f->half = false;
  }
  c->nframes--;
  return DONE;
}


/* Protected: "module.function", arguments -> object. */
static int build (lua_State *L) {
  const char *name = lua_tostring(L, 1);
  if (sk_wire_lookup(L, name) < 0) return lua_error(L);
  lua_insert(L, 2);
  lua_call(L, lua_gettop(L) - 2, 1);
  if (lua_isnil(L, -1)) return luaL_error(L, "'%s' returned nothing", name);
  return 1;
}


/* The name at 'base', the arguments that are complete above it. */
int sk_wire_stepargs (lua_State *L, Coder *c) {
  Frame *f = topframe(c);
  while (f->i < f->n) {
    f->i++;
    c->owed--;
    if (!needroom(L, c, f->base + (int)f->i))
      return fail(c, "too many arguments");
    int status = sk_wire_value(L, c);
    if (status != DONE) return status;
  }
  lua_pushcfunction(L, build);
  lua_insert(L, f->base);
  int status = lua_pcall(L, lua_gettop(L) - f->base, 1, 0);
  if (status != LUA_OK) {
    sk_coder_totext(L);
    return failtop(c);
  }
  if (f->tag & T_MARK) keepmarked(L, c, f->pos, -1);
  c->nframes--;
  return DONE;
}
