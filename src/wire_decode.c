/*
** wire_decode.c - Bytes to Lua values. See wire.h, wire_coder.h.
**
** Nothing in the bytes is believed. A value has at least as many bytes as it
** claims to have parts, and what the open values still claim is 'owed' by the
** rest of the message: so all that is allocated in advance is bounded by the
** size of the message, whatever the message says.
**
** The walk keeps its place in frames, as the encoder does, and the values
** that are not complete on the Lua stack. What comes again is in the 'keep'
** table: strings by their number, marked values by their negated position.
*/
#include <math.h>

#include "lib.h"
#include "wire_get.h"

#define NOKEY "a key that is nil or NaN"


/* Push the marked value at the position that is read. */
int sk_wire_pushagain (lua_State *L, Coder *c) {
  uint64_t pos;
  if (!readvarint(c, &pos)) return failshort(c);
  if (pos > UINT32_MAX || lua_type(L, c->keep) != LUA_TTABLE ||
      lua_rawgeti(L, c->keep, -(lua_Integer)pos) == LUA_TNIL)
    return fail(c, "a reference to nothing");
  return DONE;
}


static int pushnumbered (lua_State *L, Coder *c, uint64_t number) {
  if (number == 0 || number > c->nstrings) return fail(c, "an unknown string");
  lua_rawgeti(L, c->keep, (lua_Integer)number);
  return DONE;
}


static int pushdefined (lua_State *L, Coder *c) {
  size_t n;
  if (!readlength(c, &n)) return failshort(c);
  lua_pushlstring(L, c->at, n);
  c->at += n;
  needkeep(L, c);
  lua_pushvalue(L, -1);
  lua_rawseti(L, c->keep, ++c->nstrings);
  return DONE;
}


/* ---- Values without parts ---- */

static int pushint (lua_State *L, Coder *c, int tag) {
  uint16_t v16 = 0;
  uint32_t v32 = 0;
  uint64_t v64 = 0;
  lua_Integer v;
  bool ok;
  switch (tag) {
  case T_INT8:
    ok = left(c) > 0;
    v = ok ? (int8_t)*c->at++ : 0;
    break;
  case T_INT16:
    ok = READ(c, uint16_t, le16toh, v16);
    v = (int16_t)v16;
    break;
  case T_INT32:
    ok = READ(c, uint32_t, le32toh, v32);
    v = (int32_t)v32;
    break;
  default: ok = READ(c, uint64_t, le64toh, v64); v = (lua_Integer)v64;
  }
  if (!ok) return failshort(c);
  lua_pushinteger(L, v);
  return DONE;
}


static int pushfloat (lua_State *L, Coder *c) {
  uint64_t bits = 0;
  lua_Number v;
  if (!READ(c, uint64_t, le64toh, bits)) return failshort(c);
  memcpy(&v, &bits, sizeof v);
  lua_pushnumber(L, v);
  return DONE;
}


static int pushstring (lua_State *L, Coder *c, uint32_t pos, int tag) {
  size_t n;
  if (!readlength(c, &n)) return failshort(c);
  lua_pushlstring(L, c->at, n);
  c->at += n;
  if (tag & T_MARK) keepmarked(L, c, pos, -1);
  return DONE;
}


/* ---- Opening values ---- */

static int opentable (lua_State *L, Coder *c, uint32_t pos, int tag) {
  uint64_t n = 0;
  if ((tag & T_ITEMS) && !readvarint(c, &n)) return failshort(c);
  if (left(c) == 0) return failshort(c);
  uint32_t pairs = (uint8_t)*c->at++;
  if (n > left(c) || !claim(c, n + 2 * pairs + ((tag & T_META) != 0)))
    return fail(c, "a table larger than the message");
  if (n > INT32_MAX) return fail(c, "a table too large");
  lua_createtable(L, (int)n, (int)pairs);
  if (tag & T_MARK) keepmarked(L, c, pos, -1);
  Frame *f = enter(L, c, F_ITEMS, pos, tag, (uint32_t)n);
  if (f == NULL) return FAILED;
  f->pairs = pairs;
  f->holes = pairs == MANY;
  return OPENED;
}


