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
  lua_pushboolean(L, 0); /* the anchor */
  lua_rawsetp(L, LUA_REGISTRYINDEX, p);
}


static void wakebegun (Pool *p, Job *j) {
  sk_sched_wakeall(p->s->S, &j->begun, 0);
}


/* The top 'n' values are results or error of the job at 'idx'. Where memory ends
   in it, it can be called again. */
static void end (lua_State *L, Pool *p, int open, int idx, Status status,
                 int n) {
  Job *j = lua_touserdata(L, idx);
  sk_outcome_settle(L, p->s->S, idx, status, n);
  *(status == SK_FINISHED ? &p->finished : &p->failed) += 1;
  wakebegun(p, j);
  forget(L, p, open, j->outcome.id);
}


/* Push the error of the job at 'idx', which was stopped, as it was asked to; its
   status is to be this. */
static Status pushstopped (lua_State *L, int idx) {
  Job *j = lua_touserdata(L, idx);
  sk_outcome_pushname(L, idx);
  const char *name = lua_tostring(L, -1);
  if (j->stop == SK_LIMIT) {
    lua_pushnumber(L, j->limit);
    sk_pusherror(L, "timeout", "timeout: %s ran longer than %s seconds", name,
                 lua_tostring(L, -1));
    lua_replace(L, -3);
    lua_pop(L, 1);
    return SK_FAILED;
  }
  sk_pusherror(L, "cancelled", "%s was cancelled", name);
  sk_launch_addreason(L, idx);
  lua_remove(L, -2);
  return SK_CANCELLED;
}


static void endstopped (lua_State *L, Pool *p, int open, int idx) {
  Status status = pushstopped(L, idx);
  end(L, p, open, idx, status, 1);
}


/* The message in 'slot->in' is about the job at 'idx'. */
static void takejob (lua_State *L, Pool *p, int open, int idx) {
  const Item *i = sk_at(Item, p->s->m.slot->in);
  uint32_t how = i->step;
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
void sk_pool_giveup (Pool *p, uint64_t id) {
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


bool sk_pool_drop (Pool *p, uint64_t id) {
  Member *m = &p->s->m;
  if (sk_queue_remove(m, &p->crew->jobs, id) != 0) return false;
  sk_item_free(m, &m->slot->in);
  return true;
}


void sk_pool_forget (Pool *p, uint64_t id) {
  sk_pool_drop(p, id);
  int type = lua_rawgeti(p->own, SK_POOL_OPEN, (lua_Integer)id);
  lua_pop(p->own, 1);
  if (type != LUA_TNIL) forget(p->own, p, SK_POOL_OPEN, id);
}


void sk_pool_giveupall (Pool *p) {
  while (p->open > 0) {
    lua_pushnil(p->own);
    lua_next(p->own, SK_POOL_OPEN);
    uint64_t id = (uint64_t)lua_tointeger(p->own, -2);
    lua_pop(p->own, 2);
    sk_pool_giveup(p, id);
  }
}


/* The message in 'slot->in' says that a job has begun: so much can be done with
   no memory, and the job does go on. */
static void takebegun (Pool *p) {
  const Item *i = sk_at(Item, p->s->m.slot->in);
  lua_rawgeti(p->own, SK_POOL_OPEN, (lua_Integer)i->tag);
  Job *j = lua_touserdata(p->own, -1);
  if (j != NULL) {
    j->since = i->priority;
    j->outcome.status = SK_RUNNING;
    wakebegun(p, j);
  }
  lua_pop(p->own, 1);
}


/* Deal with the message in 'slot->in', protected. */
static void takeresult (Pool *p) {
  lua_State *L = p->decoder;
  lua_Integer id = (lua_Integer)sk_at(Item, p->s->m.slot->in)->tag;
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
    if (lua_pcall(L, 4, 0, 0) != LUA_OK) sk_pool_giveup(p, (uint64_t)id);
  }
  p->receiving = false;
}


/* Deal with the message in 'slot->in'; afterwards it is gone. */
static void receive (Pool *p) {
  Member *m = &p->s->m;
  const Item *i = sk_at(Item, m->slot->in);
  if (i->home == 0 && i->step == SK_JOB_BEGUN)
    takebegun(p);
  else
    takeresult(p);
  if (m->slot->in != 0) sk_item_free(m, &m->slot->in);
}


void sk_pool_listen (Pool *p) {
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
  sk_pool_listen(p);
}


/* (pool, open, job, error, status): the same for what cannot be called again. */
static int enddropped (lua_State *L) {
  Status status = (Status)lua_tointeger(L, 5);
  lua_pop(L, 1);
  end(L, lua_touserdata(L, 1), 2, 3, status, 1);
  return 0;
}


bool sk_pool_discard (lua_State *L, Pool *p, int idx) {
  const Job *j = lua_touserdata(L, idx);
  int top = lua_gettop(L);
  lua_pushcfunction(L, enddropped);
  lua_pushlightuserdata(L, p);
  sk_pool_push(L, p, SK_POOL_OPEN);
  lua_pushvalue(L, idx);
  lua_pushinteger(L, pushstopped(L, idx));
  bool dropped = sk_pool_drop(p, j->outcome.id);
  if (dropped && lua_pcall(L, 5, 0, 0) != LUA_OK)
    sk_pool_giveup(p, j->outcome.id);
  lua_settop(L, top);
  return dropped;
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
