/*
** lib_channel.c - Channels: values from task to task of one thread.
**
** Invariants
**   - getters wait only while the channel is empty, putters only while it is
**     full: never both, and a closed channel has neither;
**   - a putter's value and its priority rest on its own stack, side by side;
**   - user value 1 is the table of the items, by slot (slots.h), once there
**     was one.
**
** 'unfinished' counts what was put and not yet marked by task_done. These
** functions are called millions of times a second, and each call of the Lua
** API costs as much as all arithmetic here: hence the junk left on stacks.
*/
#include <math.h>

#include "lib.h"
#include "lib_channel.h"
#include "open.h"
#include "select.h"
#include "slots.h"

#define CLASS "skein.Channel"
#define FIRST 8   /* slots at first */
#define KEEP 4096 /* slots that an empty channel keeps */
#define UNBOUNDED (-1)

static const char MAGIC = 'c'; /* its address is in every channel */

typedef struct Channel {
  const char *magic;
  Sched *S;
  List getters, putters, joiners; /* who waits, oldest first */
  List watchers;                  /* who waits for a get not to wait */
  lua_Integer capacity;           /* or UNBOUNDED */
  lua_Integer unfinished;
  Slots slots; /* of the items; the heap is memory of user value 2 */
  bool closed;
  bool tapped; /* somebody must know when it is closed */
} Channel;


/*
** The channel at 1. The magic is what only a channel can hold, and reading it
** is several times as fast as comparing metatables.
*/
static Channel *checkchannel (lua_State *L) {
  Channel *ch = lua_touserdata(L, 1);
  if (sk_likely(ch != NULL && lua_rawlen(L, 1) == sizeof *ch &&
                ch->magic == &MAGIC))
    return ch;
  return luaL_checkudata(L, 1, CLASS);
}


/* ---- the items; the channel is at 'self' ---- */

/* Lay the items out anew, in a table of 'size' slots. */
static void resize (lua_State *L, int self, Channel *ch, int64_t size) {
  Slots *s = &ch->slots;
  Entry *heap = NULL;
  lua_createtable(L, (int)size, 0);
  lua_getiuservalue(L, self, 1);
  for (int64_t i = 0; i < s->count; i++) {
    lua_rawgeti(L, -1, 1 + sk_slots_nth(s, i));
    lua_rawseti(L, -3, 1 + i);
  }
  lua_pop(L, 1);
  if (s->order == SK_PRIORITY)
    heap = lua_newuserdatauv(L, (size_t)size * sizeof *heap, 0);
  sk_slots_rehouse(s, heap, size);
  if (heap != NULL) lua_setiuservalue(L, self, 2);
  lua_setiuservalue(L, self, 1);
}


/* Put the value at index 'v' inside. Leaves something on the stack. */
static void enqueue (lua_State *L, int self, Channel *ch, int v,
                     lua_Number priority) {
  Slots *s = &ch->slots;
  if (sk_unlikely(s->count == s->size)) {
    if (s->size > INT32_MAX / 4) luaL_error(L, "too many items");
    resize(L, self, ch, s->size > 0 ? 2 * s->size : FIRST);
  }
  lua_getiuservalue(L, self, 1);
  lua_pushvalue(L, v);
  lua_rawseti(L, -2, 1 + sk_slots_fill(s, priority));
}


/* Push the next item and take it out. Leaves something below it. */
static void dequeue (lua_State *L, int self, Channel *ch) {
  lua_Integer slot = 1 + sk_slots_drain(&ch->slots);
  lua_getiuservalue(L, self, 1);
  lua_rawgeti(L, -1, slot);
  lua_pushnil(L);
  lua_rawseti(L, -3, slot);
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
  luaL_argcheck(L, ch->slots.order == SK_PRIORITY, arg,
                "priority given, but the order is not \"priority\"");
  lua_Number priority = luaL_checknumber(L, arg);
  luaL_argcheck(L, priority == priority, arg, "number expected, got NaN");
  return priority;
}


/* Is there room for one more, without anybody waiting for it? */
static bool hasroom (const Channel *ch) {
  return ch->capacity == UNBOUNDED || ch->slots.count < ch->capacity;
}


