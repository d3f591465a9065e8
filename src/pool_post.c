/*
** pool_post.c - What a pool hands out to its workers. See pool.h.
*/
#include <string.h>

#include "pool.h"


/* Can the workers keep the function at 'fn', because it has no state? */
static bool isplain (lua_State *L, int fn) {
  if (lua_type(L, fn) != LUA_TFUNCTION) return false;
  if (lua_getupvalue(L, fn, 1) == NULL) return true;
  lua_pushglobaltable(L);
  bool plain = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  if (lua_getupvalue(L, fn, 2) == NULL) return plain;
  lua_pop(L, 1);
  return false;
}


static uint64_t hash (const char *s, size_t n) {
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
  return h;
}


/* Push the bytes of the function at 'fn', behind their hash; or nil. They are
   kept while the function is. */
static const char *pushbytes (lua_State *L, const Pool *p, int fn, size_t *n) {
  luaL_Buffer b;
  lua_pushvalue(L, fn);
  lua_xmove(L, p->own, 1);
  lua_rawget(p->own, SK_POOL_CACHE);
  lua_xmove(p->own, L, 1);
  if (lua_isstring(L, -1) || !isplain(L, fn)) return lua_tolstring(L, -1, n);
  lua_pop(L, 1);
  Wire *w = sk_wire_of(L);
  sk_wire_encode(L, w, fn, 1, &sk_wire_call);
  size_t size = sk_wire_size(w);
  char *to = luaL_buffinitsize(L, &b, size + sizeof(uint64_t));
  sk_wire_copy(w, to + sizeof(uint64_t));
  uint64_t h = hash(to + sizeof h, size);
  memcpy(to, &h, sizeof h);
  luaL_pushresultsize(&b, size + sizeof h);
  sk_pool_push(L, p, SK_POOL_CACHE);
  lua_pushvalue(L, fn);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  return lua_tolstring(L, -1, n);
}


void sk_pool_revive (lua_State *L, Pool *p, int pool) {
  if (sk_likely(p->s->S->workers > 0)) return;
  lua_pushvalue(L, pool);
  sk_pool_call(L, p, "revive", 1);
}


Item *sk_pool_pack (lua_State *L, const Pool *p, int fn, int n, Order *order,
                    WireWhat what) {
  size_t nfn = 0;
  const char *bytes = pushbytes(L, p, fn, &nfn);
  bool apart = bytes != NULL;
  lua_pop(L, 1);
  if (apart) {
    memcpy(&order->hash, bytes, sizeof order->hash);
    bytes += sizeof order->hash;
    nfn -= sizeof order->hash;
    what.number++; /* the first value is not the function */
    order->nfn = (uint32_t)nfn;
  }
  char *to = sk_shared_packafter(L, p->s, sizeof *order + nfn, fn + apart,
                                 n + !apart, &what);
  memcpy(to, order, sizeof *order);
  if (apart) memcpy(to + sizeof *order, bytes, nfn);
  Item *i = sk_at(Item, p->s->m.slot->out);
  i->home = sk_off(&p->crew->results);
  return i;
}


void sk_pool_post (lua_State *L, Pool *p, int pool, int idx, uint64_t id) {
  sk_at(Item, p->s->m.slot->out)->tag = id;
  sk_pool_push(L, p, SK_POOL_OPEN);
  lua_pushvalue(L, idx);
  lua_rawseti(L, -2, (lua_Integer)id);
  lua_pop(L, 1);
  Job *j = lua_touserdata(L, idx);
  if (j != NULL) j->outcome.status = SK_PENDING; /* not a part */
  if (p->open == 0) {
    lua_pushvalue(L, pool);
    lua_rawsetp(L, LUA_REGISTRYINDEX, p);
  }
  p->open++;
  sk_pool_hope(p);
  sk_queue_put(&p->s->m, &p->crew->jobs, NULL);
  sk_pool_listen(p);
}
