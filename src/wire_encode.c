/*
** wire_encode.c - Lua values to bytes. See wire.h, wire_coder.h.
**
** The walk keeps its place in frames, and the open values on the Lua stack:
** a table below the key it has reached, a function, an object below what its
** '__transfer' returned. A step function goes on in the top frame until a
** value opens another or its own is done. On a failure the frames still tell
** where the walk was: that is the path in the error.
**
** Addresses tell values apart, which is only right while nothing is freed:
** when '__transfer' may run, the walk begins again with an anchor, a table
** that keeps all that was seen.
*/
#include <lauxlib.h>

#include "lib.h"
#include "wire_coder.h"

#define TAIL_MIN 1024 /* shorter strings are copied even at the end */
#define ROOM 40       /* stack slots that an open value, or a failure, needs */


/* ---- Bytes ---- */

static inline char *room (Coder *c, size_t n) {
  Buf *b = &c->wire.out;
  return sk_likely(b->cap - b->size >= n) ? b->data + b->size
                                          : sk_buf_need(b, n);
}


static inline char *putvarint (char *p, uint64_t v) {
  for (; v >= 0x80; v >>= 7) *p++ = (char)(v | 0x80);
  *p++ = (char)v;
  return p;
}


static inline void advance (Coder *c, char *p) {
  c->wire.out.size = (size_t)(p - c->wire.out.data);
}


static void putbyte (Coder *c, int byte) {
  sk_buf_addchar(&c->wire.out, (char)byte);
}


/* A tag and a number. */
static void putnumber (Coder *c, int tag, uint64_t v) {
  char *p = room(c, 11);
  if (p == NULL) return;
  *p++ = (char)tag;
  advance(c, putvarint(p, v));
}


static inline uint32_t here (const Coder *c) {
  return (uint32_t)c->wire.out.size;
}


static void putsized (Coder *c, int tag, const char *s, size_t n) {
  char *p = room(c, n + 11);
  if (p == NULL) return;
  *p++ = (char)tag;
  p = putvarint(p, n);
  memcpy(p, s, n);
  advance(c, p + n);
}


