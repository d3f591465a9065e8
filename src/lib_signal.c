/*
** lib_signal.c - Signals as items of channels: skein.signal.
**
** The registry holds, by signal number, the list of the channels that want
** it; at 0 the epoch they are of, for a forked child begins anew. A closed
** channel is dropped when the next signal comes, or when it was the reason for
** a wait: see 'sweep'.
*/
#include <string.h>

#include "channel.h"
#include "lib.h"
#include "open.h"
#include "signals.h"

static const char WANTED = 'w'; /* of the lists, in the registry */


/* Push the lists. Those of the parent of a forked child are not the child's. */
static void pushlists (lua_State *L, const Sched *S) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &WANTED);
  lua_rawgeti(L, -1, 0);
  bool fresh = lua_tointeger(L, -1) == (lua_Integer)S->epoch;
  lua_pop(L, 1);
  if (fresh) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushinteger(L, (lua_Integer)S->epoch);
  lua_rawseti(L, -2, 0);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &WANTED);
}


/* Keep only the open channels of the list at the top; how many? */
static lua_Integer sweep (lua_State *L) {
  lua_Integer n = luaL_len(L, -1), kept = 0;
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, -1, i);
    const Channel *ch = lua_touserdata(L, -1);
    if (!ch->closed)
      lua_rawseti(L, -2, ++kept);
    else
      lua_pop(L, 1);
  }
  for (lua_Integer i = kept + 1; i <= n; i++) {
    lua_pushnil(L);
    lua_rawseti(L, -2, i);
  }
  return kept;
}


/* Put 'signo' into all channels that want it; the lists are at the top. */
static void spread (lua_State *L, int signo) {
  if (lua_rawgeti(L, -1, signo) == LUA_TTABLE) {
    lua_Integer n = luaL_len(L, -1);
    for (lua_Integer i = 1; i <= n; i++) {
      lua_rawgeti(L, -1, i);
      lua_pushstring(L, sk_signals_name(signo));
      sk_channel_push(L, lua_absindex(L, -2));
      lua_pop(L, 1);
    }
  }
  lua_pop(L, 1);
}


/* (signals, as bits of an integer) */
static int distribute (lua_State *L) {
  uint64_t bits = (uint64_t)lua_tointeger(L, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &WANTED);
  for (int signo = 1; signo < SK_NSIGNALS - 1; signo++)
    if (bits >> signo & 1) spread(L, signo);
  return 0;
}


/* SK_ALERT_SIGNAL: called by the loop, or inside of Lua code that runs. */
static void onsignal (Sched *S) {
  lua_State *L = S->aux;
  uint64_t bits = sk_signals_take(&S->sink);
  if (bits == 0 || !lua_checkstack(L, LUA_MINSTACK)) return;
  lua_pushcfunction(L, distribute);
  lua_pushinteger(L, (lua_Integer)bits);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) lua_pop(L, 1);
}


/* A channel was closed: signals that nobody wants are as before. */
static void onclose (lua_State *L, Sched *S) {
  pushlists(L, S);
  for (int signo = 1; signo < SK_NSIGNALS; signo++) {
    if (lua_rawgeti(L, -1, signo) == LUA_TTABLE && sweep(L) == 0) {
      sk_signals_release(&S->sink, signo);
      S->hopes--;
      lua_pushnil(L);
      lua_rawseti(L, -3, signo);
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}


/* Add the channel at 1 to those that want 'signo'. */
static void want (lua_State *L, Sched *S, int signo, const char *name) {
  pushlists(L, S);
  if (lua_rawgeti(L, -1, signo) != LUA_TTABLE) {
    int rc = sk_signals_catch(&S->sink, signo);
    if (rc == -EBUSY)
      luaL_error(L, "signals are received in the main thread only");
    if (rc < 0)
      luaL_error(L, "cannot receive signal %s: %s", name, strerror(-rc));
    S->hopes++;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, signo);
  }
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, luaL_len(L, -2) + 1);
  lua_pop(L, 2);
}


/* core.catch(channel, name, ...) - put the names of those signals into it */
static int core_catch (lua_State *L) {
  Sched *S = sk_upvalue(L);
  int n = lua_gettop(L);
  luaL_argcheck(L, n > 1, 1, "signal name expected, got no value");
  for (int i = 2; i <= n; i++) {
    if (lua_type(L, i) != LUA_TSTRING)
      luaL_argerror(L, i - 1,
                    lua_pushfstring(L, "signal name expected, got %s",
                                    sk_typename(L, i)));
    if (sk_signals_number(lua_tostring(L, i)) == 0)
      luaL_argerror(
          L, i - 1,
          lua_pushfstring(L, "unknown signal '%s'", lua_tostring(L, i)));
  }
  for (int i = 2; i <= n; i++) {
    const char *name = lua_tostring(L, i);
    want(L, S, sk_signals_number(name), name);
  }
  ((Channel *)lua_touserdata(L, 1))->tapped = true;
  return 0;
}


static const luaL_Reg functions[] = {{"catch", core_catch}, {NULL, NULL}};


void sk_open_signal (lua_State *L, Sched *S) {
  S->onsignal = onsignal;
  S->onclose = onclose;
  lua_newtable(L);
  lua_pushinteger(L, (lua_Integer)S->epoch);
  lua_rawseti(L, -2, 0);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &WANTED);
  sk_addfunctions(L, S, functions);
}
