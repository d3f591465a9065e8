/*
** sched.h - Park and wake: the one way to wait.
**
** How a C function waits ("try, then park"):
**
**     static int queue_get (lua_State *L) {
**       Sched *S = sk_upvalue(L);
**       Queue *q = checkqueue(L);
**       sk_time due = sk_checkdeadline(L, 2);
**       lua_settop(L, 1);                      -- what must outlive the wait
**       sk_sched_checkpoint(L, S);             -- raises a pending cancel
**       if (can be had at once) {
**         push it;
**         return sk_sched_turn(L, S, 1);       -- let others run now and then
**       }
**       if (closed) return sk_fail(L, -EPIPE);
**       if (due == SK_NOW) return sk_fail(L, -ETIMEDOUT);
**       return sk_sched_park(L, S, &q->getters, due, "queue get");
**     }
**
** and how another one serves it ("direct hand-off"):
**
**     Waiter *w = sk_sched_claim(S, &q->getters);   -- off every list
**     if (w != NULL) {
**       lua_xmove(L, w->task->at, 1);               -- its result
**       sk_sched_wake(S, w->task, 1);
**     }
**
** A task that was woken has its result; a cancel that comes later hits its
** next wait. One whose deadline passed or that was cancelled stands in no
** list any more, and nothing was taken from it or given to it. Whatever the
** waiter's frame holds (the object itself, a value it offers) stays alive and
** in place while it waits: its stack has room for LUA_MINSTACK / 2 more.
**
** The top level of a thread is a Task as well ('S->top'): a wait there runs
** the loop until it is woken. Nothing else runs the loop.
*/
#ifndef sk_sched_h
#define sk_sched_h

#include <lauxlib.h>
#include <lua.h>

#include "task.h"

#define SK_QUICK 128 /* operations in a row that give nobody a turn */

/* The task that runs: 'L' or a coroutine inside of it belongs to it. */
#define sk_sched_current(S) ((S)->current)

/* ---- to wait ---- */

SK_FUNC void sk_sched_mustraise (lua_State *L, Sched *S);
SK_FUNC int sk_sched_giveturn (lua_State *L, Sched *S, int n);

/* Raise "cancelled" if a cancel reaches the running task. Starts any wait. */
static inline void sk_sched_checkpoint (lua_State *L, Sched *S) {
  if (sk_unlikely(S->current->pending || S->alerts != 0))
    sk_sched_mustraise(L, S);
}

/*
** The wait that need not wait: returns the top 'n' values, and gives others a
** turn now and then. What was done stays done: no cancel is raised here.
*/
static inline int sk_sched_turn (lua_State *L, Sched *S, int n) {
  if (sk_likely(++S->quick < SK_QUICK)) return n;
  return sk_sched_giveturn(L, S, n);
}

/*
** Suspend the running task on the list 'on' (NULL: on none) until it is woken
** or 'due' has passed (SK_FOREVER). Raises where one cannot wait, with nothing
** changed. 'what' is a literal for the dump: "queue get".
** Returns what the C function must return: the results that the waker gave,
** or nil and why ("timeout", "closed"). Raises cancels.
*/
SK_FUNC int sk_sched_park (lua_State *L, Sched *S, List *on, sk_time due,
                           const char *what);

/* The continuation of 'park'; its context is the scheduler. */
SK_FUNC int sk_sched_finish (lua_State *L, int status, lua_KContext S);
/* The same of a wait for something to happen, which returns true. */
SK_FUNC int sk_sched_finishtrue (lua_State *L, int status, lua_KContext S);

/*
** The same with a continuation of one's own, which begins with
** 'int n = sk_sched_woken(L, S);'.
*/
SK_FUNC int sk_sched_parkk (lua_State *L, Sched *S, List *on, sk_time due,
                            const char *what, lua_KContext ctx,
                            lua_KFunction k);

/* Let the others run once: skein.yield(), and sleep of 0. */
SK_FUNC int sk_sched_yield (lua_State *L, Sched *S);

/*
** How the wait ended: n >= 0 values given by the waker are on top, or
** -ETIMEDOUT, -EPIPE or another -errno that the waker gave. Raises cancels,
** interrupts and deadlocks.
*/
SK_FUNC int sk_sched_woken (lua_State *L, Sched *S);

/* The same, but a cancel is returned as -ECANCELED: to clean up, then
** 'sk_sched_raise' it. */
SK_FUNC int sk_sched_outcome (lua_State *L, Sched *S);
SK_FUNC int sk_sched_raise (lua_State *L, Sched *S, int err);

/*
** For waits with strings attached (shared objects, select): the two halves of
** 'park'. 'prepare' does all that can raise (legality, room for the timer and
** on the stack) and leaves nothing but the timer; then enlist, and 'suspend'
** with no error in between. 'w' (or NULL) must live until the task was woken.
** If the enlisting turned out to be needless: 'sk_sched_unprepare'.
*/
SK_FUNC Task *sk_sched_prepare (lua_State *L, Sched *S, sk_time due);
SK_FUNC void sk_sched_unprepare (Sched *S);
SK_FUNC int sk_sched_suspend (lua_State *L, Sched *S, List *on, Wait *w,
                              const char *what, lua_KContext ctx,
                              lua_KFunction k);
/* Right before 'suspend', in the continuation of another one, of which that is the
   result: as it was woken in vain. */
static inline void sk_sched_again (Sched *S) {
  S->again = true;
}

