/*
** lib.h - Conventions of the Lua edge: deadlines, results, errors.
*/
#ifndef sk_lib_h
#define sk_lib_h

#include <lua.h>
#include <lauxlib.h>

#include "sk.h"

/* The scheduler of this Lua state: first upvalue of every C function. */
#define sk_upvalue(L) lua_touserdata((L), lua_upvalueindex(1))

/*
** The deadline that argument 'arg' asks for, in seconds from now: none, nil
** and huge ones mean SK_FOREVER, 0 and less SK_NOW; raises for anything that
** is no number, and for NaN.
*/
SK_FUNC sk_time sk_checkdeadline (lua_State *L, int arg);

/* The same for a span that must be given (sleep): no nil. */
SK_FUNC sk_time sk_checkspan (lua_State *L, int arg);

/*
** Push nil and why, from a negative errno: how a wait ended has a name,
** anything else is reported as 'io' does. Returns how many values it pushed.
*/
SK_FUNC int sk_fail (lua_State *L, int err);

/* Push an error object (API: errors): a table with 'kind' and 'message'. */
SK_FUNC void sk_pusherror (lua_State *L, const char *kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
** Push "file:line: ", the line that called the C function; where that is of our
** own Lua layer, the user's line which called that. "" if it is not of Lua.
*/
SK_FUNC void sk_where (lua_State *L);
/* Is 'source' a file of our own Lua layer? */
SK_FUNC bool sk_isours (lua_State *L, const char *source);
/* The function at the top, which is popped, is of a file of that layer. */
SK_FUNC void sk_setours (lua_State *L);

/* luaL_error, with that place: of wrong use that our layer passes on. */
SK_FUNC int sk_misuse (lua_State *L, const char *fmt, ...);

/* Push it and raise it; 'err.where' is what sk_where says. */
SK_FUNC int sk_raise (lua_State *L, const char *kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Is the value at 'idx' an error object, and of this kind (NULL: of any)? */
SK_FUNC bool sk_iserror (lua_State *L, int idx, const char *kind);

/* (error) -> what 'tostring' tells of the errors that it is about: a text, one in
   a line or more; "" if there are none. */
SK_FUNC int sk_innererrors (lua_State *L);

/* Give the table at the top of the stack the metatable of error objects. */
SK_FUNC void sk_seterror (lua_State *L);

/*
** Add functions, each with the scheduler 'S' as first upvalue, to the table at
** the top; NULL: none. 'below' adds them to its field 'name', a table.
*/
SK_FUNC void sk_addfunctions (lua_State *L, void *S, const luaL_Reg *functions);
SK_FUNC void sk_addbelow (lua_State *L, void *S, const char *name,
                          const luaL_Reg *functions);

/*
** Make the metatable 'name' with 'methods' (in __index) and 'meta' (may be
** NULL). Leaves nothing on the stack.
*/
SK_FUNC void sk_newclass (lua_State *L, void *S, const char *name,
                          const luaL_Reg *methods, const luaL_Reg *meta);

/* Push the table of the methods of class 'name'. False: there is no class. */
SK_FUNC bool sk_pushmethods (lua_State *L, const char *name);

/* Raise for a key of the table at 'arg' that is not among 'names' (a list
   that ends with NULL). */
SK_FUNC void sk_checkoptions (lua_State *L, int arg, const char *const names[]);
/* Option 'name' of the table at 'arg': a whole number of at least 'least'. */
SK_FUNC lua_Integer sk_optcount (lua_State *L, int arg, const char *name,
                                 lua_Integer least, lua_Integer absent);
/* The whole number at 'idx'; 'name' is what messages about 'arg' call it. */
SK_FUNC lua_Integer sk_checkcount (lua_State *L, int idx, int arg,
                                   const char *name, lua_Integer least);
/* The same, as a question: false, and why not is pushed. */
SK_FUNC bool sk_testcount (lua_State *L, int idx, const char *name,
                           lua_Integer least, lua_Integer *n);
/* The capacity at 'idx' of something that holds items; -1: unbounded, which
   nil and math.huge ask for. */
SK_FUNC lua_Integer sk_checkcapacity (lua_State *L, int idx, int arg);
SK_FUNC bool sk_optflag (lua_State *L, int arg, const char *name, bool absent);

/* What luaL_typeerror says of the value at 'idx': "nil", "skein.Queue" ... */
SK_FUNC const char *sk_typename (lua_State *L, int idx);
/* What came, for a message: a number itself, else what sk_typename says. Pushes
   a value or none. */
SK_FUNC const char *sk_describe (lua_State *L, int idx);

#endif
