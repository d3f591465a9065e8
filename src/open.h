/*
** open.h - What each class adds to the module: one line per lib_ file.
**
** Each function is called with the module table at the top of the stack, adds
** its functions and leaves the stack as it was.
*/
#ifndef sk_open_h
#define sk_open_h

#include "sched.h"

SK_FUNC void sk_open_error (lua_State *L, Sched *S);
SK_FUNC void sk_open_task (lua_State *L, Sched *S);
SK_FUNC void sk_open_scope (lua_State *L, Sched *S);
SK_FUNC void sk_open_group (lua_State *L, Sched *S);
SK_FUNC void sk_open_channel (lua_State *L, Sched *S);
SK_FUNC void sk_open_dump (lua_State *L, Sched *S);
SK_FUNC void sk_open_debug (lua_State *L, Sched *S);
SK_FUNC void sk_open_loop (lua_State *L, Sched *S);
SK_FUNC void sk_open_test (lua_State *L, Sched *S);
SK_FUNC void sk_open_coroutine (lua_State *L, Sched *S);
SK_FUNC void sk_open_signal (lua_State *L, Sched *S);
SK_FUNC void sk_open_queue (lua_State *L, Sched *S);
SK_FUNC void sk_open_pipe (lua_State *L, Sched *S);
SK_FUNC void sk_open_lock (lua_State *L, Sched *S);
SK_FUNC void sk_open_semaphore (lua_State *L, Sched *S);
SK_FUNC void sk_open_event (lua_State *L, Sched *S);
SK_FUNC void sk_open_condition (lua_State *L, Sched *S);
SK_FUNC void sk_open_barrier (lua_State *L, Sched *S);
SK_FUNC void sk_open_value (lua_State *L, Sched *S);
SK_FUNC void sk_open_array (lua_State *L, Sched *S);
SK_FUNC void sk_open_dict (lua_State *L, Sched *S);
SK_FUNC void sk_open_hold (lua_State *L, Sched *S);
SK_FUNC void sk_open_arena (lua_State *L, Sched *S);
SK_FUNC void sk_open_process (lua_State *L, Sched *S);
SK_FUNC void sk_open_command (lua_State *L, Sched *S);
SK_FUNC void sk_open_thread (lua_State *L, Sched *S);
SK_FUNC void sk_open_worker (lua_State *L, Sched *S);
SK_FUNC void sk_open_pool (lua_State *L, Sched *S);
SK_FUNC void sk_open_job (lua_State *L, Sched *S);
SK_FUNC void sk_open_batch (lua_State *L, Sched *S);
SK_FUNC void sk_open_stream (lua_State *L, Sched *S);
SK_FUNC void sk_open_file (lua_State *L, Sched *S);
SK_FUNC void sk_open_net (lua_State *L, Sched *S);
SK_FUNC void sk_open_endpoint (lua_State *L, Sched *S);
SK_FUNC void sk_open_server (lua_State *L, Sched *S);
SK_FUNC void sk_open_udp (lua_State *L, Sched *S);

/* What a fresh state needs before anybody requires the module: its scheduler
   and the class of errors. Classes of shared objects come with the first
   handle. */
SK_FUNC Sched *sk_open_seed (lua_State *L);
SK_FUNC void sk_open_errorclass (lua_State *L, Sched *S);

/* The module itself. */
SK_API int luaopen_skein_core (lua_State *L);

#endif
