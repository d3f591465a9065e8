/*
** launch.h - What all that is started has in common: ([opts,] fn, ...).
*/
#ifndef sk_launch_h
#define sk_launch_h

#include "outcome.h"

/*
** Check the arguments ([opts,] fn, ...): afterwards options (a table or nil)
** are at 1, fn at 2, its arguments above; returns their number. Raises for an
** option that is not in 'options' (ends with NULL), for what is no function,
** or no name of one.
*/
SK_FUNC int sk_launch_check (lua_State *L, const char *const options[]);

/* Does option 'start' ask to begin at once? */
SK_FUNC bool sk_launch_atonce (lua_State *L);
/* Option 'key', a boolean. */
SK_FUNC bool sk_launch_flag (lua_State *L, const char *key, bool absent);
/* Option 'key', one of 'names' (ends with NULL): its index; absent: 0. */
SK_FUNC int sk_launch_choice (lua_State *L, const char *key,
                              const char *const names[]);

/* Replace the options at 1 by a new handle with the name they give. */
SK_FUNC void *sk_launch_handle (lua_State *L, Sched *S, const HandleClass *c,
                                size_t size);

/* Keep the top 'n' values (fn and arguments) for a later start; pops them. */
SK_FUNC void sk_launch_keep (lua_State *L, int handle, int n);
/* Push what was kept; returns the number of arguments. */
SK_FUNC int sk_launch_kept (lua_State *L, int handle);

#endif
