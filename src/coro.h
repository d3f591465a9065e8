/*
** coro.h - Tasks and the coroutines they run in.
**
** Coroutines are used again: a finished one waits for the next task. At the
** bottom of its stack a coroutine holds, for life, its place in the table
** that anchors it and the message handler; above them, the running task's
** handle and its group, then the function and its arguments.
*/
#ifndef sk_coro_h
#define sk_coro_h

#include "outcome.h"

SK_FUNC const HandleClass sk_coro_class; /* "skein.Task" */

/*
** Start task 'handle' (a stack index) with the function and its 'nargs'
** arguments on top of the stack, which are popped. 'group' is the stack index
** of the userdata of 'in', or 0. May raise for memory, with nothing done.
*/
SK_FUNC void sk_coro_start (lua_State *L, Sched *S, int handle, int nargs,
                            Nursery *in, int group);

/*
** Start a new task from the function and its 'nargs' arguments on top of the
** stack (popped); pushes its handle.
*/
SK_FUNC Task *sk_coro_spawn (lua_State *L, Sched *S, int nargs);

/* Push the handle of a live task; false (nothing pushed) if it has none. */
SK_FUNC bool sk_coro_pushhandle (lua_State *L, Task *t);

/*
** The error at the top (popped) is one of the group at 'group', whose list has
** room for the first. Never raises: with no memory for more, that one tells.
*/
SK_FUNC void sk_coro_blame (lua_State *L, int group);

/* Push the message handler that keeps tracebacks, for lua_pcallk. */
SK_FUNC void sk_coro_pushhandler (lua_State *L);

SK_FUNC void sk_coro_open (lua_State *L, Sched *S);

#endif
