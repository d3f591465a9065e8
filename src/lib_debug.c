/*
** lib_debug.c - skein.debug: who keeps the thread too long.
**
** While it is on, a timer of the kernel ticks. If a tick finds that the same
** turn has been running since longer ago than the limit, it sets a hook there,
** which tells of it and goes. Off, it costs a counter.
*/
#include <string.h>

#include "clock.h"
#include "coro.h"
#include "lib.h"
#include "open.h"
#include "ticker.h"

#define TICKS 4 /* in the time of the limit */

static const char KEY = 'd'; /* of the Slow of this state, in the registry */

typedef struct Slow {
  Ticker ticker;
  Sched *S;
  sk_time limit;
  uint64_t turn; /* what the last tick found running */
  sk_time since; /* when a tick found it first */
  bool told;     /* about this turn */
  lua_Hook hook; /* what our hook replaced */
  int mask, count;
} Slow;


static Slow *slowof (lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &KEY);
  Slow *w = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return w;
}


/* ---- telling ---- */

static void pushwho (lua_State *L, Sched *S) {
  Task *t = S->current;
  if (t == &S->top)
    lua_pushfstring(L, "the top level of the %s", S->kind);
  else if (sk_coro_pushhandle(L, t)) {
    sk_outcome_pushwho(L, -1);
    lua_remove(L, -2);
  }
  else
    lua_pushliteral(L, "a task");
}


/* Called above the function that keeps the thread. */
static int tell (lua_State *L) {
  const Slow *w = slowof(L);
  pushwho(L, w->S);
  double seconds = (double)(sk_clock_real() - w->since) / 1e9;
  luaL_traceback(L, L, NULL, 1);
  fprintf(stderr, "skein: %s has kept the thread for %.3f s so far\n%s\n",
          lua_tostring(L, -2), seconds, lua_tostring(L, -1));
  return 0;
}


/* Runs in the Lua code that a tick found running. */
static void onhook (lua_State *L, lua_Debug *ar) {
  (void)ar;
  const Slow *w = slowof(L);
  lua_sethook(L, w->hook, w->mask, w->count);
  if (!w->told || w->turn != w->S->turns) return; /* it went on after all */
  lua_pushcfunction(L, tell);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) lua_pop(L, 1);
}


/* ---- ticking, in a signal handler ---- */

/* Does somebody run, where others could? */
static bool iskept (const Sched *S) {
  if (S->active == NULL) return false;
  return S->current != &S->top || !sk_list_isempty(&S->ready);
}


static void ontick (Ticker *t) {
  Slow *w = sk_container(t, Slow, ticker);
  const Sched *S = w->S;
  sk_time now = sk_clock_real();
  if (w->turn != S->turns || !iskept(S)) {
    w->turn = S->turns;
    w->since = now;
    w->told = false;
    return;
  }
  lua_State *L = S->active;
  if (w->told || now - w->since < w->limit || sk_sched_isalerted(S, L)) return;
  w->told = true;
  if (lua_gethook(L) != onhook) {
    w->hook = lua_gethook(L);
    w->mask = lua_gethookmask(L);
    w->count = lua_gethookcount(L);
  }
  lua_sethook(L, onhook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}


/* ---- on and off ---- */

static void onfork (Sched *S) {
  Slow *w = slowof(S->aux);
  if (w != NULL) sk_ticker_afterfork(&w->ticker);
}


static int slow_gc (lua_State *L) {
  Slow *w = lua_touserdata(L, 1);
  sk_ticker_stop(&w->ticker);
  return 0;
}


static Slow *make (lua_State *L, Sched *S) {
  Slow *w = slowof(L);
  if (w != NULL) return w;
  w = lua_newuserdatauv(L, sizeof *w, 0);
  *w = (Slow){.S = S, .ticker = {.tick = ontick}};
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, slow_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &KEY);
  S->onfork = onfork;
  return w;
}


/* The option 'slow', at the top: nanoseconds, or 0 for false. */
static sk_time checkslow (lua_State *L) {
  lua_Number seconds = lua_tonumber(L, -1);
  if (lua_type(L, -1) == LUA_TBOOLEAN && !lua_toboolean(L, -1)) return 0;
  if (lua_type(L, -1) == LUA_TNUMBER && seconds >= 0.001 && seconds <= 1e6)
    return (sk_time)(seconds * 1e9);
  const char *got =
      lua_type(L, -1) == LUA_TNUMBER ? lua_tostring(L, -1) : sk_typename(L, -1);
  lua_pushfstring(L,
                  "slow: false, or seconds from 0.001 to 1e6, expected, "
                  "got %s",
                  got);
  return luaL_argerror(L, 1, lua_tostring(L, -1));
}


/* core.debug{slow = seconds | false} - report who keeps the thread longer */
static int core_debug (lua_State *L) {
  static const char *const options[] = {"slow", NULL};
  sk_checkoptions(L, 1, options);
  lua_settop(L, 1);
  if (lua_getfield(L, 1, "slow") == LUA_TNIL) return 0;
  sk_time limit = checkslow(L);
  Slow *w = make(L, sk_upvalue(L));
  sk_ticker_stop(&w->ticker);
  if (limit == 0) return 0;
  w->limit = limit;
  w->turn = UINT64_MAX; /* nobody's */
  w->ticker.every = limit / TICKS;
  int err = sk_ticker_start(&w->ticker);
  if (err != 0)
    return luaL_error(L, "no timer for skein.debug: %s", strerror(-err));
  return 0;
}


static const luaL_Reg functions[] = {{"debug", core_debug}, {NULL, NULL}};


void sk_open_debug (lua_State *L, Sched *S) {
  sk_addfunctions(L, S, functions);
}
