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
#include "wire_put.h"

#define TAIL_MIN 1024 /* shorter strings are copied even at the end */
#define RUN 64        /* integers that are written at a time */


/* Encode the value at the top. */
static inline int put (lua_State *L, Coder *c) {
  int type = lua_type(L, -1);
  return putplain(L, c, -1, type) ? done(L) : sk_wire_open(L, c, type);
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
  if (c->wire.out.failed) sk_wire_failmemory(L);
  c->wire.out.data[f->npos] = (char)(f->pairs < MANY ? f->pairs : MANY);
  if (!(f->tag & T_META)) return leave(L, c);
  f->kind = F_META;
  lua_getmetatable(L, f->base);
  return sk_wire_opentable(L, c, true);
}


/* Is the key at 'idx' one of the items, which are written already? */
static bool isitem (lua_State *L, const Frame *f, int idx) {
  if (!lua_isinteger(L, idx)) return false;
  lua_Integer k = lua_tointeger(L, idx);
  return k >= 1 && k <= (lua_Integer)f->n;
}


/*
** Write the key below the top, if it is the one that a table before this one
** had in the same place: in a list of records it is.
*/
static inline bool putexpected (lua_State *L, Coder *c, uint32_t place) {
  if (place >= KEYS || !c->expects) return false;
  const Key *k = &c->keys[place];
  if (k->id == NULL || k->id != lua_topointer(L, -2)) return false;
  char *p = room(c, 6);
  if (p != NULL) advance(c, storenumber(p, k->number));
  return true;
}


/* Expect the key below the top in this place, if it has a number. */
static inline void expect (lua_State *L, Coder *c, uint32_t place, int type) {
  if (place >= KEYS || c->nstrings == 0 || type != LUA_TSTRING) return;
  const char *s = lua_tostring(L, -2);
  uint32_t v = sk_memo_get(&c->memo, s);
  if (v <= 1 || lua_rawlen(L, -2) > INTERNED) return;
  c->keys[place] = (Key){lua_topointer(L, -2), v - 1};
  c->expects = true;
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
      uint32_t place = f->pairs++;
      if (!putexpected(L, c, place)) {
        int type = lua_type(L, -2);
        if (putplain(L, c, -2, type))
          expect(L, c, place, type);
        else {
          f->half = true;
          lua_pushvalue(L, -2);
          int status = sk_wire_open(L, c, type);
          if (status != DONE) return status;
        }
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
    if (strcmp(lua_getupvalue(L, f->base, i), "_ENV") == 0) {
      lua_pop(L, 1); /* whatever it is here */
      lua_pushglobaltable(L);
    }
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


/* Integers in a row, of which a part of a map may have thousands. */
static void putrun (lua_State *L, Coder *c, Frame *f) {
  int idx = f->base + (int)f->i, end = f->base + (int)f->n;
  while (idx < end && lua_isinteger(L, idx)) {
    char *p = room(c, RUN * 9);
    if (p == NULL) break;
    int stop = end - idx < RUN ? end : idx + RUN;
    while (idx < stop && lua_isinteger(L, idx))
      p = storeint(p, lua_tointeger(L, idx++));
    advance(c, p);
  }
  f->i = (uint32_t)(idx - f->base);
}


static int steptop (lua_State *L, Coder *c) {
  Frame *f = topframe(c);
  if (f->n - f->i > RUN / 4) putrun(L, c, f);
  while (f->i < f->n) {
    int idx = f->base + (int)f->i++;
    int type = lua_type(L, idx);
    if (type == LUA_TSTRING && f->i == f->n && puttail(L, c, idx)) break;
    if (putplain(L, c, idx, type)) continue;
    lua_pushvalue(L, idx);
    int status = sk_wire_open(L, c, type);
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
  if (c->expects) memset(c->keys, 0, sizeof c->keys);
  c->expects = false;
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
  if (out->failed) sk_wire_failmemory(L);
  if (out->size > UINT32_MAX) return sk_wire_fail(L, c, "more than 4 GiB");
  if (c->wire.nrefs > 0) out->data[0] |= HEAD_REFS;
  if (c->calls && c->what->norefs) {
    out->data[0] |= HEAD_SEAL;
    uint64_t seal = htole64(sk_seal_of(out->data, out->size));
    sk_buf_add(out, &seal, sizeof seal);
    if (out->failed) sk_wire_failmemory(L);
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
  sk_coder_occupy(c);
  c->limit = top + ROOM;
  c->what = what;
  c->anchored = false;
  c->checked = 0;
  while ((status = encode(L, c, first, n)) == FAILED && c->restart)
    lua_settop(L, top);
  if (sk_likely(status == DONE)) {
    if (c->anchor != 0) lua_settop(L, top);
    return 0;
  }
  sk_coder_begin(c); /* no holds, no message */
  c->busy = 0;
  lua_copy(L, -1, top + 1);
  lua_settop(L, top + 1);
  return -1;
}


void sk_wire_encode (lua_State *L, Wire *w, int first, int n,
                     const WireWhat *what) {
  if (sk_wire_try(L, w, first, n, what) == 0) return;
  sk_where(L);
  lua_setfield(L, -2, "where");
  lua_error(L);
}


size_t sk_wire_size (const Wire *w) {
  return w->out.size + w->ntail;
}


void sk_wire_copy (Wire *w, char *to) {
  memcpy(to, w->out.data, w->out.size);
  if (w->ntail > 0) memcpy(to + w->out.size, w->tail, w->ntail);
  ((Coder *)w)->busy = 0;
}
