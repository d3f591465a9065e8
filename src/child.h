/*
** child.h - The life of a child process: from its fork, or its begin in a
** fresh interpreter, to its exit.
*/
#ifndef sk_child_h
#define sk_child_h

#include "crossing.h"

/* Before a fork: push what the child needs besides its function, that many
   values. The name that it will have is at 'name'. Raises. */
#define SK_OUTFIT 5
SK_FUNC void sk_child_pushoutfit (lua_State *L, int name);
/*
** In the forked child, signals still masked: 'top' holds nothing but the outfit,
** the function and its 'nargs' arguments. Runs it as the top level of the
** process that lives in 'slot', above none of the parent's frames.
*/
SK_FUNC _Noreturn void sk_child_forked (Sched *S, lua_State *top, Parcel *p,
                                        uint32_t slot, int nargs);

/* Push the program that fresh processes run. */
SK_FUNC const char *sk_child_pushinterpreter (lua_State *L);
/* interpreter([path]) -> path */
SK_FUNC int sk_child_interpreter (lua_State *L);
/* Put into the parcel what a fresh process is told besides its function; see
   sk_crossing_packsetup. Raises. */
SK_FUNC void sk_child_packsetup (lua_State *L, Shared *s, Parcel *p,
                                 const char *name, bool paths);
/* Push the Lua code that makes it live with parcel 'p'. */
SK_FUNC const char *sk_child_pushcode (lua_State *L, const Parcel *p);
/* core.enter(arena, parcel, parent, vault): what that code calls. */
SK_FUNC int sk_child_enter (lua_State *L);

/* Push the Lua code that makes it a helper, see sk_spawn_serve. */
SK_FUNC const char *sk_child_pushserver (lua_State *L);
/* core.serve(sock, arena, parent, vault, named): what that code calls. */
SK_FUNC int sk_child_serve (lua_State *L);

/* The name of this process, and who started it: 0 and NULL for the first. */
SK_FUNC const char *sk_child_name (void);
SK_FUNC int sk_child_parent (const char **name);

#endif
