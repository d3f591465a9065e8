/*
** channel.h - Channels: values from task to task of one thread.
**
** Invariants
**   - getters wait only while the channel is empty, putters only while it is
**     full: never both, and a closed channel has neither;
**   - a putter's value and its priority rest on its own stack, side by side;
**   - the items are in user values while there are few slots (slots.h), then
**     in a table.
**
** 'self' is the stack index of the channel.
*/
#ifndef sk_channel_h
#define sk_channel_h

#include "sched.h"
#include "slots.h"

#define SK_UNBOUNDED (-1)

typedef struct Channel {
  const char *magic; /* what only a channel can hold */
  Sched *S;
  List getters, putters, joiners; /* who waits, oldest first */
  List watchers;                  /* who waits for a get not to wait */
  lua_Integer capacity;           /* or SK_UNBOUNDED */
  lua_Integer unfinished;         /* put, and not yet dealt with */
  Slots slots;                    /* of the items */
  bool closed;
  bool tapped; /* somebody must know when it is closed */
} Channel;

/* New channel like 'made' (capacity, order); pushes it. */
SK_FUNC Channel *sk_channel_new (lua_State *L, Sched *S, const Channel *made);

/* The channel at index 1, or an argument error. */
SK_FUNC Channel *sk_channel_check (lua_State *L);

/*
** Put the value at the top inside, or into the hands of who waits for it, if
** that need not wait. Then it may be popped, or something may be above it.
*/
SK_FUNC bool sk_channel_tryput (lua_State *L, int self, Channel *ch,
                                lua_Number priority);

/* Push an item if that need not wait. May leave something below it. */
SK_FUNC bool sk_channel_tryget (lua_State *L, int self, Channel *ch);

/* Is there room for one more, without anybody waiting for it? */
SK_FUNC bool sk_channel_hasroom (const Channel *ch);

/*
** Put the value at the top (popped) into the unbounded channel at 'self'
** without waiting; one that is closed ignores it. May raise for memory.
*/
SK_FUNC void sk_channel_push (lua_State *L, int self);

#endif
