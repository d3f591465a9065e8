/*
** transit.h - Putting Lua values into a shared queue, and getting them out.
**
** The Lua side of queue.h, for the classes that have queues in them: the
** methods differ, the waits are these.
*/
#ifndef sk_transit_h
#define sk_transit_h

#include "queue.h"
#include "shared.h"

/* Put the value at stack index 'arg'. -> true | nil, "timeout" | "closed" */
SK_FUNC int sk_transit_put (lua_State *L, Shared *s, Queue *q, int arg,
                            sk_time due, const char *what);
/* Get a value. -> value | nil, "timeout" | "closed" */
SK_FUNC int sk_transit_get (lua_State *L, Shared *s, Queue *q, sk_time due,
                            const char *what);
/* Wait until a get need not wait. -> true | nil, "timeout" */
SK_FUNC int sk_transit_poll (lua_State *L, Shared *s, Queue *q, sk_time due,
                             const char *what);
/* The same for one case of a select: its results, or -EAGAIN. What 'tryput'
   tried to put is measured at 'arg + 1', for 'sk_transit_pollput'. */
SK_FUNC int sk_transit_tryget (lua_State *L, Shared *s, Queue *q);
SK_FUNC int sk_transit_tryput (lua_State *L, Shared *s, Queue *q, int arg);
/* Ask to be told at 'place'; false: there is no need to wait. */
SK_FUNC bool sk_transit_pollget (Shared *s, Queue *q, void *place);
SK_FUNC bool sk_transit_pollput (lua_State *L, Shared *s, Queue *q, int arg,
                                 void *place);
/* Wait until all items are dealt with. -> true | nil, "timeout" */
SK_FUNC int sk_transit_join (lua_State *L, Shared *s, Queue *q, sk_time due,
                             const char *what);

#endif
