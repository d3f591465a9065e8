/*
** lib_offspring.c - What can be asked of a child process, see offspring.h.
*/
#include <signal.h>
#include <string.h>

#include "clock.h"
#include "lib.h"
#include "offspring.h"


/* The handle at 1, one of our own, as it is by now. */
static Offspring *checkmine (lua_State *L) {
  const HandleClass *c = sk_outcome_class(L, 1);
  if (c == NULL || !c->offspring) luaL_typeerror(L, 1, "process or command");
  c->look(L, sk_upvalue(L), 1);
  return lua_touserdata(L, 1);
}


/* h:alive() -> boolean */
static int offspring_alive (lua_State *L) {
  const Offspring *o = checkmine(L);
  lua_pushboolean(L, o->r.outcome.status == SK_RUNNING);
  return 1;
}


/* h:exitcode() -> nil while it runs | code | -signal */
static int offspring_exitcode (lua_State *L) {
  const Offspring *o = checkmine(L);
  if (o->pid == 0 || o->child != NULL || o->status == SK_UNKNOWN)
    luaL_pushfail(L);
  else
    lua_pushinteger(L, o->status);
  return 1;
}


static int checksignal (lua_State *L, int arg) {
  int signo = -1;
  if (lua_isinteger(L, arg)) {
    lua_Integer n = lua_tointeger(L, arg);
    if (n >= 0 && n < SK_NSIGNALS) return (int)n;
  }
  else {
    if (!lua_isstring(L, arg))
      return luaL_typeerror(L, arg, "name or number of a signal");
    signo = sk_signals_number(lua_tostring(L, arg));
    if (signo != 0) return signo;
  }
  return luaL_argerror(
      L, arg, lua_pushfstring(L, "unknown signal '%s'", lua_tostring(L, arg)));
}


/* h:signal(name or number) -> true | false: it has ended */
static int offspring_signal (lua_State *L) {
  const Offspring *o = checkmine(L);
  int signo = checksignal(L, 2);
  lua_pushboolean(L, o->child != NULL && sk_spawn_signal(o->child, signo) == 0);
  return 1;
}


/* h:kill() -> true | false: it has ended */
static int offspring_kill (lua_State *L) {
  Offspring *o = checkmine(L);
  o->due = sk_clock_now();
  lua_pushboolean(L, sk_offspring_signal(o, SIGKILL));
  return 1;
}


/* h:terminate([grace]) -> true | false: it had ended. TERM, later KILL. */
static int offspring_terminate (lua_State *L) {
  Offspring *o = checkmine(L);
  sk_time due =
      lua_isnoneornil(L, 2) ? sk_clock_now() + SK_GRACE : sk_checkspan(L, 2);
  lua_pushboolean(L, o->child != NULL);
  int err = sk_offspring_end(o, due);
  if (err != 0)
    luaL_error(L, "cannot see to the end of process %d: %s", o->pid,
               strerror(-err));
  return 1;
}


const luaL_Reg sk_offspring_methods[] = {
    {"alive", offspring_alive},   {"exitcode", offspring_exitcode},
    {"signal", offspring_signal}, {"terminate", offspring_terminate},
    {"kill", offspring_kill},     {NULL, NULL},
};
