/*
** channel.c - Channels: values from task to task. See channel.h.
**
** These functions run millions of times a second, and each call of the Lua
** API costs as much as all arithmetic here: hence what is left on stacks.
*/
#include <string.h>

#include "channel.h"

#define CLASS "skein.Channel"
#define FIRST 8   /* slots at first: user values of the channel itself */
#define KEEP 4096 /* slots that an empty channel keeps */

/* User values. */
#define TABLE 1 /* of the items, by slot, beyond FIRST slots */
#define HEAP 2  /* memory of the entries of a priority channel */
#define OWN 3   /* the items themselves, up to FIRST slots */

static const char MAGIC = 'c'; /* its address is in every channel */


/*
** The channel at 1. The magic is what only a channel can hold, and reading it
** is several times as fast as comparing metatables.
*/
Channel *sk_channel_check (lua_State *L) {
  Channel *ch = lua_touserdata(L, 1);
  if (sk_likely(ch != NULL && lua_rawlen(L, 1) == sizeof *ch &&
                ch->magic == &MAGIC))
    return ch;
  return luaL_checkudata(L, 1, CLASS);
}


/* ---- the items; the channel is at 'self' ---- */

/* Push what is in a slot. */
static void fetch (lua_State *L, int self, const Channel *ch, int64_t slot) {
  if (ch->slots.size <= FIRST) {
    lua_getiuservalue(L, self, OWN + (int)slot);
    return;
  }
  lua_getiuservalue(L, self, TABLE);
  lua_rawgeti(L, -1, slot + 1);
  lua_remove(L, -2);
}


/* Lay the items out anew, in 'size' slots: beyond FIRST, of a table. */
static void resize (lua_State *L, int self, Channel *ch, int64_t size) {
  Slots *s = &ch->slots;
  Entry *heap = NULL;
  if (size > FIRST)
    lua_createtable(L, (int)size, 0);
  else
    lua_pushnil(L); /* only an empty channel shrinks */
  for (int64_t i = 0; i < s->count; i++) {
    fetch(L, self, ch, sk_slots_nth(s, i));
    lua_rawseti(L, -2, 1 + i);
  }
  if (s->order == SK_PRIORITY)
    heap = lua_newuserdatauv(L, (size_t)size * sizeof *heap, 0);
  sk_slots_rehouse(s, heap, size);
  if (heap != NULL) lua_setiuservalue(L, self, HEAP);
  lua_setiuservalue(L, self, TABLE);
  for (int i = 0; i < FIRST; i++) {
    lua_pushnil(L);
    lua_setiuservalue(L, self, OWN + i);
  }
}


/* Put the value at the top inside. May pop it, or leave something more. */
static void enqueue (lua_State *L, int self, Channel *ch, lua_Number priority) {
  Slots *s = &ch->slots;
  if (sk_unlikely(s->count == s->size)) {
    if (s->size > INT32_MAX / 4) luaL_error(L, "too many items");
    resize(L, self, ch, 2 * s->size);
  }
  if (s->size <= FIRST) {
    lua_setiuservalue(L, self, OWN + (int)sk_slots_fill(s, priority));
    return;
  }
  lua_getiuservalue(L, self, TABLE);
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, 1 + sk_slots_fill(s, priority));
}


/* Push the next item and take it out. May leave something below it. */
static void dequeue (lua_State *L, int self, Channel *ch) {
  Slots *s = &ch->slots;
  int64_t slot = sk_slots_drain(s);
  if (s->size <= FIRST) {
    int type = lua_getiuservalue(L, self, OWN + (int)slot);
    if (type <= LUA_TNUMBER) return; /* left behind, it keeps nothing alive */
    lua_pushnil(L);
    lua_setiuservalue(L, self, OWN + (int)slot);
    return;
  }
  lua_getiuservalue(L, self, TABLE);
  if (lua_rawgeti(L, -1, 1 + slot) <= LUA_TNUMBER) return;
  lua_pushnil(L);
  lua_rawseti(L, -3, 1 + slot);
}


Channel *sk_channel_new (lua_State *L, Sched *S, const Channel *made) {
  Channel *ch = lua_newuserdatauv(L, sizeof *ch, OWN + FIRST - 1);
  *ch = *made;
  ch->magic = &MAGIC;
  ch->S = S;
  ch->slots.size = FIRST;
  luaL_setmetatable(L, CLASS);
  if (ch->slots.order == SK_PRIORITY) resize(L, lua_gettop(L), ch, FIRST);
  return ch;
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


bool sk_channel_hasroom (const Channel *ch) {
  return ch->capacity == SK_UNBOUNDED || ch->slots.count < ch->capacity;
}


bool sk_channel_tryput (lua_State *L, int self, Channel *ch,
                        lua_Number priority) {
  Sched *S = ch->S;
  Waiter *w = sk_sched_claim(S, &ch->getters);
  if (w != NULL) { /* hand it over directly */
    lua_xmove(L, w->task->at, 1);
    sk_sched_wake(S, w->task, 1);
  }
  else if (sk_channel_hasroom(ch)) {
    enqueue(L, self, ch, priority);
    sk_sched_wakeall(S, &ch->watchers, 0);
  }
  else
    return false;
  ch->unfinished++;
  return true;
}


bool sk_channel_tryget (lua_State *L, int self, Channel *ch) {
  Sched *S = ch->S;
  if (ch->slots.count > 0) {
    dequeue(L, self, ch);
    int item = lua_gettop(L);
    Waiter *w = sk_sched_claim(S, &ch->putters);
    if (w != NULL) { /* its value takes the room just made */
      lua_Number priority = takefrom(L, S, ch, w);
      enqueue(L, self, ch, priority);
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


void sk_channel_push (lua_State *L, int self) {
  Channel *ch = lua_touserdata(L, self);
  int top = lua_gettop(L);
  if (!ch->closed) sk_channel_tryput(L, self, ch, 0);
  lua_settop(L, top - 1);
}
