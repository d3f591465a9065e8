/*
** skein.c - The module: one line per class.
*/
#include "coro.h"
#include "lib.h"
#include "lib_wire.h"
#include "open.h"
#include "select.h"


#define FUNCTIONS 200 /* about so many that the module has */


/* core.methods(class) -> the table of the methods of a class, by its name */
static int core_methods (lua_State *L) {
  if (!sk_pushmethods(L, luaL_checkstring(L, 1)))
    return luaL_argerror(L, 1, "name of a class expected");
  return 1;
}


/* Methods of what crosses may cross, too: 'thread(queue.put, queue, 1)'. These
   are names for them; a class with a Lua module has one there. */
static void namemethods (lua_State *L) {
  static const char *const classes[] = {"Queue",  "End",       "Semaphore",
                                        "Event",  "Condition", "Barrier",
                                        "Stream", "Server",    "Udp"};
  for (size_t i = 0; i < SK_COUNT(classes); i++) {
    const char *name = lua_pushfstring(L, "skein.%s", classes[i]);
    if (sk_pushmethods(L, name)) lua_setfield(L, -3, classes[i]);
    lua_pop(L, 1);
  }
}


/* In a fresh state that runs into a deadlock: what tells of it is not there. */
static void opendump (lua_State *L, Sched *S) {
  lua_pushcfunction(L, luaopen_skein_core);
  bool opened = lua_pcall(L, 0, 0, 0) == LUA_OK;
  if (!opened) lua_pop(L, 1);
  if (opened)
    S->dump(L, S);
  else
    lua_pushliteral(L, "");
}


Sched *sk_open_seed (lua_State *L) {
  Sched *S = sk_sched_of(L);
  if (S == NULL) S = sk_sched_open(L);
  if (S->dump != NULL) return S; /* it is complete */
  sk_coro_open(L, S);
  sk_open_errorclass(L, S);
  S->dump = opendump;
  return S;
}


/* One scheduler for a Lua state, however often the module is loaded. */
int luaopen_skein_core (lua_State *L) {
  static const char module; /* key in the registry */
  luaL_checkversion(L);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &module) == LUA_TTABLE) return 1;
  Sched *S = sk_open_seed(L);
  lua_createtable(L, 0, FUNCTIONS);
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
  sk_open_command(L, S);
  sk_open_thread(L, S);
  sk_open_worker(L, S);
  sk_open_pool(L, S);
  sk_open_job(L, S);
  sk_open_batch(L, S);
  sk_open_stream(L, S);
  sk_open_file(L, S);
  sk_open_net(L, S);
  sk_open_endpoint(L, S);
  sk_open_server(L, S);
  sk_open_udp(L, S);
  lua_pushcfunction(L, core_methods);
  lua_setfield(L, -2, "methods");
  namemethods(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &module);
  return 1;
}
