/*
** lib_test.c - What skein.test stands on: a clock that only leaps, an order
** of chance, and waiting for all others to wait. The loop does the rest.
*/
#include "clock.h"
#include "lib.h"
#include "open.h"


/*
** core.test_begin(patience, [seed]) -> boolean: time stands still from now on
** but for leaps to the next deadline, before which what can come from outside
** has 'patience' real seconds to come. False: inside of a run or test.
*/
static int core_testbegin (lua_State *L) {
  Sched *S = sk_upvalue(L);
  sk_time until = sk_checkspan(L, 1);
  lua_Integer seed = luaL_optinteger(L, 2, 0);
  lua_pushboolean(L, !S->testing && S->current->home == NULL);
  if (!lua_toboolean(L, -1)) return 1;
  sk_time now = sk_clock_now();
  S->patience = until > now ? until - now : 0;
  if (!lua_isnoneornil(L, 2)) {
    S->shuffle = (uint64_t)seed * 0x9E3779B97F4A7C15u | 1;
    S->dice = (uint32_t)(S->shuffle >> 32) | 1u;
  }
  S->testing = true;
  sk_clock_set(now);
  return 1;
}


/* core.test_end() - it passes again */
static int core_testend (lua_State *L) {
  sk_sched_endtest(sk_upvalue(L));
  return 0;
}


static int finishsettle (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  sk_sched_woken(L, (Sched *)ctx);
  return 0;
}


/* core.settle() - wait until all others wait */
static int core_settle (lua_State *L) {
  Sched *S = sk_upvalue(L);
  lua_settop(L, 0);
  sk_sched_checkpoint(L, S);
  return sk_sched_parkk(L, S, &S->settlers, SK_FOREVER, "all to wait",
                        (lua_KContext)S, finishsettle);
}


static const luaL_Reg functions[] = {
    {"test_begin", core_testbegin},
    {"test_end", core_testend},
    {"settle", core_settle},
    {NULL, NULL},
};


void sk_open_test (lua_State *L, Sched *S) {
  sk_addfunctions(L, S, functions);
}
