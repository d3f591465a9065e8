/*
** lib_channel.c - Channels: values from task to task of one thread.
**
** Invariants
**   - getters wait only while the channel is empty, putters only while it is
**     full: never both, and a closed channel has neither;
**   - a putter's value and its priority rest on its own stack, side by side;
**   - user value 1 holds the items: a ring (fifo), a stack (lifo), or the
**     slots that the entries of the heap name (priority).
**
** 'unfinished' counts what was put and not yet marked by task_done.
*/
#include <math.h>

#include "lib.h"
#include "lib_channel.h"
#include "open.h"
#include "select.h"

#define CLASS "skein.Channel"
#define FIRST 8   /* slots at first */
#define KEEP 4096 /* slots that an empty channel keeps */
#define UNBOUNDED (-1)

typedef enum Order { FIFO, LIFO, PRIORITY } Order;

/* An item of a priority channel. The entries beyond 'count' name the slots
** that are free. */
typedef struct Entry {
  lua_Number priority;
  uint64_t seq;
  lua_Integer slot;
} Entry;

typedef struct Channel {
  List getters, putters, joiners; /* who waits, oldest first */
  List watchers;                  /* who waits for a get not to wait */
  lua_Integer capacity;           /* or UNBOUNDED */
  lua_Integer count;              /* items inside */
  lua_Integer size;               /* slots: a power of two */
  lua_Integer oldest;             /* fifo: slot of the oldest, from 0 */
  lua_Integer unfinished;
  Entry *heap; /* priority: memory of user value 2 */
  uint64_t seq;
  Order order;
  bool closed;
  bool tapped; /* somebody must know when it is closed */
} Channel;


static Channel *checkchannel (lua_State *L, const Sched *S) {
  if (lua_type(L, 1) == LUA_TUSERDATA && lua_getmetatable(L, 1)) {
    const void *class = lua_topointer(L, -1);
    lua_pop(L, 1);
    if (class == S->channels) return lua_touserdata(L, 1);
  }
  return luaL_checkudata(L, 1, CLASS);
}


/* ---- the heap of a priority channel ---- */

static bool before (const Entry *a, const Entry *b) {
  if (a->priority != b->priority) return a->priority < b->priority;
  return a->seq < b->seq;
}


static void siftup (Entry *heap, lua_Integer i, Entry e) {
  for (; i > 0 && before(&e, &heap[(i - 1) / 2]); i = (i - 1) / 2)
    heap[i] = heap[(i - 1) / 2];
  heap[i] = e;
}


static void siftdown (Entry *heap, lua_Integer n, Entry e) {
  lua_Integer i = 0;
  for (lua_Integer c; (c = 2 * i + 1) < n; i = c) {
    if (c + 1 < n && before(&heap[c + 1], &heap[c])) c++;
    if (!before(&heap[c], &e)) break;
    heap[i] = heap[c];
  }
  heap[i] = e;
}


static void growheap (lua_State *L, int self, Channel *ch, lua_Integer size) {
  Entry *heap = lua_newuserdatauv(L, (size_t)size * sizeof *heap, 0);
  for (lua_Integer i = 0; i < size; i++)
    heap[i] = i < ch->size ? ch->heap[i] : (Entry){.slot = i};
  ch->heap = heap;
  lua_setiuservalue(L, self, 2);
}


/* ---- the items; the channel is at 'self' ---- */

/* Replace the table of items, with the ring laid out anew. */
static void resize (lua_State *L, int self, Channel *ch, lua_Integer size) {
  if (ch->order == PRIORITY) growheap(L, self, ch, size);
  lua_createtable(L, (int)size, 0);
  lua_getiuservalue(L, self, 1);
  for (lua_Integer i = 0; i < ch->count; i++) {
    lua_rawgeti(L, -1, 1 + ((ch->oldest + i) & (ch->size - 1)));
    lua_rawseti(L, -3, 1 + i);
  }
  lua_pop(L, 1);
  lua_setiuservalue(L, self, 1);
  ch->oldest = 0;
  ch->size = size;
}


/* The slot for one item more, from 0. */
static lua_Integer fill (Channel *ch, lua_Number priority) {
  lua_Integer n = ch->count++;
  if (ch->order == FIFO) return (ch->oldest + n) & (ch->size - 1);
  if (ch->order == LIFO) return n;
  lua_Integer slot = ch->heap[n].slot;
  siftup(ch->heap, n, (Entry){priority, ch->seq++, slot});
  return slot;
}


/* The slot of the next item, which goes, from 0. */
static lua_Integer drain (Channel *ch) {
  lua_Integer n = --ch->count, slot = ch->oldest;
  if (ch->order == FIFO) {
    ch->oldest = (slot + 1) & (ch->size - 1);
    return slot;
  }
  if (ch->order == LIFO) return n;
  slot = ch->heap[0].slot;
  Entry last = ch->heap[n];
  if (n > 0) siftdown(ch->heap, n, last);
  ch->heap[n].slot = slot;
  return slot;
}