/*
** Put the value at index 'v' inside, or into the hands of who waits for it,
** if that need not wait. Leaves something on the stack.
*/
static bool tryput (lua_State *L, int self, Channel *ch, int v,
                    lua_Number priority) {
  Sched *S = ch->S;
  Waiter *w = sk_sched_claim(S, &ch->getters);
  if (w != NULL) { /* hand it over directly */
    lua_pushvalue(L, v);
    lua_xmove(L, w->task->at, 1);
    sk_sched_wake(S, w->task, 1);
  }
  else if (hasroom(ch)) {
    enqueue(L, self, ch, v, priority);
    sk_sched_wakeall(S, &ch->watchers, 0);
  }
  else
    return false;
  ch->unfinished++;
  return true;
}


/* Push an item if that need not wait. Leaves something below it. */
static bool tryget (lua_State *L, int self, Channel *ch) {
  Sched *S = ch->S;
  if (ch->slots.count > 0) {
    dequeue(L, self, ch);
    int item = lua_gettop(L);
    Waiter *w = sk_sched_claim(S, &ch->putters);
    if (w != NULL) { /* its value takes the room just made */
      lua_Number priority = takefrom(L, S, ch, w);
      enqueue(L, self, ch, item + 1, priority);
      lua_settop(L, item);
    }
    else if (ch->slots.count == 0 && ch->slots.size > KEEP)
      resize(L, self, ch, FIRST);
    return true;
  }
  Waiter *w = sk_sched_claim(S, &ch->putters);
  if (w == NULL) return false;
  takefrom(L, S, ch, w);
  return true;
}


/* The rest of 'put': it is closed, or full. */
static int waitput (lua_State *L, Channel *ch, sk_time due,
                    lua_Number priority) {
  Sched *S = ch->S;
  if (due == SK_NOW) return sk_fail(L, -ETIMEDOUT);
  lua_settop(L, 2);
  lua_pushnumber(L, priority);
  sk_sched_prepare(L, S, due);
  S->current->self.value = 2;
  sk_sched_wakeall(S, &ch->watchers, 0); /* a get need not wait now */
  return sk_sched_suspend(L, S, &ch->putters, NULL, "channel put",
                          (lua_KContext)S, sk_sched_finish);
}


/* ch:put(value, [timeout, [priority]]) -> true | nil, "timeout"|"closed" */
static int channel_put (lua_State *L) {
  Channel *ch = checkchannel(L);
  sk_time due = SK_FOREVER;
  lua_Number priority = 0;
  if (lua_isnoneornil(L, 2)) luaL_argerror(L, 2, "value expected, got nil");
  if (lua_gettop(L) > 2) {
    due = sk_checkdeadline(L, 3);
    priority = checkpriority(L, ch, 4);
  }
  sk_sched_checkpoint(L, ch->S);
  if (ch->closed) return sk_fail(L, -EPIPE);
  if (!tryput(L, 1, ch, 2, priority)) return waitput(L, ch, due, priority);
  lua_pushboolean(L, 1);
  return sk_sched_turn(L, ch->S, 1);
}


static int get (lua_State *L, Channel *ch, sk_time due) {
  Sched *S = ch->S;
  sk_sched_checkpoint(L, S);
  if (tryget(L, 1, ch)) return sk_sched_turn(L, S, 1);
  if (ch->closed) return sk_fail(L, -EPIPE);
  if (due == SK_NOW) return sk_fail(L, -ETIMEDOUT);
  lua_settop(L, 1);
  return sk_sched_park(L, S, &ch->getters, due, "channel get");
}


/* ch:get([timeout]) -> value | nil, "timeout" | nil, "closed" */
static int channel_get (lua_State *L) {
  Channel *ch = checkchannel(L);
  sk_time due = lua_gettop(L) > 1 ? sk_checkdeadline(L, 2) : SK_FOREVER;
  return get(L, ch, due);
}


static int items_next (lua_State *L) {
  return get(L, checkchannel(L), SK_FOREVER);
}


