/*
** pool.c - The owner's side of a pool. See pool.h.
*/
#include <string.h>

#include "crossing.h"
#include "launch.h"
#include "pool.h"


Pool *sk_pool_check (lua_State *L, int arg) {
  Pool *p = luaL_testudata(L, arg, "skein.Pool");
  if (p == NULL)
    sk_misuse(L, "calling a method on bad self (skein.Pool expected, got %s)",
              sk_typename(L, arg));
  else if (p->epoch != p->s->S->epoch)
    sk_misuse(L, "the pool belongs to the parent of this process");
  return p;
}


void sk_pool_push (lua_State *L, const Pool *p, int i) {
  lua_pushvalue(p->own, i);
  lua_xmove(p->own, L, 1);
}


void sk_pool_call (lua_State *L, const Pool *p, const char *key, int n) {
  sk_pool_push(L, p, SK_POOL_POLICY);
  lua_getfield(L, -1, key);
  lua_remove(L, -2);
  lua_insert(L, -n - 1);
  lua_call(L, n, 0);
}


void sk_pool_hope (Pool *p) {
  bool hope = p->open > 0 || (p->closing && p->staff > 0);
  if (hope == p->hoping) return;
  p->hoping = hope;
  if (hope)
    p->s->S->expecting++;
  else
    p->s->S->expecting--;
}


/* ---- what came back ---- */

/* Job or part 'id' is not open any more. 'open' is the index of the table. */
static void forget (lua_State *L, Pool *p, int open, uint64_t id) {
  lua_pushnil(L);
  lua_rawseti(L, open, (lua_Integer)id);
  if (--p->open > 0) return;
  sk_pool_hope(p);
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, p); /* the anchor */
}


static void wakebegun (Pool *p, Job *j) {
  sk_sched_wakeall(p->s->S, &j->begun, 0);
}


/* The top 'n' values are results or error of the job at 'idx'. */
static void end (lua_State *L, Pool *p, int open, int idx, Status status,
                 int n) {
  Job *j = lua_touserdata(L, idx);
  *(status == SK_FINISHED ? &p->finished : &p->failed) += 1;
  sk_outcome_settle(L, p->s->S, idx, status, n);
  wakebegun(p, j);
  forget(L, p, open, j->outcome.id);
}


/* The job at 'idx' was stopped, as it was asked to. */
static void endstopped (lua_State *L, Pool *p, int open, int idx) {
  Job *j = lua_touserdata(L, idx);
  sk_outcome_pushname(L, idx);
  const char *name = lua_tostring(L, -1);
  if (j->stop == SK_LIMIT) {
    lua_pushnumber(L, j->limit);
    sk_pusherror(L, "timeout", "timeout: %s ran longer than %s seconds", name,
                 lua_tostring(L, -1));
    end(L, p, open, idx, SK_FAILED, 1);
    return;
  }
  sk_pusherror(L, "cancelled", "%s was cancelled", name);
  sk_launch_addreason(L, idx);
  end(L, p, open, idx, SK_CANCELLED, 1);
}


/* The message in 'slot->in' is about the job at 'idx'. */
static void takejob (lua_State *L, Pool *p, int open, int idx) {
  Job *j = lua_touserdata(L, idx);
  const Item *i = sk_at(Item, p->s->m.slot->in);
  uint32_t how = i->step;
  if (how == SK_JOB_BEGUN) {
    j->since = i->priority;
    j->outcome.status = SK_RUNNING;
    wakebegun(p, j);
    return;
  }
  if (how == SK_JOB_CANCELLED) {
    endstopped(L, p, open, idx);
    return;
  }
  int n = sk_shared_unpack(L, p->s);
  if (how == SK_JOB_FAILED) sk_crossing_pusherror(L);
  end(L, p, open, idx, how == SK_JOB_DONE ? SK_FINISHED : SK_FAILED, n);
}


/* The part at 'idx' has ended: its batch hears of it. */
static void endpart (lua_State *L, Pool *p, int open, int idx) {
  lua_getfield(L, idx, "id");
  uint64_t id = (uint64_t)lua_tointeger(L, -1);
  lua_getfield(L, idx, "batch");
  Batch *b = lua_touserdata(L, -1);
  lua_getiuservalue(L, -1, 1);
  lua_pushvalue(L, idx);
  lua_rawseti(L, -2, luaL_len(L, -2) + 1);
  lua_pop(L, 3);
  sk_sched_wakeall(p->s->S, &b->waiters, 0);
  forget(L, p, open, id);
}


