/*
** scope.h - The stretches of a task's run that can be cancelled.
**
** A task's scopes form a chain, innermost first; the root is the task itself.
** A cancel reaches the task if a cancelled scope can be seen from inside: no
** shield lies between. 'Task.pending' caches that. The error it raises bears
** the serial of the outermost such scope, so that each scope knows its own
** error from those of others, and an inner one never eats an outer one.
*/
#ifndef sk_scope_h
#define sk_scope_h

#include "task.h"

/*
** Open a scope inside the running task's innermost one. Raises for memory
** only. It must be left, in reverse order, however the code in it ends.
*/
SK_FUNC Scope *sk_scope_enter (lua_State *L, Sched *S, ScopeKind kind);

/* Leave the innermost scope; it is not to be used afterwards. */
SK_FUNC void sk_scope_leave (Sched *S, Scope *sc);

/* Where the call that opened a group or run has that on its stack. */
#define SK_NURSERY 2

/*
** Take the scopes inside of 'base' off the running task: the coroutine that
** opened them was suspended. Returns the innermost. 'attach' puts them inside
** of the innermost scope of the task that resumes it.
*/
SK_FUNC Scope *sk_scope_detach (Sched *S, Task *t, Scope *base);
SK_FUNC void sk_scope_attach (Sched *S, Task *t, Scope *inner);

/* The running task has entered a run, or leaves it; NULL: there is none. */
SK_FUNC void sk_scope_comehome (Sched *S, Task *t, Nursery *run);
SK_FUNC void sk_scope_leavehome (Sched *S, Task *t, const Nursery *run);

/* Give back a scope that is in no task's chain any more. */
SK_FUNC void sk_scope_release (Sched *S, Scope *sc);

/* Forget all scopes of a task that will never leave them. */
SK_FUNC void sk_scope_drop (Sched *S, Task *t);

/* Bring 't->pending' up to date after a scope was cancelled. */
SK_FUNC void sk_scope_refresh (Task *t);

/* Push the "cancelled" error of the scope that reaches 't'; raise it. */
SK_FUNC void sk_scope_pusherror (lua_State *L, Task *t);
SK_FUNC int sk_scope_raise (lua_State *L, Task *t);

/* Remember the value at the top (popped; nil: none) as why 't' is cancelled. */
SK_FUNC void sk_scope_setreason (lua_State *L, Task *t);

/* Is the value at 'idx' the cancelled error of the scope of that serial? */
SK_FUNC bool sk_scope_owns (lua_State *L, int idx, uint64_t serial);

/* Give the memory of the free list back. */
/* What the errors of cancels stand on. */
SK_FUNC void sk_scope_open (lua_State *L);
SK_FUNC void sk_scope_fini (Sched *S);

#endif