/* for value in ch:items() do - until it is closed and drained */
static int channel_items (lua_State *L) {
  checkchannel(L);
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, items_next, 1);
  lua_insert(L, 1);
  return 2;
}


/* ch:close() - wakes everyone; what is inside can still be got */
static int channel_close (lua_State *L) {
  Channel *ch = checkchannel(L);
  Sched *S = ch->S;
  ch->closed = true;
  sk_sched_wakeall(S, &ch->watchers, 0);
  sk_sched_wakeall(S, &ch->putters, -EPIPE);
  sk_sched_wakeall(S, &ch->getters, -EPIPE);
  if (ch->tapped) S->onclose(L, S);
  return 0;
}


/* ---- for C ---- */

void sk_channel_push (lua_State *L, int channel) {
  Channel *ch = lua_touserdata(L, channel);
  int v = lua_gettop(L);
  if (!ch->closed) tryput(L, channel, ch, v, 0);
  lua_settop(L, v - 1);
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
  Channel *ch = checkchannel(L);
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
  Channel *ch = checkchannel(L);
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
  (void)S;
  Channel *ch = lua_touserdata(L, at);
  if (tryget(L, at, ch)) return 1;
  return ch->closed ? sk_fail(L, -EPIPE) : -EAGAIN;
}


static void enlistget (lua_State *L, Sched *S, int at, Waiter *w) {
  (void)S;
  Channel *ch = lua_touserdata(L, at);
  sk_list_add(&ch->getters, &w->link);
}


static int attemptput (lua_State *L, Sched *S, int at) {
  (void)S;
  Channel *ch = lua_touserdata(L, at);
  if (lua_isnil(L, at + 1)) return luaL_error(L, "cannot put nil");
  lua_Number priority = checkpriority(L, ch, at + 2);
  if (ch->closed) return sk_fail(L, -EPIPE);
  if (!tryput(L, at, ch, at + 1, priority)) return -EAGAIN;
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
  bool ready =
      ch->slots.count > 0 || ch->closed || !sk_list_isempty(&ch->putters);
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
  lua_pushinteger(L, checkchannel(L)->slots.count);
  return 1;
}


/* ch:capacity() -> integer | nil (unbounded) */
static int channel_capacity (lua_State *L) {
  const Channel *ch = checkchannel(L);
  if (ch->capacity == UNBOUNDED) return 0;
  lua_pushinteger(L, ch->capacity);
  return 1;
}


/* ch:empty() -> would a get wait? */
static int channel_empty (lua_State *L) {
  const Channel *ch = checkchannel(L);
  lua_pushboolean(L, ch->slots.count == 0 && sk_list_isempty(&ch->putters));
  return 1;
}


/* ch:full() -> would a put wait? */
static int channel_full (lua_State *L) {
  const Channel *ch = checkchannel(L);
  lua_pushboolean(L, !hasroom(ch) && sk_list_isempty(&ch->getters));
  return 1;
}


/* ch:closed() -> boolean */
static int channel_closed (lua_State *L) {
  lua_pushboolean(L, checkchannel(L)->closed);
  return 1;
}


static int channel_tostring (lua_State *L) {
  const Channel *ch = checkchannel(L);
  lua_pushfstring(L, "channel: %p (%I inside%s)", (const void *)ch,
                  (LUAI_UACINT)ch->slots.count, ch->closed ? ", closed" : "");
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
  Channel made = {.magic = &MAGIC, .S = sk_upvalue(L)};
  if (lua_istable(L, 1)) {
    lua_getfield(L, 1, "capacity");
    lua_getfield(L, 1, "order");
    made.slots.order = (Order)luaL_checkoption(L, 3, "fifo", orders);
    made.capacity = checkcapacity(L, 2);
  }
  else
    made.capacity = checkcapacity(L, 1);
  lua_settop(L, 0);
  int values = made.slots.order == SK_PRIORITY ? 2 : 1;
  Channel *ch = lua_newuserdatauv(L, sizeof *ch, values);
  *ch = made;
  luaL_setmetatable(L, CLASS);
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
  sk_select_class(L, selects);
  lua_pop(L, 1);
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, functions, 1);
}