/* The message in 'slot->in' is from the part of a map at 'idx'. */
static void takepart (lua_State *L, Pool *p, int open, int idx) {
  const Item *i = sk_at(Item, p->s->m.slot->in);
  uint32_t how = i->step;
  lua_pushinteger(L, how);
  lua_setfield(L, idx, "how");
  lua_pushnumber(L, (lua_Number)i->priority / 1e9);
  lua_setfield(L, idx, "took");
  lua_getfield(L, idx, "first");
  lua_Integer first = lua_tointeger(L, -1);
  lua_getfield(L, idx, "results");
  int results = lua_gettop(L);
  int n = sk_shared_unpack(L, p->s);
  if (how == SK_JOB_FAILED) {
    sk_crossing_pusherror(L);
    lua_setfield(L, idx, "error");
    n--;
  }
  for (int k = n - 1; k >= 0; k--) lua_rawseti(L, results, first + k);
  lua_pushinteger(L, n);
  lua_setfield(L, idx, "got");
  p->finished += (uint64_t)n;
  p->failed += how == SK_JOB_FAILED;
  endpart(L, p, open, idx);
}


/* May the job at 'idx', whose worker died, be tried again? Once less then. */
static bool retry (lua_State *L, Item *i, int idx) {
  Order order;
  const Job *j = lua_touserdata(L, idx);
  memcpy(&order, i->bytes, sizeof order);
  if (j == NULL || order.tries == 0 || j->stop != SK_STAY) return false;
  order.tries--;
  memcpy(i->bytes, &order, sizeof order);
  return true;
}


/* Note in the list at 'lost' what its worker died with. */
static void note (lua_State *L, const Item *i, bool again, int lost) {
  lua_createtable(L, 0, 4);
  lua_pushinteger(L, (lua_Integer)i->tag);
  lua_setfield(L, -2, "id");
  lua_pushinteger(L, i->holder);
  lua_setfield(L, -2, "worker");
  lua_pushinteger(L, i->step);
  lua_setfield(L, -2, "step");
  lua_pushboolean(L, again);
  lua_setfield(L, -2, "again");
  lua_rawseti(L, lost, luaL_len(L, lost) + 1);
}


/*
** The message in 'slot->in' is a job whose worker died. One that had not begun
** begins anew, as does one that may be tried again. The policy finds out how
** the worker died. 'lost' is the index of the list.
*/
static void takelost (lua_State *L, Pool *p, int idx, int lost) {
  Item *i = sk_at(Item, p->s->m.slot->in);
  bool begun = i->holder != 0, again = !begun || retry(L, i, idx);
  if (begun) note(L, i, again, lost);
  if (!again) return;
  i->holder = 0;
  i->step = 0;
  sk_queue_return(&p->s->m, &p->crew->jobs, &p->s->m.slot->in);
}


/* A worker could not get ready: the first such error counts. */
static void takeunready (lua_State *L, const Pool *p) {
  sk_shared_unpack(L, p->s);
  sk_crossing_pusherror(L);
  sk_pool_push(L, p, SK_POOL_STATE);
  lua_insert(L, -2);
  lua_setfield(L, -2, "unready");
}


/* (pool, open, lost): deal with the message in 'slot->in'. */
static int take (lua_State *L) {
  Pool *p = lua_touserdata(L, 1);
  const Item *i = sk_at(Item, p->s->m.slot->in);
  if (i->home == 0 && i->step == SK_JOB_UNREADY) {
    takeunready(L, p);
    return 0;
  }
  int type = lua_rawgeti(L, 2, (lua_Integer)i->tag);
  if (type == LUA_TNIL) return 0; /* nobody wants to know */
  if (i->home != 0)
    takelost(L, p, 4, 3);
  else if (type == LUA_TUSERDATA)
    takejob(L, p, 2, 4);
  else
    takepart(L, p, 2, 4);
  return 0;
}


/* (pool, open, id, error): the message cannot be read. */
static int takebad (lua_State *L) {
  Pool *p = lua_touserdata(L, 1);
  int type = lua_rawgeti(L, 2, lua_tointeger(L, 3)); /* at 5 */
  lua_pushvalue(L, 4);
  if (type == LUA_TUSERDATA)
    end(L, p, 2, 5, SK_FAILED, 1);
  else if (type == LUA_TTABLE) {
    lua_setfield(L, 5, "error");
    lua_pushinteger(L, 0);
    lua_setfield(L, 5, "got");
    endpart(L, p, 2, 5);
  }
  return 0;
}


/* There is no memory for what came, nor to tell of that: so much is said
   without any. The job or part 'id' failed. */
