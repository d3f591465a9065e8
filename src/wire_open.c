/*
** wire_open.c - Encoding what has parts, or is more than its bytes: tables,
** functions, shared objects, objects that rebuild themselves.
**
** The value is at the top of the stack. If it can be written at once, it is
** popped; else it stays, and a frame tells how far the walk is with it.
*/
#include <lauxlib.h>

#include "wire_put.h"


/* Most tables are data: may the one at 'key' travel by name? */
static inline bool maybenamed (const Coder *c, const void *key, bool meta) {
  return meta || c->signature == 0 || sk_memo_get(&c->index, key) != N_NONE;
}


/* If the value at the top travels by name, do that. */
static bool putname (lua_State *L, Coder *c, bool meta) {
  if (!sk_names_push(L, c, -1, meta)) return false;
  putbyte(c, T_NAME);
  putstring(L, c, -1);
  lua_pop(L, 1);
  c->calls = true;
  return true;
}


/* Call the '__transfer' at the top of the stack, of the object below it. */
static int opentransfer (lua_State *L, Coder *c) {
  if (c->anchor == 0) {
    c->anchored = c->restart = true;
    lua_pop(L, 1);
    return FAILED;
  }
  int base = lua_gettop(L) - 1;
  lua_pushvalue(L, base);
  int status = lua_pcall(L, 1, LUA_MULTRET, 0);
  if (status != LUA_OK) {
    sk_coder_totext(L);
    lua_pushfstring(L, "__transfer: %s", lua_tostring(L, -1));
    return sk_wire_fail(L, c, lua_tostring(L, -1));
  }
  const char *name =
      lua_type(L, base + 1) == LUA_TSTRING ? lua_tostring(L, base + 1) : "";
  if (strchr(name, '.') == NULL)
    return sk_wire_fail(L, c, "__transfer did not return \"module.function\"");
  int n = lua_gettop(L) - base - 1;
  if (!needroom(L, c, base + 1 + n)) return sk_wire_faildeep(L, c);
  Frame *f = enter(L, c, F_ARGS, base);
  f->n = (uint32_t)n;
  f->pos = here(c);
  putnumber(c, T_BUILD, (uint64_t)n);
  putstring(L, c, base + 1);
  c->calls = true;
  return OPENED;
}


/* Push the '__transfer' of the metatable at the top, if there is one. */
static bool hastransfer (lua_State *L) {
  lua_pushliteral(L, "__transfer");
  if (lua_rawget(L, -2) != LUA_TNIL) return true;
  lua_pop(L, 1);
  return false;
}


/* An object that is still being rebuilt cannot be an argument of that. */
static bool isrebuilding (const Coder *c, uint32_t pos) {
  if ((c->wire.out.data[pos] & ~T_MARK) != (char)T_BUILD) return false;
  for (size_t i = 0; i < c->nframes; i++)
    if (c->frames[i].kind == F_ARGS && c->frames[i].pos == pos) return true;
  return false;
}


/* Has the object at the top, at address 'key', been seen? Refer to it. */
static inline int objectagain (lua_State *L, Coder *c, const void *key) {
  if (!again(L, c, key, -1, T_AGAIN)) return OPENED;
  if (isrebuilding(c, sk_memo_get(&c->memo, key)))
    return sk_wire_fail(L, c, "an object in its own __transfer");
  return done(L);
}


/* The head of the table at the top, and a frame for the rest. */
static int enteritems (lua_State *L, Coder *c, int tag) {
  size_t n = lua_rawlen(L, -1);
  if (n > 0) tag |= T_ITEMS;
  char *p = needbytes(L, c, 16);
  int base = lua_gettop(L);
  if (!needroom(L, c, base)) return sk_wire_faildeep(L, c);
  Frame *f = enter(L, c, n > 0 ? F_ITEMS : F_PAIRS, base);
  f->tag = (uint8_t)tag;
  f->n = (uint32_t)n;
  *p++ = (char)tag;
  if (n > 0) p = putvarint(p, n);
  f->npos = (uint32_t)(p - c->wire.out.data);
  *p++ = 0;
  advance(c, p);
  lua_pushnil(L); /* before the first key */
  return OPENED;
}