/* The tags above T_FLOAT. */
static int decoderare (lua_State *L, Coder *c, uint32_t pos, int tag) {
  uint64_t n;
  if (tag >= T_TABLE)
    return tag < T_TABLE + 8 ? opentable(L, c, pos, tag)
                             : fail(c, "an unknown tag");
  switch (tag & (tag < T_STRING ? ~0 : ~T_MARK)) {
  case T_DEFINE: return pushdefined(L, c);
  case T_NUMBER:
    return readvarint(c, &n) ? pushnumbered(L, c, n) : failshort(c);
  case T_AGAIN: return sk_wire_pushagain(L, c);
  case T_GLOBALS: return sk_wire_pushglobals(L, c);
  case T_ERROR: luaL_getmetatable(L, "skein.Error"); return DONE;
  case T_STRING: return pushstring(L, c, pos, tag);
  case T_FUNCTION: return sk_wire_openfunction(L, c, pos, tag);
  case T_NAME: return sk_wire_pushnamed(L, c, pos, tag);
  case T_BUILD: return sk_wire_openbuild(L, c, pos, tag);
  case T_REF: return sk_wire_pushref(L, c, pos, tag);
  default: return fail(c, "an unknown tag");
  }
}


/* Push the next value, or open it: then it is complete when its frame ends. */
static inline int decodeone (lua_State *L, Coder *c) {
  if (sk_unlikely(c->at == c->end)) return failshort(c);
  uint32_t pos = (uint32_t)(c->at - c->in);
  int tag = (uint8_t)*c->at++;
  if (tag < T_SHORT) {
    lua_pushinteger(L, tag - T_INT0);
    return DONE;
  }
  if (tag <= T_SHORT + INTERNED) {
    size_t n = (size_t)(tag - T_SHORT);
    if (n > left(c)) return failshort(c);
    lua_pushlstring(L, c->at, n);
    c->at += n;
    return DONE;
  }
  if (tag >= T_NUMBERED && tag < T_NIL)
    return pushnumbered(L, c, (uint64_t)(tag - T_NUMBERED + 1));
  switch (tag) {
  case T_NIL: lua_pushnil(L); return DONE;
  case T_FALSE: lua_pushboolean(L, 0); return DONE;
  case T_TRUE: lua_pushboolean(L, 1); return DONE;
  case T_INT8:
  case T_INT16:
  case T_INT32:
  case T_INT64: return pushint(L, c, tag);
  case T_FLOAT: return pushfloat(L, c);
  default:
    if (tag < T_NIL) return fail(c, "an unknown tag");
    return decoderare(L, c, pos, tag);
  }
}


int sk_wire_value (lua_State *L, Coder *c) {
  return decodeone(L, c);
}


/* ---- Steps: each goes on until a value opens or its own is complete ---- */

/* The metatable is complete, at the top, above its table. */
static int stepmeta (lua_State *L, Coder *c) {
  Frame *f = topframe(c);
  if (!f->half) {
    f->half = true;
    c->owed--;
    int status = sk_wire_value(L, c);
    if (status != DONE) return status;
  }
  if (!lua_istable(L, -1)) return fail(c, "a metatable that is no table");
  lua_setmetatable(L, f->base);
  c->nframes--;
  return DONE;
}


/* The pairs are done: are there '*more', or a metatable? Where a value opens
   the frames may have moved. */
static int endpairs (lua_State *L, Coder *c, Frame *f, bool *more) {
  uint64_t n = 0;
  if (f->holes) {
    f->holes = false;
    if (!readvarint(c, &n)) return failshort(c);
    if (n > left(c) || !claim(c, 2 * n))
      return fail(c, "a table larger than the message");
    f->pairs = (uint32_t)n;
    f->i = 0;
  }
  *more = n > 0;
  if (*more) return DONE;
  if (f->tag & T_META) {
    f->kind = F_META;
    return stepmeta(L, c);
  }
  c->nframes--;
  return DONE;
}


/* Does this tag begin an interned string? */
static inline bool isstringtag (int tag) {
  return tag >= T_SHORT && tag < T_NIL;
}


