/*
** wish.h - Try, then wait: for shared objects that grant no more than a number.
**
** The Lua side of semaphore.h, event.h and barrier.h: what they wait for
** differs, the wait is this one. It has no state.
*/
#ifndef sk_wish_h
#define sk_wish_h

#include "shared.h"

typedef struct Wish {
  const char *what; /* for the dump */
  /* What is granted, -errno; or -EAGAIN: not now, and 'w', if any, waits. */
  int (*attempt)(Member *m, Object *o, Seat *w);
  /* Push the results of a wait that ended so, -ETIMEDOUT included. */
  int (*push)(lua_State *L, int result);
} Wish;

/* Returns what the C function must return. Raises cancels. */
SK_FUNC int sk_wish_wait (lua_State *L, Shared *s, Object *o, const Wish *wish,
                          sk_time due);
/* The 'push' of most: true | nil, "timeout" */
SK_FUNC int sk_wish_done (lua_State *L, int result);

#endif
