/*
** lib_batch.c - Maps: their parts, on their way to the workers and back.
**
** Adds to the table 'crew' what lua/skein/map.lua needs. A part is a Lua table
** that stands for a message; pool.c fills in what came of it.
*/
#include "open.h"
#include "pool.h"

#define CLASS "skein.Batch"


static lua_Integer field (lua_State *L, int idx, const char *key) {
  lua_getfield(L, idx, key);
  lua_Integer n = lua_tointeger(L, -1);
  lua_pop(L, 1);
  return n;
}


/* Push 'n' items of the list at 'idx' from 'first' on. */
static void pushitems (lua_State *L, int idx, lua_Integer first, int n) {
  bool raw = luaL_getmetafield(L, idx, "__index") == LUA_TNIL;
  if (!raw) lua_pop(L, 1);
  luaL_checkstack(L, n, "too many items in one part");
  for (int i = 0; i < n; i++)
    if (raw)
      lua_rawgeti(L, idx, first + i);
    else
      lua_geti(L, idx, first + i);
}


/* crew.part(pool, part, fn, list, lists, loose): hand out the items of 'list'
   that 'part' names: {batch =, results =, first =, count =, mark =}; sets its
   id */
static int crew_part (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Pool *p = sk_pool_check(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checktype(L, 4, LUA_TTABLE);
  sk_pool_revive(L, p, 1);
  lua_Integer first = field(L, 2, "first");
  int n = (int)field(L, 2, "count");
  Order order = {.first = (uint64_t)first,
                 .items = (uint32_t)n,
                 .mark = (uint32_t)field(L, 2, "mark"),
                 .lists = (uint32_t)lua_toboolean(L, 5),
                 .loose = (uint32_t)lua_toboolean(L, 6)};
  WireWhat what = {"send", "item", (int)first - 1, false};
  uint64_t id = sk_sched_newid(S);
  lua_pushinteger(L, (lua_Integer)id);
  lua_setfield(L, 2, "id");
  lua_pushvalue(L, 3);
  int fn = lua_gettop(L);
  pushitems(L, 4, first, n);
  sk_pool_pack(L, p, fn, n, &order, what);
  sk_pool_post(L, p, 1, 2, id);
  return 0;
}


/* crew.endpart(pool, part): it did not come back, and will not */
static int crew_endpart (lua_State *L) {
  sk_pool_endpart(L, sk_pool_check(L, 1), 2);
  return 0;
}


/* crew.batch(n) -> batch, its list of parts that ended, a table for results */
static int crew_batch (lua_State *L) {
  lua_Integer n = luaL_checkinteger(L, 1);
  Batch *b = lua_newuserdatauv(L, sizeof *b, 1);
  *b = (Batch){0};
  luaL_setmetatable(L, CLASS);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, -3, 1);
  lua_createtable(L, n < 1 << 26 ? (int)n : 1 << 26, 1);
  lua_pushinteger(L, n);
  lua_setfield(L, -2, "n");
  return 3;
}


static int awoken (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  sk_sched_woken(L, (Sched *)ctx);
  if (((const Batch *)lua_touserdata(L, 1))->lost)
    return luaL_error(L, "not enough memory");
  return 0;
}


/* batch:wait([timeout]) - until a part has ended */
static int batch_wait (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Batch *b = luaL_checkudata(L, 1, CLASS);
  sk_time due = sk_checkdeadline(L, 2);
  lua_settop(L, 1);
  sk_sched_checkpoint(L, S);
  lua_getiuservalue(L, 1, 1);
  if (luaL_len(L, -1) > 0) return sk_sched_turn(L, S, 0);
  if (b->lost) return luaL_error(L, "not enough memory");
  if (due == SK_NOW) return 0;
  return sk_sched_parkk(L, S, &b->waiters, due, "pool map", (lua_KContext)S,
                        awoken);
}


/* crew.forgive(batch): parts were lost, and that has been dealt with */
static int crew_forgive (lua_State *L) {
  ((Batch *)luaL_checkudata(L, 1, CLASS))->lost = false;
  return 0;
}


/* crew.mark(pool) -> a mark for a map */
static int crew_mark (lua_State *L) {
  Pool *p = sk_pool_check(L, 1);
  uint32_t mark = 0;
  while (mark < SK_NOMARK && (p->marks >> mark & 1)) mark++;
  if (mark < SK_NOMARK) {
    p->marks |= (uint64_t)1 << mark;
    p->crew->mark[mark] = UINT64_MAX;
  }
  lua_pushinteger(L, mark);
  return 1;
}


/* crew.unmark(pool, mark) */
static int crew_unmark (lua_State *L) {
  Pool *p = sk_pool_check(L, 1);
  lua_Integer mark = luaL_checkinteger(L, 2);
  if (mark < SK_NOMARK) p->marks &= ~((uint64_t)1 << mark);
  return 0;
}


/* crew.limit(pool, mark, index): items above it are not wanted any more */
static int crew_limit (lua_State *L) {
  Pool *p = sk_pool_check(L, 1);
  sk_crew_limit(p->crew, (uint32_t)luaL_checkinteger(L, 2),
                (uint64_t)luaL_checkinteger(L, 3));
  return 0;
}


static const luaL_Reg methods[] = {{"wait", batch_wait}, {NULL, NULL}};

static const luaL_Reg crew[] = {
    {"part", crew_part},     {"endpart", crew_endpart},
    {"batch", crew_batch},   {"forgive", crew_forgive},
    {"mark", crew_mark},     {"limit", crew_limit},
    {"unmark", crew_unmark}, {NULL, NULL},
};


void sk_open_batch (lua_State *L, Sched *S) {
  sk_newclass(L, S, CLASS, methods, NULL);
  sk_addbelow(L, S, "crew", crew);
}