/* ---- Failure ---- */

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
static int fail (lua_State *L, Coder *c, const char *trouble) {
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


static int failmemory (lua_State *L) {
  return luaL_error(L, "not enough memory");
}


static int faildeep (lua_State *L, Coder *c) {
  return fail(L, c, "nested too deeply");
}


/* The value at the top of the stack cannot cross. */
static int failvalue (lua_State *L, Coder *c, const char *remark) {
  char name[128];
  describe(L, -1, name, sizeof name);
  size_t n = strlen(name);
  snprintf(name + n, sizeof name - n, "%s", remark);
  return fail(L, c, name);
}


static Frame *enter (lua_State *L, Coder *c, int kind, int base) {
  Frame *f = sk_coder_open(c, kind, base);
  if (f == NULL) failmemory(L);
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
static void anchor (lua_State *L, const Coder *c, int idx) {
  lua_pushvalue(L, idx);
  lua_rawseti(L, c->anchor, (lua_Integer)lua_rawlen(L, c->anchor) + 1);
}


/* What is known of 'key', the address of the value at 'idx'. */
static inline uint32_t *known (lua_State *L, Coder *c, const void *key,
                               int idx) {
  uint32_t *v = sk_memo_at(&c->memo, key);
  if (sk_unlikely(v == NULL)) failmemory(L);
  if (sk_unlikely(c->anchor != 0) && *v == 0) anchor(L, c, idx);
  return v;
}


/*
** Has 'key' been seen? Then refer to it. If not, remember that the tag which
** is written next is its.
*/
static inline bool again (lua_State *L, Coder *c, const void *key, int idx, int tag) {
  if (c->wire.out.failed) failmemory(L);
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

static inline void putint (Coder *c, lua_Integer v) {
  char *p = room(c, 9);
  if (p == NULL) return;
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
  advance(c, p);
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


/* A string that Lua interns: 'v' is 0, 1 (seen once), or its number + 1. */
static inline void putshort (Coder *c, uint32_t *v, const char *s, size_t n) {
  char *p = room(c, INTERNED + 8);
  if (p == NULL) return;
  if (*v > 1) {
    uint32_t number = *v - 1;
    if (number <= T_NIL - T_NUMBERED)
      *p++ = (char)(T_NUMBERED + number - 1);
    else {
      *p++ = (char)T_NUMBER;
      p = putvarint(p, number);
    }
    advance(c, p);
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


static void putlong (lua_State *L, Coder *c, int idx, const char *s,
                     size_t n) {
  if (again(L, c, s, idx, T_AGAIN)) return;
  putsized(c, T_STRING, s, n);
}


static inline void putstring (lua_State *L, Coder *c, int idx) {
  size_t n;
  const char *s = lua_tolstring(L, idx, &n);
  if (n <= INTERNED)
    putshort(c, known(L, c, s, idx), s, n);
  else
    putlong(L, c, idx, s, n);
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


/* ---- Opening values: the value is at the top; done, it is popped ---- */

static int done (lua_State *L) {
  lua_pop(L, 1);
  return DONE;
}


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
  c->busy = true;
  int status = lua_pcall(L, 1, LUA_MULTRET, 0);
  c->busy = false;
  if (status != LUA_OK) {
    sk_coder_totext(L);
    lua_pushfstring(L, "__transfer: %s", lua_tostring(L, -1));
    return fail(L, c, lua_tostring(L, -1));
  }
  const char *name = lua_type(L, base + 1) == LUA_TSTRING
                         ? lua_tostring(L, base + 1) : "";
  if (strchr(name, '.') == NULL)
    return fail(L, c, "__transfer did not return \"module.function\"");
  int n = lua_gettop(L) - base - 1;
  if (!needroom(L, c, base + 1 + n)) return faildeep(L, c);
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
    return fail(L, c, "an object in its own __transfer");
  return done(L);
}


static int opentable (lua_State *L, Coder *c, bool meta) {
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
  int tag = T_TABLE;
  if (lua_getmetatable(L, -1)) {
    if (hastransfer(L)) {
      lua_remove(L, -2);
      return opentransfer(L, c);
    }
    lua_pop(L, 1);
    tag |= T_META;
  }
  size_t n = lua_rawlen(L, -1);
  if (n > 0) tag |= T_ITEMS;
  char *p = room(c, 16);
  if (p == NULL) failmemory(L);
  int base = lua_gettop(L);
  if (!needroom(L, c, base)) return faildeep(L, c);
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
  if (lua_iscfunction(L, -1)) return failvalue(L, c, "");
  int base = lua_gettop(L);
  if (!needroom(L, c, base)) return faildeep(L, c);
  uint32_t n = 0;
  while (lua_upvalueid(L, base, (int)n + 1) != NULL) n++;
  char *p = room(c, 6);
  if (p == NULL) failmemory(L);
  *p++ = (char)T_FUNCTION;
  *p++ = (char)n;
  advance(c, p + 4); /* the size comes here */
  size_t start = c->wire.out.size;
  if (lua_dump(L, writer, &c->wire.out, 0) != 0) failmemory(L);
  uint32_t size = htole32((uint32_t)(c->wire.out.size - start));
  memcpy(c->wire.out.data + start - 4, &size, sizeof size);
  Frame *f = enter(L, c, F_UPVALUES, base);
  f->n = n;
  return OPENED;
}


static int putref (lua_State *L, Coder *c, const WireRef *ref) {
  char body[REF_SIZE] = {(char)ref->cls};
  if (c->what->norefs) {
    lua_pushfstring(L, "%s (it crosses to threads and processes only)",
                    ref->noun);
    return fail(L, c, lua_tostring(L, -1));
  }
  if (sk_buf_need(&c->refs, REF_SIZE) == NULL) failmemory(L);
  int err = ref->encode(L, lua_gettop(L), body + 1);
  if (err < 0) {
    lua_pushfstring(L, "%s: %s", ref->noun, strerror(-err));
    return fail(L, c, lua_tostring(L, -1));
  }
  sk_buf_add(&c->refs, body, REF_SIZE);
  c->wire.nrefs++;
  putbyte(c, T_REF);
  return done(L);
}


static int openuserdata (lua_State *L, Coder *c) {
  int status = objectagain(L, c, lua_topointer(L, -1));
  if (status != OPENED) return status;
  if (!lua_getmetatable(L, -1)) return failvalue(L, c, "");
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
  return failvalue(L, c, "");
}


/* Open the value at the top, of the given type. */
static int open (lua_State *L, Coder *c, int type) {
  switch (type) {
  case LUA_TTABLE: return opentable(L, c, false);
  case LUA_TFUNCTION: return openfunction(L, c);
  case LUA_TUSERDATA: return openuserdata(L, c);
  default: return failvalue(L, c, "");
  }
}


/* Encode the value at the top. */
static inline int put (lua_State *L, Coder *c) {
  int type = lua_type(L, -1);
  return putplain(L, c, -1, type) ? done(L) : open(L, c, type);
}


/* ---- Steps: each goes on until a value opens or its own is done ---- */

/* The value of the top frame is done. */
static int leave (lua_State *L, Coder *c) {
  lua_settop(L, topframe(c)->base - 1);
  c->nframes--;
  return DONE;
}


/* So many pairs that one byte does not tell: count the others. */
static void countrest (lua_State *L, Coder *c, const Frame *f) {
  uint64_t n = 1; /* the one whose key and value are at the top */
  lua_pushvalue(L, -2);
  while (lua_next(L, f->base)) {
    lua_pop(L, 1);
    n++;
  }
  char *p = room(c, 10);
  if (p != NULL) advance(c, putvarint(p, n));
}


/* All pairs are written: the metatable, if any, is next. */
static int endpairs (lua_State *L, Coder *c, Frame *f) {
  if (f->pairs == MANY) putbyte(c, 0);
  if (c->wire.out.failed) failmemory(L);
  c->wire.out.data[f->npos] = (char)(f->pairs < MANY ? f->pairs : MANY);
  if (!(f->tag & T_META)) return leave(L, c);
  f->kind = F_META;
  lua_getmetatable(L, f->base);
  return opentable(L, c, true);
}


/* Is the key at 'idx' one of the items, which are written already? */
static bool isitem (lua_State *L, const Frame *f, int idx) {
  if (!lua_isinteger(L, idx)) return false;
  lua_Integer k = lua_tointeger(L, idx);
  return k >= 1 && k <= (lua_Integer)f->n;
}


/* The table, and above it the key from which to go on. */
static int steppairs (lua_State *L, Coder *c) {
  for (;;) {
    Frame *f = topframe(c);
    if (!f->half) {
      if (!lua_next(L, f->base)) return endpairs(L, c, f);
      if (f->holes && isitem(L, f, -2)) {
        lua_pop(L, 1);
        continue;
      }
      if (sk_unlikely(f->pairs == MANY)) countrest(L, c, f);
      f->pairs++;
      int type = lua_type(L, -2);
      if (!putplain(L, c, -2, type)) {
        f->half = true;
        lua_pushvalue(L, -2);
        int status = open(L, c, type);
        if (status != DONE) return status;
      }
    }
    f->half = false;
    int status = put(L, c);
    if (status != DONE) return status;
  }
}


/* Items that 'next' does not give in order are read one by one. */
static int stepholes (lua_State *L, Coder *c) {
  Frame *f = topframe(c);
  while (f->i < f->n) {
    lua_rawgeti(L, f->base, ++f->i);
    int status = put(L, c);
    if (status != DONE) return status;
  }
  f->kind = F_PAIRS;
  lua_pushnil(L);
  return steppairs(L, c);
}


/* As in 'steppairs'; the items come first, in order, if in the array part. */
static int stepitems (lua_State *L, Coder *c) {
  Frame *f = topframe(c);
  while (f->i < f->n) {
    if (!lua_next(L, f->base) || !lua_isinteger(L, -2) ||
        lua_tointeger(L, -2) != (lua_Integer)f->i + 1) {
      lua_settop(L, f->base);
      f->kind = F_HOLES;
      f->holes = true;
      return stepholes(L, c);
    }
    f->i++;
    int status = put(L, c);
    if (status != DONE) return status;
  }
  f->kind = F_PAIRS;
  return steppairs(L, c);
}


static int stepupvalues (lua_State *L, Coder *c) {
  Frame *f = topframe(c);
  while (f->i < f->n) {
    int i = (int)++f->i;
    const void *id = lua_upvalueid(L, f->base, i);
    if (again(L, c, id, f->base, T_UPAGAIN)) continue;
    putbyte(c, T_UPVALUE);
    putbyte(c, i);
    lua_getupvalue(L, f->base, i);
    int status = put(L, c);
    if (status != DONE) return status;
  }
  return leave(L, c);
}


/* The object, what '__transfer' returned above it. */
static int stepargs (lua_State *L, Coder *c) {
  Frame *f = topframe(c);
  while (f->i < f->n) {
    lua_pushvalue(L, f->base + 1 + (int)++f->i);
    int status = put(L, c);
    if (status != DONE) return status;
  }
  return leave(L, c);
}


/* A long string that ends the message need not be copied. */
static bool puttail (lua_State *L, Coder *c, int idx) {
  size_t n;
  const char *s = lua_tolstring(L, idx, &n);
  if (n < TAIL_MIN || sk_memo_get(&c->memo, s) != 0) return false;
  if (c->wire.nrefs > 0 || c->calls) return false;
  putnumber(c, T_STRING, n);
  c->wire.tail = s;
  c->wire.ntail = n;
  return true;
}


static int steptop (lua_State *L, Coder *c) {
  Frame *f = topframe(c);
  while (f->i < f->n) {
    int idx = f->base + (int)f->i++;
    int type = lua_type(L, idx);
    if (type == LUA_TSTRING && f->i == f->n && puttail(L, c, idx)) break;
    if (putplain(L, c, idx, type)) continue;
    lua_pushvalue(L, idx);
    int status = open(L, c, type);
    if (status != DONE) return status;
  }
  c->nframes--;
  return DONE;
}


static int step (lua_State *L, Coder *c) {
  switch (topframe(c)->kind) {
  case F_TOP: return steptop(L, c);
  case F_ITEMS: return stepitems(L, c);
  case F_HOLES: return stepholes(L, c);
  case F_PAIRS: return steppairs(L, c);
  case F_META: return leave(L, c);
  case F_UPVALUES: return stepupvalues(L, c);
  default: return stepargs(L, c);
  }
}


/* ---- Messages ---- */

static void begin (lua_State *L, Coder *c) {
  sk_coder_begin(c);
  c->restart = c->calls = false;
  c->nstrings = 0;
  c->anchor = 0;
  if (!c->anchored) return;
  lua_newtable(L);
  c->anchor = lua_gettop(L);
}


/* What comes after the values. */
static int finish (lua_State *L, Coder *c) {
  Buf *out = &c->wire.out;
  if (c->wire.nrefs > 0) {
    uint32_t n = htole32((uint32_t)c->wire.nrefs);
    sk_buf_add(out, c->refs.data, c->refs.size);
    sk_buf_add(out, &n, sizeof n);
  }
  if (out->failed) failmemory(L);
  if (out->size > UINT32_MAX) return fail(L, c, "more than 4 GiB");
  if (c->wire.nrefs > 0) out->data[0] |= HEAD_REFS;
  if (c->calls && c->what->norefs) {
    out->data[0] |= HEAD_SEAL;
    uint64_t seal = htole64(sk_seal_of(out->data, out->size));
    sk_buf_add(out, &seal, sizeof seal);
    if (out->failed) failmemory(L);
  }
  return DONE;
}


static int encode (lua_State *L, Coder *c, int first, int n) {
  begin(L, c);
  putnumber(c, HEAD, (uint64_t)n);
  Frame *f = enter(L, c, F_TOP, first);
  f->n = (uint32_t)n;
  while (c->nframes > 0)
    if (step(L, c) == FAILED) return FAILED;
  return finish(L, c);
}


int sk_wire_try (lua_State *L, Wire *w, int first, int n,
                 const WireWhat *what) {
  Coder *c = (Coder *)w;
  int top = lua_gettop(L), status;
  first = lua_absindex(L, first);
  luaL_checkstack(L, ROOM, "too many values");
  c->limit = top + ROOM;
  c->what = what;
  c->anchored = c->checked = false;
  while ((status = encode(L, c, first, n)) == FAILED && c->restart)
    lua_settop(L, top);
  if (sk_likely(status == DONE)) {
    if (c->anchor != 0) lua_settop(L, top);
    return 0;
  }
  sk_coder_begin(c); /* no holds, no message */
  lua_copy(L, -1, top + 1);
  lua_settop(L, top + 1);
  return -1;
}


void sk_wire_encode (lua_State *L, Wire *w, int first, int n,
                     const WireWhat *what) {
  if (sk_wire_try(L, w, first, n, what) == 0) return;
  luaL_where(L, 1);
  lua_setfield(L, -2, "where");
  lua_error(L);
}


size_t sk_wire_size (const Wire *w) {
  return w->out.size + w->ntail;
}


void sk_wire_copy (const Wire *w, char *to) {
  memcpy(to, w->out.data, w->out.size);
  if (w->ntail > 0) memcpy(to + w->out.size, w->tail, w->ntail);
}