/* The key at the top: may it be one? */
static inline bool iskey (lua_State *L) {
  switch (lua_type(L, -1)) {
  case LUA_TSTRING: return true;
  case LUA_TNIL: return false;
  case LUA_TNUMBER: return !isnan(lua_tonumber(L, -1));
  default: return true;
  }
}


/* Decode one pair after the other, none of them begun. */
static int pairs (lua_State *L, Coder *c, Frame *f) {
  for (;;) {
    if (f->i == f->pairs) {
      bool more = false;
      int status = endpairs(L, c, f, &more);
      if (!more) return status;
    }
    c->owed -= 2;
    f->i++;
    bool isstring = c->at < c->end && isstringtag((uint8_t)*c->at);
    int status = decodeone(L, c);
    if (status != DONE) return status;
    if (!isstring && !iskey(L)) return fail(c, NOKEY);
    f->half = true;
    status = decodeone(L, c);
    if (status != DONE) return status;
    f->half = false;
    lua_rawset(L, f->base);
  }
}


/* A key (then not 'half') or a value has become complete. */
static int steppairs (lua_State *L, Coder *c) {
  Frame *f = topframe(c);
  if (!f->half) {
    if (!iskey(L)) return fail(c, NOKEY);
    f->half = true;
    int status = decodeone(L, c);
    if (status != DONE) return status;
  }
  f->half = false;
  lua_rawset(L, f->base);
  return pairs(L, c, f);
}


static int stepitems (lua_State *L, Coder *c) {
  Frame *f = topframe(c);
  if (f->half) lua_rawseti(L, f->base, f->i);
  f->half = true;
  while (f->i < f->n) {
    f->i++;
    c->owed--;
    int status = decodeone(L, c);
    if (status != DONE) return status;
    lua_rawseti(L, f->base, f->i);
  }
  f->kind = F_PAIRS;
  f->half = false;
  f->i = 0;
  return pairs(L, c, f);
}


/* Push integers in a row, of the commonest size. */
static void pushrun (lua_State *L, Coder *c, Frame *f) {
  const char *at = c->at;
  uint32_t i = f->i, v;
  while (i < f->n && c->end - at > (ptrdiff_t)sizeof v &&
         (uint8_t)*at == T_INT32 && needroom(L, c, f->base + (int)i + 1)) {
    memcpy(&v, at + 1, sizeof v);
    lua_pushinteger(L, (int32_t)le32toh(v));
    at += 1 + sizeof v;
    i++;
  }
  c->owed -= (size_t)(i - f->i);
  f->i = i;
  c->at = at;
}


static int steptop (lua_State *L, Coder *c) {
  Frame *f = topframe(c);
  while (f->i < f->n) {
    if (c->at < c->end && (uint8_t)*c->at == T_INT32) pushrun(L, c, f);
    if (f->i == f->n) break;
    f->i++;
    c->owed--;
    if (!needroom(L, c, f->base + (int)f->i)) return fail(c, "too many values");
    int status = decodeone(L, c);
    if (status != DONE) return status;
  }
  if (c->at != c->end) return fail(c, "it goes on after its end");
  c->nframes--;
  return DONE;
}


static int step (lua_State *L, Coder *c) {
  switch (topframe(c)->kind) {
  case F_TOP: return steptop(L, c);
  case F_ITEMS: return stepitems(L, c);
  case F_PAIRS: return steppairs(L, c);
  case F_META: return stepmeta(L, c);
  case F_UPVALUES: return sk_wire_stepupvalues(L, c);
  default: return sk_wire_stepargs(L, c);
  }
}


/* ---- Messages ---- */

/* Find the references at the end of a message, whose head is checked. */
static bool findrefs (const char *bytes, size_t n, const char **refs,
                      uint32_t *count) {
  if (n < 1 + sizeof *count) return false;
  memcpy(count, bytes + n - sizeof *count, sizeof *count);
  *count = le32toh(*count);
  if (*count > (n - 1 - sizeof *count) / REF_SIZE) return false;
  *refs = bytes + n - sizeof *count - (size_t)*count * REF_SIZE;
  return true;
}


