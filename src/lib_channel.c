/*
** lib_channel.c - The methods of channels (channel.h).
*/
#include <string.h>

#include "channel.h"
#include "lib.h"
#include "open.h"
#include "select.h"

#define CLASS "skein.Channel"
#define UNORDERED "priority given, but the order is not \"priority\""


/* ---- put and get ---- */

static lua_Number checkpriority (lua_State *L, const Channel *ch, int arg) {
  if (lua_isnoneornil(L, arg)) return 0;
  luaL_argcheck(L, ch->slots.order == SK_PRIORITY, arg, UNORDERED);
  luaL_checktype(L, arg, LUA_TNUMBER);
  lua_Number priority = lua_tonumber(L, arg);
  luaL_argcheck(L, priority == priority, arg, "number expected, got NaN");
  return priority;
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
  Channel *ch = sk_channel_check(L);
  sk_time due = SK_FOREVER;
  lua_Number priority = 0;
  if (lua_isnoneornil(L, 2)) luaL_argerror(L, 2, "value expected, got nil");
  if (lua_gettop(L) > 2) {
    due = sk_checkdeadline(L, 3);
    priority = checkpriority(L, ch, 4);
    lua_settop(L, 2);
  }
  sk_sched_checkpoint(L, ch->S);
  if (ch->closed) return sk_fail(L, -EPIPE);
  if (!sk_channel_tryput(L, 1, ch, priority))
    return waitput(L, ch, due, priority);
  lua_pushboolean(L, 1);
  return sk_sched_turn(L, ch->S, 1);
}


static int get (lua_State *L, Channel *ch, sk_time due) {
  Sched *S = ch->S;
  sk_sched_checkpoint(L, S);
  if (sk_channel_tryget(L, 1, ch)) return sk_sched_turn(L, S, 1);
  if (ch->closed) return sk_fail(L, -EPIPE);
  if (due == SK_NOW) return sk_fail(L, -ETIMEDOUT);
  lua_settop(L, 1);
  return sk_sched_park(L, S, &ch->getters, due, "channel get");
}


/* ch:get([timeout]) -> value | nil, "timeout" | nil, "closed" */
static int channel_get (lua_State *L) {
  Channel *ch = sk_channel_check(L);
  sk_time due = lua_gettop(L) > 1 ? sk_checkdeadline(L, 2) : SK_FOREVER;
  return get(L, ch, due);
}


static int items_next (lua_State *L) {
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(2));
  return get(L, lua_touserdata(L, 1), SK_FOREVER);
}


/* for value in ch:items() do - until it is closed and drained */
static int channel_items (lua_State *L) {
  sk_channel_check(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 1);
  lua_pushcclosure(L, items_next, 2);
  return 1;
}


/* ch:close() - wakes everyone; what is inside can still be got */
static int channel_close (lua_State *L) {
  Channel *ch = sk_channel_check(L);
  Sched *S = ch->S;
  ch->closed = true;
  sk_sched_wakeall(S, &ch->watchers, 0);
  sk_sched_wakeall(S, &ch->putters, -EPIPE);
  sk_sched_wakeall(S, &ch->getters, -EPIPE);
  if (ch->tapped) S->onclose(L, S);
  return 0;
}


/* ---- dealt with ---- */

/* ch:task_done() - an item that was got has been dealt with */
static int channel_taskdone (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Channel *ch = sk_channel_check(L);
  if (ch->unfinished == 0)
    return luaL_error(L, "task_done called more often than put");
  if (--ch->unfinished == 0) sk_sched_wakeall(S, &ch->joiners, 0);
  return 0;
}


/* ch:join([timeout]) -> true | nil, "timeout": all that was put is done */
static int channel_join (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Channel *ch = sk_channel_check(L);
  sk_time due = sk_checkdeadline(L, 2);
  lua_settop(L, 1);
  sk_sched_checkpoint(L, S);
  if (ch->unfinished == 0) {
    lua_pushboolean(L, 1);
    return sk_sched_turn(L, S, 1);
  }
  if (due == SK_NOW) return sk_fail(L, -ETIMEDOUT);
  return sk_sched_parkk(L, S, &ch->joiners, due, "channel join",
                        (lua_KContext)S, sk_sched_finishtrue);
}


