/*
** wire.c - The scratch memory of the wire, and references. See wire.h.
**
** Process-wide: the table of reference classes, filled when the library is
** loaded, always with the same constants.
*/
#include <lauxlib.h>
#include <stdatomic.h>

#include "wire_coder.h"

#define KEEP 4096 /* more frames are given back after use */

static _Atomic(const WireRef *) classes[SK_WIRE_CLASSES];
static const char coderkey, refkey; /* their addresses are keys */

const WireWhat sk_wire_call = {"send", "argument", 0, false};
const WireWhat sk_wire_item = {"send", "item", -1, false};
const WireWhat sk_wire_result = {"return", "result", 1, false};


void sk_wire_class (const WireRef *ref) {
  sk_assert(ref->cls >= 0 && ref->cls < SK_WIRE_CLASSES);
  atomic_store(&classes[ref->cls], ref);
}


const WireRef *sk_coder_ref (int cls) {
  return cls < SK_WIRE_CLASSES ? atomic_load(&classes[cls]) : NULL;
}


void sk_wire_setref (lua_State *L, const WireRef *ref) {
  sk_wire_class(ref);
  lua_pushlightuserdata(L, (void *)(uintptr_t)ref);
  lua_rawsetp(L, -2, &refkey);
}


const WireRef *sk_coder_getref (lua_State *L) {
  lua_rawgetp(L, -1, &refkey);
  const WireRef *ref = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return ref;
}


void sk_coder_drop (Coder *c, uint32_t from) {
  for (size_t at = (size_t)from * REF_SIZE; at < c->refs.size; at += REF_SIZE) {
    uint64_t body[SK_WIRE_BODY / 8]; /* aligned */
    memcpy(body, c->refs.data + at + 1, sizeof body);
    const WireRef *ref = sk_coder_ref((uint8_t)c->refs.data[at]);
    if (ref != NULL) ref->drop(body);
  }
  sk_buf_clear(&c->refs);
  c->wire.nrefs = 0;
}


const void *sk_wire_ref (const Wire *w, size_t i) {
  return ((const Coder *)w)->refs.data + i * REF_SIZE + 1;
}


void sk_wire_sent (Wire *w) {
  Coder *c = (Coder *)w;
  sk_buf_clear(&c->refs);
  w->nrefs = 0;
  c->busy = 0;
}


void sk_wire_cancel (Wire *w) {
  Coder *c = (Coder *)w;
  sk_coder_drop(c, 0);
  c->busy = 0;
}


static void fini (Coder *c) {
  sk_coder_drop(c, 0);
  sk_buf_fini(&c->refs);
  sk_buf_fini(&c->wire.out);
  sk_memo_fini(&c->memo);
  sk_memo_fini(&c->index);
  free(c->frames);
  c->frames = NULL;
  c->capframes = 0;
}


static int coder_gc (lua_State *L) {
  fini(lua_touserdata(L, 1));
  return 0;
}


/* Push a new coder. */
static Coder *newcoder (lua_State *L) {
  Coder *c = lua_newuserdatauv(L, sizeof *c, 0);
  memset(c, 0, sizeof *c);
  if (luaL_newmetatable(L, "skein.Wire")) {
    lua_pushcfunction(L, coder_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  lua_pushglobaltable(L);
  c->globals = lua_topointer(L, -1);
  luaL_getmetatable(L, "skein.Error");
  c->errors = lua_topointer(L, -1);
  lua_pop(L, 2);
  return c;
}


/*
** Is it in use further up the C stack? A raise leaves 'busy' as it was: who comes
** there again by the same way is about as deep, but what runs in the midst of
** coding is called by Lua, and so a good deal deeper.
*/
#define DEEPER 256

static bool isbusy (const Coder *c) {
  return c->busy > (uintptr_t)__builtin_frame_address(0) + DEEPER;
}


/* The coder that is free while 'outer' is busy. */
static Coder *innercoder (lua_State *L, Coder *outer) {
  if (outer->inner == NULL) {
    Coder *c = newcoder(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, outer);
    outer->inner = c;
  }
  return outer->inner;
}


Wire *sk_wire_first (lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &coderkey);
  Coder *c = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (c == NULL) {
    sk_seal_init();
    c = newcoder(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &coderkey);
  }
  return &c->wire;
}


Wire *sk_wire_usable (lua_State *L, Wire *first) {
  Coder *c = (Coder *)first;
  while (sk_unlikely(isbusy(c))) c = innercoder(L, c);
  return &c->wire;
}


Wire *sk_wire_of (lua_State *L) {
  return sk_wire_usable(L, sk_wire_first(L));
}


void sk_coder_begin (Coder *c) {
  if (c->refs.size > 0) sk_coder_drop(c, 0);
  sk_buf_clear(&c->wire.out);
  sk_memo_clear(&c->memo);
  c->wire.tail = NULL;
  c->wire.ntail = 0;
  c->nframes = 0;
  if (sk_unlikely(c->capframes > KEEP)) {
    free(c->frames);
    c->frames = NULL;
    c->capframes = 0;
  }
}


bool sk_coder_grow (Coder *c) {
  size_t cap = c->capframes == 0 ? 16 : c->capframes * 2;
  Frame *frames = realloc(c->frames, cap * sizeof *frames);
  if (frames == NULL) return false;
  c->frames = frames;
  c->capframes = cap;
  return true;
}


static int totext (lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  return 1;
}


void sk_coder_totext (lua_State *L) {
  lua_pushcfunction(L, totext);
  lua_insert(L, -2);
  if (lua_pcall(L, 1, 1, 0) == LUA_OK) return;
  lua_pop(L, 1);
  lua_pushliteral(L, "an error without text");
}