/* Put the value at the top inside; pops it. */
static void enqueue (lua_State *L, int self, Channel *ch, lua_Number priority) {
  if (ch->count == ch->size) {
    luaL_argcheck(L, ch->size <= INT32_MAX / 4, 1, "too many items");
    resize(L, self, ch, 2 * ch->size);
  }
  lua_getiuservalue(L, self, 1);
  lua_insert(L, -2);
  lua_rawseti(L, -2, 1 + fill(ch, priority));
  lua_pop(L, 1);
}


/* Push the next item and take it out. */
static void dequeue (lua_State *L, int self, Channel *ch) {
  lua_Integer slot = 1 + drain(ch);
  lua_getiuservalue(L, self, 1);
  lua_rawgeti(L, -1, slot);
  lua_insert(L, -2);
  lua_pushnil(L);
  lua_rawseti(L, -2, slot);
  lua_pop(L, 1);
}


/* ---- put and get ---- */

/* Push the value that a putter waits to put, and let the putter go. */
static lua_Number takefrom (lua_State *L, Sched *S, Channel *ch, Waiter *w) {
  lua_State *from = w->task->at;
  lua_Number priority = lua_tonumber(from, w->value + 1);
  lua_pushvalue(from, w->value);
  lua_xmove(from, L, 1);
  lua_pushboolean(from, 1);
  sk_sched_wake(S, w->task, 1);
  ch->unfinished++;
  return priority;
}


static lua_Number checkpriority (lua_State *L, const Channel *ch, int arg) {
  if (lua_isnoneornil(L, arg)) return 0;
  luaL_argcheck(L, ch->order == PRIORITY, arg,
                "priority given, but the order is not \"priority\"");
  lua_Number priority = luaL_checknumber(L, arg);
  luaL_argcheck(L, priority == priority, arg, "number expected, got NaN");
  return priority;
}


/* Is there room for one more, without anybody waiting for it? */
static bool hasroom (const Channel *ch) {
  return ch->capacity == UNBOUNDED || ch->count < ch->capacity;
}


/* Put the value at the top inside if that need not wait; pops it. */
static bool tryput (lua_State *L, Sched *S, int self, Channel *ch,
                    lua_Number priority) {
  Waiter *w = sk_sched_claim(S, &ch->getters);
  if (w != NULL) { /* hand it over directly */
    lua_xmove(L, w->task->at, 1);
    sk_sched_wake(S, w->task, 1);
  }
  else if (hasroom(ch)) {
    enqueue(L, self, ch, priority);
    sk_sched_wakeall(S, &ch->watchers, 0);
  }
  else
    return false;
  ch->unfinished++;
  return true;
}


/* Push an item if that need not wait. */
static bool tryget (lua_State *L, Sched *S, int self, Channel *ch) {
  if (ch->count > 0) {
    dequeue(L, self, ch);
    Waiter *w = sk_sched_claim(S, &ch->putters);
    if (w != NULL) { /* its value takes the room just made */
      lua_Number priority = takefrom(L, S, ch, w);
      enqueue(L, self, ch, priority);
    }
    else if (ch->count == 0 && ch->size > KEEP)
      resize(L, self, ch, FIRST);
    return true;
  }
  Waiter *w = sk_sched_claim(S, &ch->putters);
  if (w == NULL) return false;
  takefrom(L, S, ch, w);
  return true;
}


/* ch:put(value, [timeout, [priority]]) -> true | nil, "timeout"|"closed" */
static int channel_put (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Channel *ch = checkchannel(L, S);
  if (lua_isnoneornil(L, 2)) luaL_argerror(L, 2, "value expected, got nil");
  sk_time due = sk_checkdeadline(L, 3);
  lua_Number priority = checkpriority(L, ch, 4);
  lua_settop(L, 2);
  sk_sched_checkpoint(L, S);
  if (ch->closed) return sk_fail(L, -EPIPE);
  if (tryput(L, S, 1, ch, priority)) {
    lua_pushboolean(L, 1);
    return sk_sched_turn(L, S, 1);
  }
  if (due == SK_NOW) return sk_fail(L, -ETIMEDOUT);
  lua_pushnumber(L, priority);
  S->current->self.value = 2;
  sk_sched_prepare(L, S, due);
  sk_sched_wakeall(S, &ch->watchers, 0); /* a get need not wait now */
  return sk_sched_suspend(L, S, &ch->putters, NULL, "channel put",
                          (lua_KContext)S, sk_sched_finish);
}