/* ---- select ---- */

static int attemptget (lua_State *L, Sched *S, int at) {
  (void)S;
  Channel *ch = lua_touserdata(L, at);
  if (sk_channel_tryget(L, at, ch)) return 1;
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
  if (!lua_isnil(L, at + 3) && ch->slots.order != SK_PRIORITY)
    return sk_select_error(L, at, UNORDERED);
  lua_Number priority = lua_tonumber(L, at + 3);
  if (ch->closed) return sk_fail(L, -EPIPE);
  lua_pushvalue(L, at + 1);
  if (!sk_channel_tryput(L, at, ch, priority)) return -EAGAIN;
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
    {.name = "put", .offers = true, .attempt = attemptput, .enlist = enlistput},
    {.name = "ready", .attempt = attemptready, .enlist = enlistready},
    {.name = NULL},
};


/* ---- looking ---- */

/* ch:size() -> items inside; also #ch */
static int channel_size (lua_State *L) {
  lua_pushinteger(L, sk_channel_check(L)->slots.count);
  return 1;
}


/* ch:capacity() -> integer | nil (unbounded) */
static int channel_capacity (lua_State *L) {
  const Channel *ch = sk_channel_check(L);
  if (ch->capacity == SK_UNBOUNDED)
    lua_pushnil(L);
  else
    lua_pushinteger(L, ch->capacity);
  return 1;
}


/* ch:empty() -> would a get wait? */
static int channel_empty (lua_State *L) {
  const Channel *ch = sk_channel_check(L);
  lua_pushboolean(L, ch->slots.count == 0 && sk_list_isempty(&ch->putters));
  return 1;
}


/* ch:full() -> would a put wait? */
static int channel_full (lua_State *L) {
  const Channel *ch = sk_channel_check(L);
  lua_pushboolean(L, !sk_channel_hasroom(ch) && sk_list_isempty(&ch->getters));
  return 1;
}


/* ch:closed() -> boolean */
static int channel_closed (lua_State *L) {
  lua_pushboolean(L, sk_channel_check(L)->closed);
  return 1;
}


static int channel_tostring (lua_State *L) {
  const Channel *ch = sk_channel_check(L);
  lua_pushfstring(L, "channel: %p (%I inside%s)", (const void *)ch,
                  (LUAI_UACINT)ch->slots.count, ch->closed ? ", closed" : "");
  return 1;
}


/* ---- making ---- */

/* Option 'order' of the table at 1. */
static Order checkorder (lua_State *L) {
  static const char *const orders[] = {"fifo", "lifo", "priority", NULL};
  if (lua_getfield(L, 1, "order") == LUA_TNIL) return SK_FIFO;
  if (lua_type(L, -1) == LUA_TSTRING)
    for (int i = 0; orders[i] != NULL; i++)
      if (strcmp(lua_tostring(L, -1), orders[i]) == 0) return (Order)i;
  lua_pushfstring(L,
                  "order: \"fifo\", \"lifo\" or \"priority\" expected, got %s",
                  lua_type(L, -1) == LUA_TSTRING
                      ? lua_pushfstring(L, "'%s'", lua_tostring(L, -1))
                      : sk_typename(L, -1));
  return (Order)luaL_argerror(L, 1, lua_tostring(L, -1));
}


/* core.channel([capacity | {capacity =, order =}]) -> channel */
static int core_channel (lua_State *L) {
  static const char *const options[] = {"capacity", "order", NULL};
  lua_settop(L, 1);
  Channel made = {0};
  if (lua_istable(L, 1)) {
    sk_checkoptions(L, 1, options);
    made.slots.order = checkorder(L);
    lua_getfield(L, 1, "capacity");
    made.capacity = sk_checkcapacity(L, -1, 1);
  }
  else
    made.capacity = sk_checkcapacity(L, 1, 1);
  sk_channel_new(L, sk_upvalue(L), &made);
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
  sk_addfunctions(L, S, functions);
}
