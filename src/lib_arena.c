/*
** lib_arena.c - For specs: what is in the shared memory, deaths, poll(2).
*/
#include <poll.h>

#include "open.h"
#include "shared.h"
#include "stock.h"
#include "sweep.h"


/* core.arena() -> objects, bytes in use, bytes of memory behind all that; the
   dead are swept first. */
static int core_arena (lua_State *L) {
  Sched *S = sk_upvalue(L);
  if (S->family.data != NULL) {
    sk_sweep_dead(&sk_shared_of(S)->m);
    sk_stock_flush(&sk_shared_of(S)->m);
  }
  lua_pushinteger(L, sk_object_count());
  lua_pushinteger(L, (lua_Integer)sk_arena_used());
  lua_pushinteger(L, (lua_Integer)sk_mapping_pages());
  return 3;
}


/* core.doom(n) -> does it work: this process dies at its n-th step from now */
static int core_doom (lua_State *L) {
  sk_guard_doom((uint64_t)luaL_checkinteger(L, 1));
  lua_pushboolean(L, SK_DOOMS);
  return 1;
}


/* core.readable(fd, ms) -> what poll(2) says; blocks the whole thread */
static int core_readable (lua_State *L) {
  struct pollfd p = {.fd = (int)luaL_checkinteger(L, 1), .events = POLLIN};
  lua_pushboolean(L, poll(&p, 1, (int)luaL_checkinteger(L, 2)) == 1);
  return 1;
}


static const luaL_Reg functions[] = {{"arena", core_arena},
                                     {"doom", core_doom},
                                     {"readable", core_readable},
                                     {NULL, NULL}};


void sk_open_arena (lua_State *L, Sched *S) {
  sk_addfunctions(L, S, functions);
}
