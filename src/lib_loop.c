/*
** lib_loop.c - The scheduler as a part of a loop that is not ours.
*/
#include <string.h>

#include "clock.h"
#include "lib.h"
#include "open.h"


/* It drives from the top level only, where no wait is under way. */
static Sched *checktop (lua_State *L, const char *name) {
  Sched *S = sk_upvalue(L);
  if (L != S->top.co || S->looping)
    luaL_error(L, "skein.loop.%s is for the top level, outside of any task",
               name);
  return S;
}


/* core.loop_fd() -> a descriptor, readable when 'step' has something to do */
static int core_loopfd (lua_State *L) {
  Sched *S = sk_upvalue(L);
  int err = sk_poller_open(&S->poller);
  if (err != 0)
    return luaL_error(L, "no descriptor for the loop: %s", strerror(-err));
  lua_pushinteger(L, S->poller.fd - 1);
  return 1;
}


/* core.loop_deadline() -> seconds until 'step' is due at the latest, or nil */
static int core_loopdeadline (lua_State *L) {
  Sched *S = checktop(L, "deadline");
  sk_poller_open(&S->poller); /* whoever asks will want to be rung for */
  sk_time due = sk_sched_doze(S);
  sk_time left = due - sk_clock_now();
  if (due == SK_FOREVER)
    lua_pushnil(L);
  else
    lua_pushnumber(L, left > 0 ? (lua_Number)left / 1e9 : 0);
  return 1;
}


/* core.loop_step() - run what is ready, once; never sleeps */
static int core_loopstep (lua_State *L) {
  Sched *S = checktop(L, "step");
  lua_settop(L, 0);
  return sk_sched_step(L, S);
}


static const luaL_Reg functions[] = {
    {"loop_fd", core_loopfd},
    {"loop_deadline", core_loopdeadline},
    {"loop_step", core_loopstep},
    {NULL, NULL},
};


void sk_open_loop (lua_State *L, Sched *S) {
  sk_addfunctions(L, S, functions);
}