static void giveup (Pool *p, uint64_t id) {
  lua_State *own = p->own;
  int top = lua_gettop(own);
  int type = lua_rawgeti(own, SK_POOL_OPEN, (lua_Integer)id);
  if (type == LUA_TUSERDATA) {
    Job *j = lua_touserdata(own, -1);
    if (!sk_outcome_ended(&j->outcome)) {
      j->outcome.status = SK_FAILED;
      j->outcome.count = 0;
      p->failed++;
    }
    sk_sched_wakeall(p->s->S, &j->outcome.waiters, 0);
    wakebegun(p, j);
  }
  else if (type == LUA_TTABLE) {
    lua_getfield(own, -1, "batch");
    Batch *b = lua_touserdata(own, -1);
    b->lost = true;
    sk_sched_wakeall(p->s->S, &b->waiters, 0);
  }
  if (type != LUA_TNIL) forget(own, p, SK_POOL_OPEN, id);
  lua_settop(own, top);
}


/* The same, protected; afterwards the message is gone. */
static void receive (Pool *p) {
  lua_State *L = p->decoder;
  Member *m = &p->s->m;
  lua_Integer id = (lua_Integer)sk_at(Item, m->slot->in)->tag;
  p->receiving = true;
  lua_settop(L, 0);
  lua_pushcfunction(L, take);
  lua_pushlightuserdata(L, p);
  sk_pool_push(L, p, SK_POOL_OPEN);
  sk_pool_push(L, p, SK_POOL_LOST);
  if (lua_pcall(L, 3, 0, 0) != LUA_OK) {
    lua_pushcfunction(L, takebad);
    lua_pushlightuserdata(L, p);
    sk_pool_push(L, p, SK_POOL_OPEN);
    lua_pushinteger(L, id);
    lua_pushvalue(L, 1);
    if (lua_pcall(L, 4, 0, 0) != LUA_OK) giveup(p, (uint64_t)id);
  }
  if (m->slot->in != 0) sk_item_free(m, &m->slot->in);
  p->receiving = false;
}


/* Stand at the results, if there are open jobs. */
static void listen (Pool *p) {
  while (p->open > 0 && !p->listening) {
    int err = sk_queue_get(&p->s->m, &p->crew->results, p->ear->seat);
    if (err == 0) {
      receive(p);
      continue;
    }
    p->listening = true;
    p->s->S->shared++; /* hope, for this thread */
  }
}


void sk_pool_look (Pool *p) {
  Sched *S = p->s->S;
  if (p->listening && !p->receiving && S->family.pending != NULL)
    S->family.pending(S);
}


void sk_pool_drain (Pool *p) {
  sk_pool_look(p); /* what the ear has came first */
  while (!p->receiving && sk_queue_get(&p->s->m, &p->crew->results, NULL) == 0)
    receive(p);
  sk_pool_look(p); /* who died as it gave the ear something was repaired */
}


void sk_pool_hear (Petition *ear) {
  Pool *p = ear->arg;
  p->listening = false;
  p->s->S->shared--;
  if (ear->seat->block != 0) {
    sk_arena_move(&p->s->m.slot->in, &ear->seat->block);
    receive(p);
  }
  sk_pool_drain(p);
  listen(p);
}


bool sk_pool_drop (Pool *p, uint64_t id) {
  Member *m = &p->s->m;
  if (sk_queue_remove(m, &p->crew->jobs, id) != 0) return false;
  sk_item_free(m, &m->slot->in);
  return true;
}


void sk_pool_fail (lua_State *L, Pool *p, int idx) {
  sk_pool_push(L, p, SK_POOL_OPEN);
  lua_insert(L, -2);
  end(L, p, lua_gettop(L) - 1, idx, SK_FAILED, 1);
  lua_pop(L, 1);
}


void sk_pool_stopped (lua_State *L, Pool *p, int idx) {
  sk_pool_push(L, p, SK_POOL_OPEN);
  endstopped(L, p, lua_gettop(L), idx);
  lua_settop(L, -3);
}


void sk_pool_endpart (lua_State *L, Pool *p, int idx) {
  sk_pool_push(L, p, SK_POOL_OPEN);
  endpart(L, p, lua_gettop(L), idx);
  lua_pop(L, 1);
}


/* ---- handing out ---- */

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
  if (p->open == 0) {
    lua_pushvalue(L, pool);
    lua_rawsetp(L, LUA_REGISTRYINDEX, p);
  }
  p->open++;
  sk_pool_hope(p);
  sk_queue_put(&p->s->m, &p->crew->jobs, NULL);
  listen(p);
}
