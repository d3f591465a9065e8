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
#include "prod.h"
#include "shared.h"

/*
** Call the function with its 'nargs' arguments on top of the stack, at top
** level. LUA_OK: its results are there instead. Else a table {value =,
** traceback =, message =} that tells of the error.
*/
SK_FUNC int sk_crossing_call (lua_State *L, int nargs);

typedef struct Crossing { /* a function's run, and what became of it */
  Shared *s;
  Parcel *p;
  const char *name; /* of who runs it */
  int outcome;      /* SK_RESULTS, SK_RAISED or SK_STOPPED (cancelled) */
  bool begun;       /* the function was called */
  bool interrupted; /* what it raised is Ctrl-C */
  char *story;      /* what it raised, for people; to be freed */
} Crossing;

/*
** Run the function with its 'nargs' arguments on top of the stack, and put
** what comes out into the parcel. Never raises.
*/
SK_FUNC void sk_crossing_run (lua_State *L, Crossing *c, int nargs);

/*
** Stop what runs at top level: for the signal handler that is told to.
** 'again': it comes from 'prod', which is set up to tell it once more.
*/
SK_FUNC void sk_crossing_stop (Sched *S, Prod *prod, int signo, bool again);

/* (fn, ...): calls 'fn', or what it names. A C function for Lua. */
SK_FUNC int sk_crossing_begin (lua_State *L);

/*
** What 'run' is to call: push a C function and arguments, and return their
** number. The first has it take function and arguments out of the parcel, the
** second is for a function and 'nargs' arguments that are the whole stack.
*/
SK_FUNC int sk_crossing_pushcall (lua_State *L, Crossing *c);
SK_FUNC int sk_crossing_wrapcall (lua_State *L, Crossing *c, int nargs);

/* Push the name of the top level that runs now. */
SK_FUNC void sk_crossing_pushself (lua_State *L, const Sched *S);

/*
** Put into the parcel what a fresh state is told besides its function: the
** table at the top, popped, and in it 'arg', its 'name' and, if it does not
** learn them otherwise, the 'paths' of package. Raises.
*/
SK_FUNC void sk_crossing_packsetup (lua_State *L, Shared *s, Parcel *p,
                                    const char *name, bool paths);
/* In the fresh state: push that table; what concerns the state is set. */
SK_FUNC void sk_crossing_unpacksetup (lua_State *L, Shared *s, Parcel *p);

/* What this state draws from math.random is not what another one draws. */
SK_FUNC void sk_crossing_reseed (lua_State *L);

/* Push package[key], a string. */
SK_FUNC const char *sk_crossing_pushpath (lua_State *L, const char *key);

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
