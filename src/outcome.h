/*
** outcome.h - How a task, thread, process or job ended, and who asks.
**
** A handle is a full userdata of one user value whose struct begins with an
** Outcome and whose metatable was made with 'sk_outcome_class'. The functions
** here are methods of all such classes.
*/
#ifndef sk_outcome_h
#define sk_outcome_h

#include "sched.h"

/*
** What a class of handles says of itself; static data. Its metatable is made
** by 'sk_outcome_class(L, S, class, methods)': 'methods' (may be NULL) are
** added to the common ones (get join done status error on_done), and may
** replace them; 'cancel' and 'start' are always its own.
*/
typedef struct HandleClass {
  const char *name; /* of the metatable: "skein.Process" */
  const char *kind; /* "process": for texts, and names made up */
  const char *what; /* "process end": what its waiters wait for */
  /* Push field 'key' of the handle at 1 (pid ...), or return 0. May be NULL. */
  int (*field)(lua_State *L, void *handle, const char *key);
  lua_CFunction close; /* __close: must cancel what still runs and wait */
} HandleClass;

SK_FUNC void sk_outcome_class (lua_State *L, Sched *S, const HandleClass *c,
                               const luaL_Reg *methods);

/*
** New handle of 'size' zeroed bytes, of a class; pushes it. It has an id and
** status SK_NEW. 'name': stack index of a string or nil, or 0.
*/
SK_FUNC void *sk_outcome_new (lua_State *L, Sched *S, const HandleClass *c,
                              size_t size, int name);

/* The handle at 'arg', or an argument error; NULL for 'test'. */
SK_FUNC Outcome *sk_outcome_check (lua_State *L, int arg);
SK_FUNC Outcome *sk_outcome_test (lua_State *L, int idx);

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

/* Push all results, or raise the error: what 'get' does after the end. */
SK_FUNC int sk_outcome_push (lua_State *L, int handle);

/* Push the error of a failed or cancelled one, which counts as asked for. */
SK_FUNC void sk_outcome_pusherror (lua_State *L, int handle);

/* Remember the string at the top as traceback of the handle; pops it. */
SK_FUNC void sk_outcome_settrace (lua_State *L, int handle);

/*
** Push the table that a handle keeps for what is rarely needed ('name', 'kept',
** 'reason' ...), made if there is none.
*/
SK_FUNC void sk_outcome_pushbox (lua_State *L, int handle);

/* Push what a text calls it: "task 12" or "task 'name'". */
SK_FUNC void sk_outcome_pushwho (lua_State *L, int handle);

/* Push the name of the handle ("task 12" if none was given). */
SK_FUNC void sk_outcome_pushname (lua_State *L, int handle);

/*
** Wait until the handle at 1 has ended, whatever cancels come: the last thing
** that a __close does (in tail position: it yields). Returns 0.
*/
SK_FUNC int sk_outcome_await (lua_State *L);

/* is_handle(value) -> boolean */
SK_FUNC int sk_outcome_ishandle (lua_State *L);

/* The common methods: self is at 1, the scheduler upvalue 1. */
SK_FUNC int sk_outcome_get (lua_State *L);    /* ([timeout]) -> ... */
SK_FUNC int sk_outcome_join (lua_State *L);   /* ([timeout]) -> true */
SK_FUNC int sk_outcome_done (lua_State *L);   /* () -> boolean */
SK_FUNC int sk_outcome_status (lua_State *L); /* () -> string */
SK_FUNC int sk_outcome_error (lua_State *L);  /* () -> error or nil */
SK_FUNC int sk_outcome_ondone (lua_State *L); /* (f) -> self */

#endif
