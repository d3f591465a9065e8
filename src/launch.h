/*
** launch.h - What all that is started has in common: ([opts,] fn, ...), a
** later start, and for what runs outside of this state: being kept alive until
** it has ended, and how it is settled then.
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

/* Keep the top 'n' values (fn and arguments) for a later start; pops them. */
SK_FUNC void sk_launch_keep (lua_State *L, int handle, int n);
/* Push what was kept; returns the number of arguments. Raises if the handle
   is not new any more. */
SK_FUNC int sk_launch_kept (lua_State *L, int handle);
/* It is started, or never will be: what was kept is not needed. */
SK_FUNC void sk_launch_forget (lua_State *L, int handle);

/* ---- what runs outside of this state ---- */

/* From now on the handle lives until it is settled. Raises for memory. */
SK_FUNC void sk_launch_anchor (lua_State *L, int handle);
SK_FUNC void sk_launch_unanchor (lua_State *L, const void *h);
/* Push the table of those that are anchored: handles, by address. */
SK_FUNC void sk_launch_pushanchors (lua_State *L);
/*
** Call 'settle(handle)', which is to settle the anchored handle 'h'; if it
** raises, that is how it ended. Never raises. Not anchored afterwards.
*/
SK_FUNC void sk_launch_settle (Sched *S, void *h, lua_CFunction settle);

/* Remember the value at 'reason' (may be nil or none) of a cancel. */
SK_FUNC void sk_launch_setreason (lua_State *L, int handle, int reason);
/* Give it to the error at the top, which says that it was cancelled. */
SK_FUNC void sk_launch_addreason (lua_State *L, int handle);
/* Settle a handle that was not started: cancelled. */
SK_FUNC void sk_launch_cancelnew (lua_State *L, Sched *S, int handle,
                                  const char *kind);

SK_FUNC void sk_launch_open (lua_State *L);

#endif
