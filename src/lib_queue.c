/*
** lib_queue.c - skein.queue: many producers, many consumers, anywhere.
*/
#include "open.h"
#include "select.h"
#include "transit.h"

#define CLASS "skein.Queue"
#define BYTES ((lua_Integer)64 << 20) /* held before a put waits */


static Queue *queueof (lua_State *L, Sched *S) {
  return (Queue *)sk_shared_check(L, S, 1, SK_QUEUE, CLASS)->o;
}


static Queue *checkqueue (lua_State *L) {
  return queueof(L, sk_upvalue(L));
}


static void checkitem (lua_State *L, int arg) {
  if (lua_isnoneornil(L, arg))
    luaL_argerror(L, arg, "value expected, got nil (which is no item)");
}


/* q:put(value, [timeout]) -> true | nil, "timeout" | nil, "closed" */
static int queue_put (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Queue *q = queueof(L, S);
  checkitem(L, 2);
  sk_time due = sk_checkdeadline(L, 3);
  luaL_argcheck(L, lua_isnoneornil(L, 4), 4,
                "priority given, but a queue has no order \"priority\"");
  lua_settop(L, 2);
  return sk_transit_put(L, sk_shared_of(S), q, 2, due, "queue put");
}


/* q:get([timeout]) -> value | nil, "timeout" | nil, "closed" */
static int queue_get (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Queue *q = queueof(L, S);
  sk_time due = sk_checkdeadline(L, 2);
  lua_settop(L, 1);
  return sk_transit_get(L, sk_shared_of(S), q, due, "queue get");
}


static int next (lua_State *L) {
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(2));
  return queue_get(L);
}


/* q:items() -> iterator: until it is closed and drained */
static int queue_items (lua_State *L) {
  checkqueue(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 1);
  lua_pushcclosure(L, next, 2);
  return 1;
}


/* q:close() - no more puts; what is inside can still be got. */
static int queue_close (lua_State *L) {
  Shared *s = sk_shared_of((Sched *)sk_upvalue(L));
  sk_queue_close(&s->m, checkqueue(L));
  return 0;
}


/* q:task_done() - an item that was got is dealt with. */
static int queue_task_done (lua_State *L) {
  Shared *s = sk_shared_of((Sched *)sk_upvalue(L));
  if (sk_queue_done(&s->m, checkqueue(L)) != 0)
    return luaL_error(L, "task_done called more often than items were put");
  return 0;
}


/* q:join([timeout]) -> true | nil, "timeout" */
static int queue_join (lua_State *L) {
  Queue *q = checkqueue(L);
  sk_time due = sk_checkdeadline(L, 2);
  lua_settop(L, 1);
  return sk_transit_join(L, sk_shared_of((Sched *)sk_upvalue(L)), q, due,
                         "queue join");
}


/* q:size() and #q -> items in the queue now */
static int queue_size (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)checkqueue(L)->count);
  return 1;
}


/* q:capacity() -> integer | nil: unbounded */
static int queue_capacity (lua_State *L) {
  Queue *q = checkqueue(L);
  if (q->capacity == UINT64_MAX)
    luaL_pushfail(L);
  else
    lua_pushinteger(L, (lua_Integer)q->capacity);
  return 1;
}


/* q:empty() -> would a get wait? */
static int queue_empty (lua_State *L) {
  const Queue *q = checkqueue(L);
  lua_pushboolean(L, q->count == 0 && q->putters.first == 0);
  return 1;
}


/* q:full() -> would a put wait? */
static int queue_full (lua_State *L) {
  const Queue *q = checkqueue(L);
  bool room = q->count < q->capacity && q->bytes < q->most;
  lua_pushboolean(L, !room && q->getters.first == 0);
  return 1;
}


static int queue_closed (lua_State *L) {
  lua_pushboolean(L, checkqueue(L)->closed != 0);
  return 1;
}


/* ---- select ---- */