/* ---- to wake ---- */

SK_FUNC Waiter *sk_sched_claimany (Sched *S, List *waiters);

/*
** The oldest on 'waiters' that can still be served, off every list now: the
** caller must wake its task. NULL: nobody waits.
*/
static inline Waiter *sk_sched_claim (Sched *S, List *waiters) {
  return sk_list_isempty(waiters) ? NULL : sk_sched_claimany(S, waiters);
}

/*
** End the wait of parked task 't'. n >= 0: the top n values of 't->at' are
** its results; else a negative errno: nil and why. Never raises. Decode and
** allocate in the continuation ('parkk'), not before the wake.
*/
SK_FUNC void sk_sched_wake (Sched *S, Task *t, int n);

/* Put 't', which stands in no list, at the end of those that can go on. */
SK_FUNC void sk_sched_ready (Sched *S, Task *t);

/* Wake all that wait there with the same -errno. */
SK_FUNC void sk_sched_wakeall (Sched *S, List *waiters, int err);

/*
** End the wait of 'w->task', granted to this waiter of it from outside of the
** scheduler (family); as for 'wake'. What else it waits for is taken back.
*/
SK_FUNC void sk_sched_grant (Sched *S, Waiter *w, int n);

/*
** End the wait of 't' from outside, with -ETIMEDOUT, -ECANCELED ... False: it
** does not wait, or was granted what it waits for.
*/
SK_FUNC bool sk_sched_disturb (Sched *S, Task *t, int err);

/* ---- to cancel ---- */

SK_FUNC void sk_sched_cancel (Sched *S, Task *t);
SK_FUNC void sk_sched_cancelscope (Sched *S, Scope *sc);
/* Groups and runs of 't' will not be left in order: give their tasks up. */
SK_FUNC void sk_sched_disown (Sched *S, Task *t);
/* The scopes of a coroutine that will not go on. */
SK_FUNC void sk_sched_discard (Sched *S, Scope *inner);
/* Tasks that refuse to end: from now on they belong to nobody. */
SK_FUNC void sk_sched_giveup (Sched *S, Nursery *n);
/* The scope of a group or run, and all of its tasks. */
SK_FUNC void sk_sched_cancelall (Sched *S, Nursery *n);

/* ---- the loop ---- */

/*
** Register a watch (poller.h) in this scheduler's poller. 'fire' runs inside
** the loop, outside of any task: it may wake tasks; it must not raise.
*/
SK_FUNC int sk_sched_watch (Sched *S, Watch *w, unsigned events);
SK_FUNC void sk_sched_unwatch (Sched *S, Watch *w);

/* Have another thread do it (offload.h); 'done' is called as 'fire' is. */
SK_FUNC int sk_sched_offload (Sched *S, Errand *e);

/*
** Tell the scheduler, from a signal handler of its own OS thread: the loop
** looks at once, and so does the next wait. SK_ALERT_CANCEL makes every wait
** of the top level raise "cancelled". Lua code that does not come to a wait is
** stopped by a hook that does what the alert asks for: by others at once, by a
** cancel with SK_ALERT_AGAIN only: it came before, the thread has used some
** processor time since, and nobody has looked.
*/
SK_FUNC void sk_sched_alert (Sched *S, unsigned what);

/* In a signal handler: is there an alert, or its hook in 'L'? */
SK_FUNC bool sk_sched_isalerted (const Sched *S, lua_State *L);

/* Do what the alerts ask for. Was Ctrl-C among them? */
SK_FUNC bool sk_sched_attend (Sched *S);

/* Run the others until the top level, parked or ready, can go on. */
SK_FUNC void sk_sched_drive (Sched *S, lua_State *L);
/* Let 't', which is ready, take its first step now, inside of the running task's.
   False: it is over. */
SK_FUNC bool sk_sched_begin (Sched *S, lua_State *L, Task *t);

/*
** For a loop that is not ours, at top level. 'look' makes ready whatever can go
** on, 'step' does that and runs it once, 'doze' says until when nothing will be
** ready: meanwhile the poller's descriptor tells of what comes sooner.
*/
SK_FUNC void sk_sched_look (Sched *S);
SK_FUNC int sk_sched_step (lua_State *L, Sched *S);
SK_FUNC sk_time sk_sched_doze (Sched *S);

/* Time passes by itself again; what was to come in a second still will. */
SK_FUNC void sk_sched_endtest (Sched *S);

/*
** In a forked child, process 'pid': 'top' is the new top level, 'salt' a random
** number. The tasks of the parent are dropped (their handles say cancelled),
** with timers, watches and scopes.
*/
SK_FUNC void sk_sched_afterfork (Sched *S, lua_State *top, int pid,
                                 uint64_t salt);

/* 'n' numbers that nobody else draws. */
SK_FUNC void sk_sched_random (uint64_t *to, size_t n);

/* Make the scheduler of this Lua state; 'L' is its top level's main thread. */
SK_FUNC Sched *sk_sched_open (lua_State *L);

/* Call 'f' for all that this thread has opened and not closed. */
SK_FUNC void sk_sched_each (void (*f)(Sched *S));

/* Can anything but a deadline or the family end a wait? */
static inline bool sk_sched_hopes (const Sched *S) {
  return S->poller.hopes > 0 || S->hopes > 0 ||
         (S->workers > 0 && S->expecting > 0);
}

#endif
