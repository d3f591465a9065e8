/*
** select.h - Waiting for several things at once, and what a class must offer
** to be waited for that way.
**
** A case occupies three stack slots from 'at' on: the object, the value it
** offers (put, send) or nil, and its priority or nil. While it waits, a
** Waiter of its own stands in the object's list: 'value' is the index of the
** offered value, 'tag' the number of the case.
*/
#ifndef sk_select_h
#define sk_select_h

#include "sched.h"

typedef struct SelectOp {
  const char *name; /* of the method: "get" */
  /*
  ** Do it if it need not wait: push its results and return how many, or
  ** return -EAGAIN. The end ("closed") is a result as well. May raise for
  ** wrong use.
  */
  int (*attempt)(lua_State *L, Sched *S, int at);
  /* Stand in line. Must not raise: what can, 'attempt' has tried. */
  void (*enlist)(lua_State *L, Sched *S, int at, Waiter *w);
  /*
  ** Leave the line; false: it was granted in the meantime (only from outside
  ** of this scheduler). NULL: removing the waiter from its list is enough.
  */
  bool (*withdraw)(Sched *S, Waiter *w);
  /*
  ** Turn what the waker gave (n values on top, or -errno) into results:
  ** returns how many. NULL: they are the results, -errno is nil and why.
  */
  int (*finish)(lua_State *L, Sched *S, int at, int n);
  bool shared; /* somebody outside of this scheduler can grant it */
} SelectOp;

/*
** The operations of a class whose metatable is at the top: the natural one
** first; "ready" is that of skein.wait: its attempt returns 0 if the natural
** one need not wait, and it takes nothing. Ends with a NULL name. Static.
*/
SK_FUNC void sk_select_class (lua_State *L, const SelectOp *ops);

SK_FUNC void sk_open_select (lua_State *L, Sched *S);

#endif
