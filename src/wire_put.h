/*
** wire_put.h - Writing values: what the encoder's files share.
**
** Small and on the way of every value, so most of it is inline.
*/
#ifndef sk_wire_put_h
#define sk_wire_put_h

#include "wire_coder.h"

/* Push an error object: the path to where the walk is, and the trouble. */
SK_FUNC int sk_wire_fail (lua_State *L, Coder *c, const char *trouble);
/* The value at the top cannot cross; 'remark' follows its description. */
SK_FUNC int sk_wire_failvalue (lua_State *L, Coder *c, const char *remark);
SK_FUNC int sk_wire_faildeep (lua_State *L, Coder *c);
_Noreturn SK_FUNC void sk_wire_failmemory (lua_State *L);

/*
** Open the value at the top, which has parts and the given type: returns
** OPENED, with a frame for it; or DONE, if it could be written at once.
*/
SK_FUNC int sk_wire_open (lua_State *L, Coder *c, int type);
/* The same for a table; 'meta': it is a metatable. */
SK_FUNC int sk_wire_opentable (lua_State *L, Coder *c, bool meta);


/* ---- Bytes ---- */

static inline char *room (Coder *c, size_t n) {
  Buf *b = &c->wire.out;
  return sk_likely(b->cap - b->size >= n) ? b->data + b->size
                                          : sk_buf_need(b, n);
}


static inline char *needbytes (lua_State *L, Coder *c, size_t n) {
  char *p = room(c, n);
  if (p == NULL) sk_wire_failmemory(L);
  return p;
}


static inline char *putvarint (char *p, uint64_t v) {
  for (; v >= 0x80; v >>= 7) *p++ = (char)(v | 0x80);
  *p++ = (char)v;
  return p;
}


static inline void advance (Coder *c, char *p) {
  c->wire.out.size = (size_t)(p - c->wire.out.data);
}


static inline void putbyte (Coder *c, int byte) {
  sk_buf_addchar(&c->wire.out, (char)byte);
}


/* A tag and a number. */
static inline void putnumber (Coder *c, int tag, uint64_t v) {
  char *p = room(c, 11);
  if (p == NULL) return;
  *p++ = (char)tag;
  advance(c, putvarint(p, v));
}


static inline uint32_t here (const Coder *c) {
  return (uint32_t)c->wire.out.size;
}


static inline void putsized (Coder *c, int tag, const char *s, size_t n) {
  char *p = room(c, n + 11);
  if (p == NULL) return;
  *p++ = (char)tag;
  p = putvarint(p, n);
  memcpy(p, s, n);
  advance(c, p + n);
}


static inline Frame *enter (lua_State *L, Coder *c, int kind, int base) {
  Frame *f = sk_coder_open(c, kind, base);
  if (f == NULL) sk_wire_failmemory(L);
  return f;
}


/* Have room on the stack above 'base'. */
static inline bool needroom (lua_State *L, Coder *c, int base) {
  if (sk_likely(base + ROOM <= c->limit)) return true;
  if (!lua_checkstack(L, 2 * ROOM)) return false;
  c->limit = lua_gettop(L) + 2 * ROOM;
  return true;
}


/* ---- What was seen ---- */

/* Keep the value at 'idx' from the collector until the walk is over. */
static inline void anchor (lua_State *L, const Coder *c, int idx) {
  lua_pushvalue(L, idx);
  lua_rawseti(L, c->anchor, (lua_Integer)lua_rawlen(L, c->anchor) + 1);
}


/* What is known of 'key', the address of the value at 'idx'. */
static inline uint32_t *known (lua_State *L, Coder *c, const void *key,
                               int idx) {
  uint32_t *v = sk_memo_at(&c->memo, key);
  if (sk_unlikely(v == NULL)) sk_wire_failmemory(L);
  if (sk_unlikely(c->anchor != 0) && *v == 0) anchor(L, c, idx);
  return v;
}


/*
** Has 'key' been seen? Then refer to it. If not, remember that the tag which
** is written next is its.
*/
static inline bool again (lua_State *L, Coder *c, const void *key, int idx,
                          int tag) {
  if (c->wire.out.failed) sk_wire_failmemory(L);
  uint32_t *pos = known(L, c, key, idx);
  if (*pos == 0) {
    *pos = here(c);
    return false;
  }
  c->wire.out.data[*pos] |= T_MARK;
  putnumber(c, tag, *pos);
  return true;
}


