/*
** skein.c - The module: one line per class.
*/
#include "coro.h"
#include "lib.h"
#include "lib_wire.h"
#include "open.h"
#include "select.h"


/* core.methods(class) -> the table of the methods of a class, by its name */
static int core_methods (lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  if (luaL_getmetatable(L, name) != LUA_TTABLE)
    return luaL_argerror(L, 1, "name of a class expected");
  if (lua_getfield(L, -1, "__index") == LUA_TFUNCTION)
    lua_getupvalue(L, -1, 2); /* of handles, see outcome.c */
  return 1;
}


/* One scheduler for a Lua state, however often the module is loaded. */
int luaopen_skein_core (lua_State *L) {
  static const char module; /* key in the registry */
  luaL_checkversion(L);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &module) == LUA_TTABLE) return 1;
  Sched *S = sk_sched_open(L);
  sk_coro_open(L, S);
  lua_newtable(L);
  sk_open_error(L, S);
  sk_open_task(L, S);
  sk_open_scope(L, S);
  sk_open_group(L, S);
  sk_open_channel(L, S);
  sk_open_select(L, S);
  sk_open_debug(L, S);
  sk_open_loop(L, S);
  sk_open_test(L, S);
  sk_open_coroutine(L, S);
  sk_open_signal(L, S);
  sk_open_dump(L, S);
  sk_open_wire(L, S);
  sk_open_queue(L, S);
  sk_open_pipe(L, S);
  sk_open_lock(L, S);
  sk_open_semaphore(L, S);
  sk_open_event(L, S);
  sk_open_condition(L, S);
  sk_open_barrier(L, S);
  sk_open_value(L, S);
  sk_open_array(L, S);
  sk_open_dict(L, S);
  sk_open_hold(L, S);
  sk_open_arena(L, S);
  sk_open_process(L, S);
  sk_open_thread(L, S);
  sk_open_worker(L, S);
  sk_open_pool(L, S);
  sk_open_job(L, S);
  sk_open_batch(L, S);
  sk_open_stream(L, S);
  sk_open_net(L, S);
  lua_pushcfunction(L, core_methods);
  lua_setfield(L, -2, "methods");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &module);
  return 1;
}