/* Look at the head, and cut off what comes after the values. */
static int readhead (lua_State *L, Coder *c) {
  if (left(c) < 2) return failshort(c);
  int head = (uint8_t)*c->at;
  if ((head & ~(HEAD_REFS | HEAD_SEAL)) != HEAD)
    return fail(c, "it is of no known version");
  if (head & HEAD_SEAL) {
    uint64_t seal;
    if (left(c) < 2 + sizeof seal) return failshort(c);
    c->end -= sizeof seal;
    memcpy(&seal, c->end, sizeof seal);
    if (sk_seal_fits(c->in, left(c), le64toh(seal))) c->flags |= SEALED;
  }
  if (head & HEAD_REFS) {
    const char *refs;
    uint32_t count;
    if (c->flags & SK_WIRE_NOREFS) return fail(c, "it has references");
    if (!findrefs(c->in, left(c), &refs, &count)) return failshort(c);
    sk_buf_add(&c->refs, refs, (size_t)count * REF_SIZE);
    if (c->refs.failed) luaL_error(L, "not enough memory");
    c->end = refs;
  }
  c->at++;
  return DONE;
}


static int decodeall (lua_State *L, Coder *c, uint64_t *n) {
  if (readhead(L, c) != DONE) return FAILED;
  if (!readvarint(c, n) || !claim(c, *n) || *n > INT32_MAX) return failshort(c);
  if (!enter(L, c, F_TOP, 0, 0, (uint32_t)*n)) return FAILED;
  while (c->nframes > 0)
    if (step(L, c) == FAILED) return FAILED;
  return DONE;
}


int sk_wire_decode (lua_State *L, Wire *w, const char *bytes, size_t n,
                    int flags) {
  Coder *c = (Coder *)w;
  uint64_t count;
  luaL_checkstack(L, ROOM, NULL);
  sk_coder_occupy(c);
  sk_coder_begin(c);
  c->in = c->at = bytes;
  c->end = bytes + n;
  c->flags = flags;
  c->owed = 0;
  c->usedrefs = c->nstrings = 0;
  lua_pushnil(L); /* the keep table, once it is needed */
  c->keep = lua_gettop(L);
  c->limit = c->keep - 1 + ROOM;
  int status = decodeall(L, c, &count);
  if (c->refs.size > 0) sk_coder_drop(c, c->usedrefs);
  if (status == DONE) {
    lua_remove(L, c->keep);
    c->busy = 0;
    return (int)count;
  }
  c->nframes = 0;
  if (c->why == NULL)
    lua_pushfstring(L, "cannot %s: %s",
                    flags & SK_WIRE_NOREFS ? "unpack" : "receive",
                    lua_tostring(L, -1));
  else
    lua_pushfstring(L, "malformed message: %s (at byte %d)", c->why,
                    (int)(c->at - c->in));
  lua_copy(L, -1, c->keep);
  lua_settop(L, c->keep);
  c->busy = 0;
  return -1;
}


void sk_wire_drop (const char *bytes, size_t n) {
  const char *refs;
  uint32_t count;
  if (n == 0 || !((uint8_t)bytes[0] & HEAD_REFS)) return;
  if (!findrefs(bytes, n, &refs, &count)) return;
  for (; count > 0; count--, refs += REF_SIZE) {
    uint64_t body[SK_WIRE_BODY / 8];
    memcpy(body, refs + 1, sizeof body);
    const WireRef *ref = sk_coder_ref((uint8_t)refs[0]);
    if (ref != NULL) ref->drop(body);
  }
}


bool sk_wire_isstring (const char *bytes, size_t n, size_t *at, size_t *len) {
  Coder c = {.in = bytes, .at = bytes + 3, .end = bytes + n};
  uint64_t v;
  if (n < 4 || (uint8_t)bytes[0] != HEAD || bytes[1] != 1 ||
      (uint8_t)bytes[2] != T_STRING || !readvarint(&c, &v))
    return false;
  *at = (size_t)(c.at - bytes);
  *len = (size_t)v;
  return true;
}