int sk_wire_opentable (lua_State *L, Coder *c, bool meta) {
  const void *key = lua_topointer(L, -1);
  if (key == c->globals || (meta && key == c->errors)) {
    putbyte(c, key == c->globals ? T_GLOBALS : T_ERROR);
    c->calls |= key == c->globals;
    return done(L);
  }
  int status = objectagain(L, c, key);
  if (status != OPENED) return status;
  if (sk_unlikely(maybenamed(c, key, meta))) {
    if (putname(L, c, meta)) return done(L);
    if (c->restart) return FAILED;
  }
  if (!lua_getmetatable(L, -1)) return enteritems(L, c, T_TABLE);
  if (!hastransfer(L)) {
    lua_pop(L, 1);
    return enteritems(L, c, T_TABLE | T_META);
  }
  lua_remove(L, -2);
  return opentransfer(L, c);
}


static int writer (lua_State *L, const void *p, size_t n, void *to) {
  (void)L;
  sk_buf_add(to, p, n);
  return ((Buf *)to)->failed;
}


static int openfunction (lua_State *L, Coder *c) {
  int status = objectagain(L, c, lua_topointer(L, -1));
  if (status != OPENED) return status;
  if (putname(L, c, false)) return done(L);
  if (c->restart) return FAILED;
  if (lua_iscfunction(L, -1)) return sk_wire_failvalue(L, c, "");
  int base = lua_gettop(L);
  if (!needroom(L, c, base)) return sk_wire_faildeep(L, c);
  uint32_t n = 0;
  while (lua_upvalueid(L, base, (int)n + 1) != NULL) n++;
  char *p = needbytes(L, c, 6);
  *p++ = (char)T_FUNCTION;
  *p++ = (char)n;
  advance(c, p + 4); /* the size comes here */
  size_t start = c->wire.out.size;
  if (lua_dump(L, writer, &c->wire.out, 0) != 0) sk_wire_failmemory(L);
  uint32_t size = htole32((uint32_t)(c->wire.out.size - start));
  memcpy(c->wire.out.data + start - 4, &size, sizeof size);
  Frame *f = enter(L, c, F_UPVALUES, base);
  f->n = n;
  return OPENED;
}


static int putref (lua_State *L, Coder *c, const WireRef *ref) {
  uint64_t body[SK_WIRE_BODY / 8] = {0}; /* aligned */
  if (c->what->norefs) {
    lua_pushfstring(L, "%s (it crosses to threads and processes only)",
                    ref->noun);
    return sk_wire_fail(L, c, lua_tostring(L, -1));
  }
  if (sk_buf_need(&c->refs, REF_SIZE) == NULL) sk_wire_failmemory(L);
  int err = ref->encode(L, lua_gettop(L), body);
  if (err < 0) {
    lua_pushfstring(L, "%s: %s", ref->noun, strerror(-err));
    return sk_wire_fail(L, c, lua_tostring(L, -1));
  }
  sk_buf_addchar(&c->refs, (char)ref->cls); /* there is room */
  sk_buf_add(&c->refs, body, sizeof body);
  c->wire.nrefs++;
  putbyte(c, T_REF);
  return done(L);
}


static int openuserdata (lua_State *L, Coder *c) {
  int status = objectagain(L, c, lua_topointer(L, -1));
  if (status != OPENED) return status;
  if (!lua_getmetatable(L, -1)) return sk_wire_failvalue(L, c, "");
  const WireRef *ref = sk_coder_getref(L);
  if (ref != NULL) {
    lua_pop(L, 1);
    return putref(L, c, ref);
  }
  if (hastransfer(L)) {
    lua_remove(L, -2);
    return opentransfer(L, c);
  }
  lua_pop(L, 1);
  return sk_wire_failvalue(L, c, "");
}


int sk_wire_open (lua_State *L, Coder *c, int type) {
  switch (type) {
  case LUA_TTABLE: return sk_wire_opentable(L, c, false);
  case LUA_TFUNCTION: return openfunction(L, c);
  case LUA_TUSERDATA: return openuserdata(L, c);
  default: return sk_wire_failvalue(L, c, "");
  }
}
