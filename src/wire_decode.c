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
#include <lauxlib.h>
#include <math.h>

#include "lib.h"
#include "wire_coder.h"

#define ROOM 40 /* stack slots that an open value may need */
#define NOKEY "a key that is nil or NaN"


/* ---- Failure: the reason is in 'c->why', or a string is on the stack ---- */

static int fail (Coder *c, const char *why) {
  c->why = why;
  return FAILED;
}


static int failshort (Coder *c) {
  return fail(c, "it ends too early");
}


/* The reason is the string at the top of the stack. */
static int failtop (Coder *c) {
  return fail(c, NULL);
}


static int failrefused (lua_State *L, Coder *c, const char *what) {
  lua_pushfstring(L, "%s (not accepted without the option 'functions')", what);
  return failtop(c);
}


/* ---- Bytes ---- */

static inline size_t left (const Coder *c) {
  return (size_t)(c->end - c->at);
}


static bool readvarint (Coder *c, uint64_t *v) {
  *v = 0;
  for (int shift = 0; shift < 64 && c->at < c->end; shift += 7) {
    uint8_t byte = (uint8_t)*c->at++;
    *v |= (uint64_t)(byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}


/* A length: of bytes that must be there. */
static bool readlength (Coder *c, size_t *n) {
  uint64_t v;
  if (!readvarint(c, &v) || v > left(c)) return false;
  *n = (size_t)v;
  return true;
}


/* Claim 'n' bytes at least for what has been opened. */
static bool claim (Coder *c, uint64_t n) {
  if (n > left(c) || c->owed > left(c) - n) return false;
  c->owed += n;
  return true;
}


/* ---- What comes again ---- */

static void needkeep (lua_State *L, Coder *c) {
  if (lua_type(L, c->keep) == LUA_TTABLE) return;
  lua_createtable(L, 8, 0);
  lua_replace(L, c->keep);
}


/* Keep the value at 'idx', whose tag is at 'pos'. */
static void keepmarked (lua_State *L, Coder *c, uint32_t pos, int idx) {
  lua_pushvalue(L, idx);
  needkeep(L, c);
  lua_rawseti(L, c->keep, -(lua_Integer)pos);
}


/* Push the marked value at the position that is read. */
static int pushagain (lua_State *L, Coder *c) {
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

#define READ(c, type, swap, v)                                               \
  (left(c) < sizeof(type)                                                    \
       ? false                                                               \
       : (memcpy(&(v), (c)->at, sizeof(type)), (c)->at += sizeof(type),      \
          (v) = swap(v), true))


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
  default:
    ok = READ(c, uint64_t, le64toh, v64);
    v = (lua_Integer)v64;
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

/* Have room on the stack for what is opened at 'base'. */
static inline bool needroom (lua_State *L, Coder *c, int base) {
  if (sk_likely(base + ROOM <= c->limit)) return true;
  if (!lua_checkstack(L, 2 * ROOM)) return false;
  c->limit = lua_gettop(L) + 2 * ROOM;
  return true;
}


/* A frame for the value at the top, of 'n' parts; NULL: it is too deep. */
static Frame *enter (lua_State *L, Coder *c, int kind, uint32_t pos, int tag,
                     uint32_t n) {
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


static bool hasupvalue (lua_State *L, int idx, int i) {
  return lua_upvalueid(L, idx, i) != NULL;
}


static int openfunction (lua_State *L, Coder *c, uint32_t pos, int tag) {
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


static int decode (lua_State *L, Coder *c);


/* The name is a plain string, perhaps one that came before. */
static int readname (lua_State *L, Coder *c) {
  if (left(c) == 0) return failshort(c);
  int tag = (uint8_t)*c->at;
  if (tag >= T_TABLE || tag == T_NAME || decode(L, c) != DONE ||
      lua_type(L, -1) != LUA_TSTRING)
    return fail(c, "a name that is no string");
  return DONE;
}


static int openbuild (lua_State *L, Coder *c, uint32_t pos, int tag) {
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
static int pushnamed (lua_State *L, Coder *c, uint32_t pos, int tag) {
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


static int pushref (lua_State *L, Coder *c, uint32_t pos, int tag) {
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


static int pushglobals (lua_State *L, Coder *c) {
  if (!maycall(c)) return failrefused(L, c, "the table of globals");
  lua_pushglobaltable(L);
  return DONE;
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
  case T_AGAIN: return pushagain(L, c);
  case T_GLOBALS: return pushglobals(L, c);
  case T_ERROR: luaL_getmetatable(L, "skein.Error"); return DONE;
  case T_STRING: return pushstring(L, c, pos, tag);
  case T_FUNCTION: return openfunction(L, c, pos, tag);
  case T_NAME: return pushnamed(L, c, pos, tag);
  case T_BUILD: return openbuild(L, c, pos, tag);
  case T_REF: return pushref(L, c, pos, tag);
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


static int decode (lua_State *L, Coder *c) {
  return decodeone(L, c);
}


/* ---- Steps: each goes on until a value opens or its own is complete ---- */

/* The metatable is complete, at the top, above its table. */
static int stepmeta (lua_State *L, Coder *c) {
  Frame *f = topframe(c);
  if (!f->half) {
    f->half = true;
    c->owed--;
    int status = decode(L, c);
    if (status != DONE) return status;
  }
  if (!lua_istable(L, -1)) return fail(c, "a metatable that is no table");
  lua_setmetatable(L, f->base);
  c->nframes--;
  return DONE;
}


/* The pairs are done: are there more, or a metatable? */
static int endpairs (lua_State *L, Coder *c, Frame *f) {
  uint64_t n = 0;
  if (f->holes) {
    f->holes = false;
    if (!readvarint(c, &n)) return failshort(c);
    if (n > left(c) || !claim(c, 2 * n))
      return fail(c, "a table larger than the message");
    f->pairs = (uint32_t)n;
    f->i = 0;
  }
  if (n > 0) return OPENED; /* go on */
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
      int status = endpairs(L, c, f);
      if (status != OPENED || f->kind != F_PAIRS) return status;
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


/* Let upvalue 'i' be the marked one at the position that is read. */
static int joinupvalue (lua_State *L, Coder *c, int base, int i) {
  const char *start = c->at;
  uint64_t pos;
  if (!readvarint(c, &pos)) return failshort(c);
  if (pos + 1 >= (uint64_t)(start - c->in) ||
      (uint8_t)c->in[pos] != (T_UPVALUE | T_MARK))
    return fail(c, "a reference to no upvalue");
  c->at = start;
  if (pushagain(L, c) != DONE) return FAILED;
  int other = (uint8_t)c->in[pos + 1];
  if (!lua_isfunction(L, -1) || lua_iscfunction(L, -1) ||
      !hasupvalue(L, -1, other))
    return fail(c, "a reference to no upvalue");
  lua_upvaluejoin(L, base, i, -1, other);
  lua_pop(L, 1);
  return DONE;
}


/* The function at 'base', its upvalue before the present one complete. */
static int stepupvalues (lua_State *L, Coder *c) {
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
    int status = decode(L, c);
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
static int stepargs (lua_State *L, Coder *c) {
  Frame *f = topframe(c);
  while (f->i < f->n) {
    f->i++;
    c->owed--;
    if (!needroom(L, c, f->base + (int)f->i))
      return fail(c, "too many arguments");
    int status = decode(L, c);
    if (status != DONE) return status;
  }
  lua_pushcfunction(L, build);
  lua_insert(L, f->base);
  c->busy = true;
  int status = lua_pcall(L, lua_gettop(L) - f->base, 1, 0);
  c->busy = false;
  if (status != LUA_OK) {
    sk_coder_totext(L);
    return failtop(c);
  }
  if (f->tag & T_MARK) keepmarked(L, c, f->pos, -1);
  c->nframes--;
  return DONE;
}


static int steptop (lua_State *L, Coder *c) {
  Frame *f = topframe(c);
  while (f->i < f->n) {
    f->i++;
    c->owed--;
    if (!needroom(L, c, f->base + (int)f->i))
      return fail(c, "too many values");
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
  case F_UPVALUES: return stepupvalues(L, c);
  default: return stepargs(L, c);
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
  if (!readvarint(c, n) || !claim(c, *n) || *n > INT32_MAX)
    return failshort(c);
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
    return (int)count;
  }
  c->nframes = 0;
  if (c->why == NULL)
    lua_pushfstring(L, "cannot receive: %s", lua_tostring(L, -1));
  else
    lua_pushfstring(L, "malformed message: %s (at byte %d)", c->why,
                    (int)(c->at - c->in));
  lua_copy(L, -1, c->keep);
  lua_settop(L, c->keep);
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


bool sk_wire_isstring (const char *bytes, size_t n, size_t *at,
                       size_t *len) {
  Coder c = {.in = bytes, .at = bytes + 3, .end = bytes + n};
  uint64_t v;
  if (n < 4 || (uint8_t)bytes[0] != HEAD || bytes[1] != 1 ||
      (uint8_t)bytes[2] != T_STRING || !readvarint(&c, &v))
    return false;
  *at = (size_t)(c.at - bytes);
  *len = (size_t)v;
  return true;
}
