/*
** wire_get.h - Reading values: what the decoder's files share.
*/
#ifndef sk_wire_get_h
#define sk_wire_get_h

#include <lauxlib.h>

#include "wire_coder.h"

/* Push the next value, or open it: it is complete when its frame ends. */
SK_FUNC int sk_wire_value (lua_State *L, Coder *c);
/* Push the marked value at the position that is read. */
SK_FUNC int sk_wire_pushagain (lua_State *L, Coder *c);

/* What only the family may send: wire_accept.c. 'pos' is that of the tag. */
SK_FUNC int sk_wire_openfunction (lua_State *L, Coder *c, uint32_t pos,
                                  int tag);
SK_FUNC int sk_wire_stepupvalues (lua_State *L, Coder *c);
SK_FUNC int sk_wire_openbuild (lua_State *L, Coder *c, uint32_t pos, int tag);
SK_FUNC int sk_wire_stepargs (lua_State *L, Coder *c);
SK_FUNC int sk_wire_pushnamed (lua_State *L, Coder *c, uint32_t pos, int tag);
SK_FUNC int sk_wire_pushref (lua_State *L, Coder *c, uint32_t pos, int tag);
SK_FUNC int sk_wire_pushglobals (lua_State *L, Coder *c);


/* ---- Failure: the reason is in 'c->why', or a string is on the stack ---- */

static inline int fail (Coder *c, const char *why) {
  c->why = why;
  return FAILED;
}


static inline int failshort (Coder *c) {
  return fail(c, "it ends too early");
}


/* The reason is the string at the top of the stack. */
static inline int failtop (Coder *c) {
  return fail(c, NULL);
}


static inline int failrefused (lua_State *L, Coder *c, const char *what) {
  lua_pushfstring(L, "%s (not accepted without the option 'functions')", what);
  return failtop(c);
}


/* ---- Bytes ---- */

static inline size_t left (const Coder *c) {
  return (size_t)(c->end - c->at);
}


static inline bool readvarint (Coder *c, uint64_t *v) {
  *v = 0;
  for (int shift = 0; shift < 64 && c->at < c->end; shift += 7) {
    uint8_t byte = (uint8_t)*c->at++;
    *v |= (uint64_t)(byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}


/* A length: of bytes that must be there. */
static inline bool readlength (Coder *c, size_t *n) {
  uint64_t v;
  if (!readvarint(c, &v) || v > left(c)) return false;
  *n = (size_t)v;
  return true;
}


/* Claim 'n' bytes at least for what has been opened. */
static inline bool claim (Coder *c, uint64_t n) {
  if (n > left(c) || c->owed > left(c) - n) return false;
  c->owed += n;
  return true;
}


/* ---- What comes again ---- */

static inline void needkeep (lua_State *L, Coder *c) {
  if (lua_type(L, c->keep) == LUA_TTABLE) return;
  lua_createtable(L, 8, 0);
  lua_replace(L, c->keep);
}


/* Keep the value at 'idx', whose tag is at 'pos'. */
static inline void keepmarked (lua_State *L, Coder *c, uint32_t pos, int idx) {
  lua_pushvalue(L, idx);
  needkeep(L, c);
  lua_rawseti(L, c->keep, -(lua_Integer)pos);
}


/* ---- Numbers and frames ---- */

#define READ(c, type, swap, v)                                                 \
  (left(c) < sizeof(type) ? false                                              \
                          : (memcpy(&(v), (c)->at, sizeof(type)),              \
                             (c)->at += sizeof(type), (v) = swap(v), true))


/* Have room on the stack for what is opened at 'base'. */
static inline bool needroom (lua_State *L, Coder *c, int base) {
  if (sk_likely(base + ROOM <= c->limit)) return true;
  if (!lua_checkstack(L, 2 * ROOM)) return false;
  c->limit = lua_gettop(L) + 2 * ROOM;
  return true;
}


/* A frame for the value at the top, of 'n' parts; NULL: it is too deep. */
static inline Frame *enter (lua_State *L, Coder *c, int kind, uint32_t pos,
                            int tag, uint32_t n) {
  int base = lua_gettop(L);
  if (!needroom(L, c, base)) {
    fail(c, "it is nested too deeply");
    return NULL;
  }
  Frame *f = sk_coder_open(c, kind, base);
  if (f == NULL) luaL_error(L, "not enough memory");
  f->pos = pos;
  f->tag = (uint8_t)tag;
  f->n = n;
  return f;
}

#endif
