/*
** launch.h - How all that is started begins: ([opts,] fn, ...), at once or by a
** later start; or does not, for it was cancelled before.
*/
#ifndef sk_launch_h
#define sk_launch_h

#include "outcome.h"

/*
** Check the arguments ([opts,] fn, ...) from 'arg' on: afterwards options (a
** table or nil) are at 'arg', fn above them, then its arguments, whose number
** is returned. Raises for an option that is not in 'options' (ends with NULL),
** for what is no function; 'byname': nor a string that may name one.
*/
SK_FUNC int sk_launch_check (lua_State *L, int arg, const char *const options[],
                             bool byname);

/* Does option 'start' ask to begin at once? */
SK_FUNC bool sk_launch_atonce (lua_State *L, int arg);
/* Option 'key', a boolean; false if absent. */
SK_FUNC bool sk_launch_flag (lua_State *L, int arg, const char *key);
/* Option 'key', one of 'names' (ends with NULL): its index; absent: 0. */
SK_FUNC int sk_launch_choice (lua_State *L, int arg, const char *key,
                              const char *const names[]);

/* Replace the options at 'arg' by a new handle with the name they give. */
SK_FUNC void *sk_launch_handle (lua_State *L, Sched *S, int arg,
                                const HandleClass *c, size_t size);

/*
** Begin what 'handle', a stack index, is to do: the function and its 'nargs'
** arguments above it; or keep them for a later start. Leaves the handle at the
** top and returns 1.
*/
SK_FUNC int sk_launch_begin (lua_State *L, Sched *S, int handle, int nargs,
                             bool atonce);

/* Push what was kept; returns the number of arguments. Raises if the handle
   is not new any more. */
SK_FUNC int sk_launch_kept (lua_State *L, int handle);
/* It is started, or never will be: what was kept is not needed. */
SK_FUNC void sk_launch_forget (lua_State *L, int handle);

/* ---- stopping: the handle is at 1, a reason or nil at 2 ---- */

/* Remember the reason, which is that of the first cancel. */
SK_FUNC void sk_launch_keepreason (lua_State *L);
/* Give it to the error at the top, which says that it was cancelled. */
SK_FUNC void sk_launch_addreason (lua_State *L, int handle);
/* It was not started: settle it, cancelled. */
SK_FUNC void sk_launch_cancelnew (lua_State *L, Sched *S);

#endif
