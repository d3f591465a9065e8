/*
** handle.h - What the handles of tasks, threads, processes and jobs have in
** common: start get join done status error cancel on_done, <close>, name, id,
** and being a case of a select.
*/
#ifndef sk_handle_h
#define sk_handle_h

#include <lauxlib.h>

#include "outcome.h"

/* Make the metatable of a class; 'methods' and 'meta' (may be NULL) are what
   it has besides. */
SK_FUNC void sk_handle_open (lua_State *L, Sched *S, const HandleClass *c,
                             const luaL_Reg *methods, const luaL_Reg *meta);

/* The handle at 'idx', or NULL. */
SK_FUNC Outcome *sk_handle_test (lua_State *L, int idx);

/* Has the handle at 'idx' ended by now? */
SK_FUNC bool sk_handle_ended (lua_State *L, Sched *S, int idx);

/* awaitable(value) -> is it a handle? One that cannot be awaited raises. */
SK_FUNC int sk_handle_awaitable (lua_State *L);

#endif