static Queue *caseof (lua_State *L, int at) {
  return (Queue *)((Handle *)lua_touserdata(L, at))->o;
}


static int tryget (lua_State *L, Sched *S, int at) {
  return sk_transit_tryget(L, sk_shared_of(S), caseof(L, at));
}


static int tryput (lua_State *L, Sched *S, int at) {
  return sk_transit_tryput(L, sk_shared_of(S), caseof(L, at), at + 1);
}


static int tryready (lua_State *L, Sched *S, int at) {
  return sk_queue_poll(&sk_shared_of(S)->m, caseof(L, at), NULL);
}


static bool watchget (lua_State *L, Sched *S, int at, void *place) {
  return sk_transit_pollget(sk_shared_of(S), caseof(L, at), place);
}


static bool watchready (lua_State *L, Sched *S, int at, void *place) {
  return sk_queue_poll(&sk_shared_of(S)->m, caseof(L, at),
                       sk_shared_seat(place)) == -EAGAIN;
}


/* 0: the item is there already. */
static int finishget (lua_State *L, Sched *S, int at, int n) {
  (void)at;
  return n == 0 ? sk_shared_unpack(L, sk_shared_of(S)) : -EAGAIN;
}


static bool watchput (lua_State *L, Sched *S, int at, void *place) {
  return sk_transit_pollput(L, sk_shared_of(S), caseof(L, at), at + 1, place);
}


static const SelectOp selects[] = {
    {.name = "get", .attempt = tryget, .watch = watchget, .finish = finishget},
    {.name = "put", .offers = true, .attempt = tryput, .watch = watchput},
    {.name = "ready", .attempt = tryready, .watch = watchready},
    {.name = NULL},
};


/* ---- making ---- */

static int queue_tostring (lua_State *L) {
  Handle *h = luaL_checkudata(L, 1, CLASS);
  lua_pushfstring(L, "skein.Queue: %I", (LUAI_UACINT)sk_off(h->o));
  return 1;
}


/* skein.queue([capacity | {capacity =, bytes =}]) -> queue */
static int newqueue (lua_State *L) {
  static const char *const options[] = {"capacity", "bytes", NULL};
  lua_Integer capacity, bytes = BYTES;
  if (lua_istable(L, 1)) {
    sk_checkoptions(L, 1, options);
    bytes = sk_optcount(L, 1, "bytes", 1, bytes);
    lua_getfield(L, 1, "capacity");
    capacity = sk_checkcapacity(L, -1, 1);
  }
  else
    capacity = sk_checkcapacity(L, 1, 1);
  Shared *s = sk_shared_open(L, sk_upvalue(L));
  Handle *h = sk_shared_new(L, s, SK_QUEUE, 0, CLASS);
  Queue *q = (Queue *)h->o;
  q->capacity = capacity < 0 ? UINT64_MAX : (uint64_t)capacity;
  q->most = (uint64_t)bytes;
  q->ledger.keeps = 1;
  return 1;
}


static const luaL_Reg methods[] = {{"put", queue_put},
                                   {"get", queue_get},
                                   {"items", queue_items},
                                   {"close", queue_close},
                                   {"task_done", queue_task_done},
                                   {"join", queue_join},
                                   {"size", queue_size},
                                   {"capacity", queue_capacity},
                                   {"empty", queue_empty},
                                   {"full", queue_full},
                                   {"closed", queue_closed},
                                   {NULL, NULL}};

static const luaL_Reg meta[] = {
    {"__len", queue_size}, {"__tostring", queue_tostring}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"queue", newqueue}, {NULL, NULL}};

static const SharedClass class = {
    .name = CLASS,
    .object = &sk_queue_class,
    .ref = {SK_QUEUE, "queue", sk_shared_encode, sk_shared_decode,
            sk_shared_forget},
    .methods = methods,
    .meta = meta,
    .selects = selects,
    .functions = functions,
};


void sk_open_queue (lua_State *L, Sched *S) {
  sk_shared_class(L, S, &class);
}