static int get (lua_State *L, Sched *S, Channel *ch, sk_time due) {
  lua_settop(L, 1);
  sk_sched_checkpoint(L, S);
  if (tryget(L, S, 1, ch)) return sk_sched_turn(L, S, 1);
  if (ch->closed) return sk_fail(L, -EPIPE);
  if (due == SK_NOW) return sk_fail(L, -ETIMEDOUT);
  return sk_sched_park(L, S, &ch->getters, due, "channel get");
}


void sk_channel_push (lua_State *L, Sched *S, int channel) {
  Channel *ch = lua_touserdata(L, channel);
  if (ch->closed || !tryput(L, S, channel, ch, 0)) lua_pop(L, 1);
}


/* ch:get([timeout]) -> value | nil, "timeout" | nil, "closed" */
static int channel_get (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Channel *ch = checkchannel(L, S);
  return get(L, S, ch, sk_checkdeadline(L, 2));
}


static int items_next (lua_State *L) {
  Sched *S = sk_upvalue(L);
  return get(L, S, checkchannel(L, S), SK_FOREVER);
}


/* for value in ch:items() do - until it is closed and drained */
static int channel_items (lua_State *L) {
  checkchannel(L, sk_upvalue(L));
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, items_next, 1);
  lua_insert(L, 1);
  return 2;
}


/* ch:close() - wakes everyone; what is inside can still be got */
static int channel_close (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Channel *ch = checkchannel(L, S);
  ch->closed = true;
  sk_sched_wakeall(S, &ch->watchers, 0);
  sk_sched_wakeall(S, &ch->putters, -EPIPE);
  sk_sched_wakeall(S, &ch->getters, -EPIPE);
  if (ch->tapped) S->onclose(L, S);
  return 0;
}


void sk_channel_tap (lua_State *L, int channel) {
  ((Channel *)lua_touserdata(L, channel))->tapped = true;
}


bool sk_channel_isopen (lua_State *L, int channel) {
  return !((Channel *)lua_touserdata(L, channel))->closed;
}


/* ---- dealt with ---- */

/* ch:task_done() - an item that was got has been dealt with */
static int channel_taskdone (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Channel *ch = checkchannel(L, S);
  if (ch->unfinished == 0)
    return luaL_error(L, "task_done called more often than put");
  if (--ch->unfinished == 0) sk_sched_wakeall(S, &ch->joiners, 0);
  return 0;
}


static int finishjoin (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  int n = sk_sched_woken(L, (Sched *)ctx);
  if (n < 0) return sk_fail(L, n);
  lua_pushboolean(L, 1);
  return 1;
}


/* ch:join([timeout]) -> true | nil, "timeout": all that was put is done */
static int channel_join (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Channel *ch = checkchannel(L, S);
  sk_time due = sk_checkdeadline(L, 2);
  lua_settop(L, 1);
  sk_sched_checkpoint(L, S);
  if (ch->unfinished == 0) {
    lua_pushboolean(L, 1);
    return sk_sched_turn(L, S, 1);
  }
  if (due == SK_NOW) return sk_fail(L, -ETIMEDOUT);
  return sk_sched_parkk(L, S, &ch->joiners, due, "channel join",
                        (lua_KContext)S, finishjoin);
}


/* ---- select ---- */

static int attemptget (lua_State *L, Sched *S, int at) {
  Channel *ch = lua_touserdata(L, at);
  if (tryget(L, S, at, ch)) return 1;
  return ch->closed ? sk_fail(L, -EPIPE) : -EAGAIN;
}


static void enlistget (lua_State *L, Sched *S, int at, Waiter *w) {
  (void)S;
  Channel *ch = lua_touserdata(L, at);
  sk_list_add(&ch->getters, &w->link);
}


static int attemptput (lua_State *L, Sched *S, int at) {
  Channel *ch = lua_touserdata(L, at);
  if (lua_isnil(L, at + 1)) return luaL_error(L, "cannot put nil");
  lua_Number priority = checkpriority(L, ch, at + 2);
  if (ch->closed) return sk_fail(L, -EPIPE);
  lua_pushvalue(L, at + 1);
  if (!tryput(L, S, at, ch, priority)) {
    lua_pop(L, 1);
    return -EAGAIN;
  }
  lua_pushboolean(L, 1);
  return 1;
}


static void enlistput (lua_State *L, Sched *S, int at, Waiter *w) {
  Channel *ch = lua_touserdata(L, at);
  sk_sched_wakeall(S, &ch->watchers, 0);
  sk_list_add(&ch->putters, &w->link);
}


static int attemptready (lua_State *L, Sched *S, int at) {
  (void)S;
  const Channel *ch = lua_touserdata(L, at);
  bool ready = ch->count > 0 || ch->closed || !sk_list_isempty(&ch->putters);
  return ready ? 0 : -EAGAIN;
}


