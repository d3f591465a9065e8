/*
** lib_task.h - Starting tasks from Lua arguments.
*/
#ifndef sk_lib_task_h
#define sk_lib_task_h

#include "sched.h"

/*
** ([opts,] fn, ...) from stack index 'arg' on: start a task in 'in' (NULL:
** where the running task's belong), whose userdata is at index 'group' or 0.
** Pushes the handle.
*/
SK_FUNC int sk_libtask_start (lua_State *L, Sched *S, int arg, Nursery *in,
                              int group);

#endif
