/*
** skein.c - The module: one line per class.
*/
#include "coro.h"
#include "lib.h"
#include "lib_wire.h"
#include "open.h"


int luaopen_skein_core (lua_State *L) {
  luaL_checkversion(L);
  Sched *S = sk_sched_open(L);
  sk_coro_open(L, S);
  lua_newtable(L);
  sk_open_error(L, S);
  sk_open_task(L, S);
  sk_open_scope(L, S);
  sk_open_group(L, S);
  sk_open_channel(L, S);
  sk_open_dump(L, S);
  sk_open_wire(L, S);
  sk_open_queue(L, S);
  sk_open_pipe(L, S);
  sk_open_lock(L, S);
  sk_open_value(L, S);
  sk_open_process(L, S);
  sk_open_thread(L, S);
  return 1;
}