static void enlistready (lua_State *L, Sched *S, int at, Waiter *w) {
  (void)S;
  Channel *ch = lua_touserdata(L, at);
  sk_list_add(&ch->watchers, &w->link);
}


static const SelectOp selects[] = {
    {.name = "get", .attempt = attemptget, .enlist = enlistget},
    {.name = "put", .attempt = attemptput, .enlist = enlistput},
    {.name = "ready", .attempt = attemptready, .enlist = enlistready},
    {.name = NULL},
};


/* ---- looking ---- */

/* ch:size() -> items inside; also #ch */
static int channel_size (lua_State *L) {
  lua_pushinteger(L, checkchannel(L, sk_upvalue(L))->count);
  return 1;
}


/* ch:capacity() -> integer | nil (unbounded) */
static int channel_capacity (lua_State *L) {
  const Channel *ch = checkchannel(L, sk_upvalue(L));
  if (ch->capacity == UNBOUNDED) return 0;
  lua_pushinteger(L, ch->capacity);
  return 1;
}


/* ch:empty() -> would a get wait? */
static int channel_empty (lua_State *L) {
  const Channel *ch = checkchannel(L, sk_upvalue(L));
  lua_pushboolean(L, ch->count == 0 && sk_list_isempty(&ch->putters));
  return 1;
}


/* ch:full() -> would a put wait? */
static int channel_full (lua_State *L) {
  const Channel *ch = checkchannel(L, sk_upvalue(L));
  lua_pushboolean(L, !hasroom(ch) && sk_list_isempty(&ch->getters));
  return 1;
}


/* ch:closed() -> boolean */
static int channel_closed (lua_State *L) {
  lua_pushboolean(L, checkchannel(L, sk_upvalue(L))->closed);
  return 1;
}


static int channel_tostring (lua_State *L) {
  const Channel *ch = checkchannel(L, sk_upvalue(L));
  lua_pushfstring(L, "channel: %p (%I inside%s)", (const void *)ch,
                  (LUAI_UACINT)ch->count, ch->closed ? ", closed" : "");
  return 1;
}


/* ---- making ---- */

static lua_Integer checkcapacity (lua_State *L, int idx) {
  if (lua_isnoneornil(L, idx)) return UNBOUNDED;
  if (lua_type(L, idx) == LUA_TNUMBER && lua_tonumber(L, idx) == HUGE_VAL)
    return UNBOUNDED;
  int isint;
  lua_Integer n = lua_tointegerx(L, idx, &isint);
  if (lua_type(L, idx) != LUA_TNUMBER || !isint || n < 0) {
    const char *got = lua_type(L, idx) == LUA_TNUMBER ? lua_tostring(L, idx)
                                                      : sk_typename(L, idx);
    luaL_argerror(
        L, 1,
        lua_pushfstring(L, "capacity must be an integer of 0 or more, got %s",
                        got));
  }
  return n;
}


/* core.channel([capacity | {capacity =, order =}]) -> channel */
static int core_channel (lua_State *L) {
  static const char *const orders[] = {"fifo", "lifo", "priority", NULL};
  lua_settop(L, 1);
  Channel made = {.size = FIRST, .order = FIFO};
  if (lua_istable(L, 1)) {
    lua_getfield(L, 1, "capacity");
    lua_getfield(L, 1, "order");
    made.order = (Order)luaL_checkoption(L, 3, "fifo", orders);
    made.capacity = checkcapacity(L, 2);
  }
  else
    made.capacity = checkcapacity(L, 1);
  lua_settop(L, 0);
  Channel *ch =
      lua_newuserdatauv(L, sizeof *ch, made.order == PRIORITY ? 2 : 1);
  *ch = made;
  luaL_setmetatable(L, CLASS);
  lua_createtable(L, FIRST, 0);
  lua_setiuservalue(L, 1, 1);
  ch->size = 0;
  if (ch->order == PRIORITY) growheap(L, 1, ch, FIRST);
  ch->size = FIRST;
  return 1;
}


static const luaL_Reg methods[] = {
    {"put", channel_put},       {"get", channel_get},
    {"items", channel_items},   {"close", channel_close},
    {"join", channel_join},     {"task_done", channel_taskdone},
    {"size", channel_size},     {"capacity", channel_capacity},
    {"empty", channel_empty},   {"full", channel_full},
    {"closed", channel_closed}, {NULL, NULL},
};

static const luaL_Reg meta[] = {
    {"__len", channel_size},
    {"__tostring", channel_tostring},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {{"channel", core_channel}, {NULL, NULL}};


void sk_open_channel (lua_State *L, Sched *S) {
  sk_newclass(L, S, CLASS, methods, meta);
  luaL_getmetatable(L, CLASS);
  S->channels = lua_topointer(L, -1);
  sk_select_class(L, selects);
  lua_pop(L, 1);
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, functions, 1);
}
