/*
** errand.h - A task that waits for what another thread does (offload.h).
**
** An Awaited begins what the waiting task has sent for; it was made by calloc,
** with 'errand.run' set, and 'free' set to what gives it back.
*/
#ifndef sk_errand_h
#define sk_errand_h

#include "sched.h"

typedef struct Awaited {
  Errand errand; /* must be first */
  Sched *S;
  List waiters; /* the one who waits */
  void (*free)(struct Awaited *a);
} Awaited;

/*
** Start 'a' and wait for it, after a 'sk_sched_prepare', which can raise: 'a'
** is to be made behind that. 'k' has it as its context and asks 'outcome' how
** it ended. -errno: it could not be started, and is the caller's still.
*/
SK_FUNC int sk_errand_await (lua_State *L, Sched *S, Awaited *a,
                             const char *what, lua_KFunction k);

/* 0: it is done, and the caller's. Else -errno, and it is gone. Raises
   cancels, with the same effect. */
SK_FUNC int sk_errand_outcome (lua_State *L, Awaited *a);

#endif
