/*
** outcome.h - How a task, thread, process or job ended, and what its handle
** knows of it.
**
** A handle is a full userdata of one user value whose struct begins with an
** Outcome and whose metatable was made by 'sk_handle_open' (handle.h).
*/
#ifndef sk_outcome_h
#define sk_outcome_h

#include "sched.h"

#define SK_GETS 1 /* 'value' of a Waiter that takes the error */

/* What a class of handles says of itself; static data. NULL: nothing to do. */
typedef struct HandleClass {
  const char *name; /* of the metatable: "skein.Process" */
  const char *kind; /* "process": for texts, and names made up */
  const char *what; /* "process end": what its waiters wait for */
  /* See how the handle at 'at' is by now, before anything is said of it.
     Raises if it is nothing that can be asked here. */
  void (*look)(lua_State *L, Sched *S, int at);
  /* Begin what is new: 'fn' and its 'nargs' arguments are on top, and need not
     be popped. Raises with nothing begun. */
  void (*start)(lua_State *L, Sched *S, int handle, int nargs);
  /* Ask what has begun, and not ended, to stop: the handle is at 1, a reason
     or nil at 2. */
  void (*stop)(lua_State *L, Sched *S);
  /* Push field 'key' of the handle at 1 (pid ...), or return 0. */
  int (*field)(lua_State *L, void *handle, const char *key);
} HandleClass;

/* The class of the handle at 'idx'; NULL: it is no handle. */
SK_FUNC const HandleClass *sk_outcome_class (lua_State *L, int idx);
/* Handles with the metatable at the top are of that class. */
SK_FUNC void sk_outcome_setclass (lua_State *L, const HandleClass *c);

/*
** New handle of 'size' zeroed bytes, of a class; pushes it. It has an id and
** status SK_NEW. 'name': stack index of a string or nil, or 0.
*/
SK_FUNC void *sk_outcome_new (lua_State *L, Sched *S, const HandleClass *c,
                              size_t size, int name);

static inline bool sk_outcome_ended (const Outcome *o) {
  return o->status >= SK_FINISHED;
}

/*
** It has ended: 'status' is SK_FINISHED with the top n values as results, or
** SK_FAILED or SK_CANCELLED with the error on top (n = 1). Pops them, wakes
** who waits. A traceback for the report may be set before. May raise for
** memory only, with nothing done.
*/
SK_FUNC void sk_outcome_settle (lua_State *L, Sched *S, int handle,
                                Status status, int n);

/* It has ended: start a small task for each callback of 'on_done'. */
SK_FUNC void sk_outcome_rundone (lua_State *L, Sched *S, int handle);

/* Push all results, or raise the error: what 'get' does after the end. */
SK_FUNC int sk_outcome_push (lua_State *L, int handle);

/* Push the error of a failed or cancelled one, which counts as asked for. */
SK_FUNC void sk_outcome_pusherror (lua_State *L, int handle);

/*
** Push the table that a handle keeps for what is rarely needed ('name', 'kept',
** 'reason' ...), made if there is none.
*/
SK_FUNC void sk_outcome_pushbox (lua_State *L, int handle);

/* Put the value at the top into that table, popping it. */
SK_FUNC void sk_outcome_setfield (lua_State *L, int handle, const char *key);

/* Push what a text calls it: "task 12" or "task 'name'". */
SK_FUNC void sk_outcome_pushwho (lua_State *L, int handle);

/* Push the name of the handle ("task 12" if none was given). */
SK_FUNC void sk_outcome_pushname (lua_State *L, int handle);

#endif
