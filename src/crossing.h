/*
** crossing.h - A function runs elsewhere, and how it ended comes back.
**
** The two ends of a Parcel, as Lua sees them: 'run' is what a process, thread
** or worker does with its function, 'collect' what the one who started it
** makes of that.
*/
#ifndef sk_crossing_h
#define sk_crossing_h

#include "outcome.h"
#include "parcel.h"
#include "shared.h"

/*
** Call the function with its 'nargs' arguments on top of the stack, at top
** level. LUA_OK: its results are there instead. Else a table {value =,
** traceback =, message =} that tells of the error.
*/
SK_FUNC int sk_crossing_call (lua_State *L, int nargs);

/*
** Run it and put what came out into the parcel. Returns SK_RESULTS, SK_RAISED
** or SK_STOPPED (it was cancelled); of the last two the table stays on the
** stack. 'source' tells who it was.
*/
SK_FUNC int sk_crossing_run (lua_State *L, Shared *s, Parcel *p, int nargs,
                             const char *source);

/* (fn, ...): calls 'fn', or what it names. A C function for Lua. */
SK_FUNC int sk_crossing_begin (lua_State *L);

/*
** Push the C function and its one argument that 'run' can be given to take
** function and arguments out of the parcel and call it.
*/
SK_FUNC int sk_crossing_pushcall (lua_State *L, Parcel *p);

/* Push the name of the top level that runs now. */
SK_FUNC void sk_crossing_pushself (lua_State *L, const Sched *S);

/*
** Put into the parcel what a fresh state is told besides its function: a
** table with its 'name', its 'parent' and 'arg'. Raises.
*/
SK_FUNC void sk_crossing_packsetup (lua_State *L, Shared *s, Parcel *p,
                                    const char *name);

/* Pop the table of an error and push it as an error object of kind "error". */
SK_FUNC void sk_crossing_pusherror (lua_State *L);

/*
** Take what came back: pushes the results and returns their number, with
** SK_FINISHED in '*status'; or pushes the error (1), with SK_FAILED or
** SK_CANCELLED. -1: nothing came back. Raises for memory and for a message
** that cannot be decoded.
*/
SK_FUNC int sk_crossing_collect (lua_State *L, Shared *s, Parcel *p,
                                 Status *status);

#endif