/* ---- Values without parts ---- */

/* Write 'v' to 'p', where there are nine bytes; returns what is behind. */
static inline char *storeint (char *p, lua_Integer v) {
  if (v >= 0 && v < 64)
    *p++ = (char)(T_INT0 + v);
  else if (v >= INT8_MIN && v <= INT8_MAX) {
    *p++ = (char)T_INT8;
    *p++ = (char)v;
  }
  else if (v >= INT16_MIN && v <= INT16_MAX) {
    uint16_t le = htole16((uint16_t)v);
    *p++ = (char)T_INT16;
    memcpy(p, &le, sizeof le);
    p += sizeof le;
  }
  else if (v >= INT32_MIN && v <= INT32_MAX) {
    uint32_t le = htole32((uint32_t)v);
    *p++ = (char)T_INT32;
    memcpy(p, &le, sizeof le);
    p += sizeof le;
  }
  else {
    uint64_t le = htole64((uint64_t)v);
    *p++ = (char)T_INT64;
    memcpy(p, &le, sizeof le);
    p += sizeof le;
  }
  return p;
}


static inline void putint (Coder *c, lua_Integer v) {
  char *p = room(c, 9);
  if (p != NULL) advance(c, storeint(p, v));
}


static inline void putfloat (Coder *c, lua_Number v) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  bits = htole64(bits);
  char *p = room(c, 9);
  if (p == NULL) return;
  *p++ = (char)T_FLOAT;
  memcpy(p, &bits, sizeof bits);
  advance(c, p + sizeof bits);
}


/* A string by its number. */
static inline char *storenumber (char *p, uint32_t number) {
  if (number <= T_NIL - T_NUMBERED) {
    *p++ = (char)(T_NUMBERED + number - 1);
    return p;
  }
  *p++ = (char)T_NUMBER;
  return putvarint(p, number);
}


/* A string that Lua interns: 'v' is 0, 1 (seen once), or its number + 1. */
static inline void putshort (Coder *c, uint32_t *v, const char *s, size_t n) {
  char *p = room(c, INTERNED + 8);
  if (p == NULL) return;
  if (*v > 1) {
    advance(c, storenumber(p, *v - 1));
    return;
  }
  if (*v == 0) {
    *p++ = (char)(T_SHORT + n);
    *v = 1;
  }
  else {
    *p++ = (char)T_DEFINE;
    *p++ = (char)n;
    *v = ++c->nstrings + 1;
  }
  memcpy(p, s, n);
  advance(c, p + n);
}


static inline void putlong (lua_State *L, Coder *c, int idx, const char *s,
                            size_t n) {
  if (again(L, c, s, idx, T_AGAIN)) return;
  putsized(c, T_STRING, s, n);
}


static inline void putstring (lua_State *L, Coder *c, int idx) {
  size_t n;
  const char *s = lua_tolstring(L, idx, &n);
  uint32_t first = 0;
  if (sk_unlikely(n > INTERNED))
    putlong(L, c, idx, s, n);
  else if (here(c) < UNNUMBERED) /* to look for it costs more than it saves */
    putshort(c, &first, s, n);
  else
    putshort(c, known(L, c, s, idx), s, n);
}


/* Encode the value at 'idx' if it has no parts. */
static inline bool putplain (lua_State *L, Coder *c, int idx, int type) {
  switch (type) {
  case LUA_TSTRING: putstring(L, c, idx); return true;
  case LUA_TNUMBER:
    if (lua_isinteger(L, idx))
      putint(c, lua_tointeger(L, idx));
    else
      putfloat(c, lua_tonumber(L, idx));
    return true;
  case LUA_TBOOLEAN:
    putbyte(c, lua_toboolean(L, idx) ? T_TRUE : T_FALSE);
    return true;
  case LUA_TNIL: putbyte(c, T_NIL); return true;
  default: return false;
  }
}


/* The value at the top is written. */
static inline int done (lua_State *L) {
  lua_pop(L, 1);
  return DONE;
}

#endif
