/*
** select.h - Waiting for several things at once, and what a class must offer
** to be waited for that way.
**
** A case occupies four stack slots from 'at' on: the object, and its arguments
** or nil: the value that it offers (put, send) or what it asks for (read), one
** more, which is mostly a timeout that does not count, and the priority of an item.
** An operation may put something of its own into those. While it waits, a
** Waiter of its own stands in the object's list: 'value' is the index of the
** offered value, 'tag' the number of the case.
**
** What is shared with others is waited for in another way, for none of them
** can tell whether a select over there has been served already: such a case
** stands among those who are told, has no part in the line of those who are
** served, and when it is told the select tries all of its cases anew. So there
** is one place where a case commits: its 'attempt', or its 'finish'.
*/
#ifndef sk_select_h
#define sk_select_h

#include "sched.h"

typedef struct SelectOp {
  const char *name; /* of the method: "get" */
  bool offers;      /* takes a value, which must not be nil */
  /*
  ** Do it if it need not wait: push its results and return how many, or
  ** return -EAGAIN. The end ("closed") is a result as well. May raise for
  ** wrong use.
  */
  int (*attempt)(lua_State *L, Sched *S, int at);
  /* Stand in line. Must not raise: what can, 'attempt' has tried. */
  void (*enlist)(lua_State *L, Sched *S, int at, Waiter *w);
  /* Instead of 'enlist', for what is shared: ask to be told at 'place'; false:
     an attempt need not wait any more. Must not raise. */
  bool (*watch)(lua_State *L, Sched *S, int at, void *place);
  /*
  ** Turn what the waker gave (n values on top, or -errno; -EAGAIN: it was
  ** told) into results: returns how many, or -EAGAIN: try again. NULL: they
  ** are the results, -errno is nil and why.
  */
  int (*finish)(lua_State *L, Sched *S, int at, int n);
  bool outside; /* the world serves it: while it waits there is hope */
} SelectOp;

/*
** The operations of a class whose metatable is at the top: the natural one
** first; "ready" is that of skein.wait: its attempt returns 0 if the natural
** one need not wait, and it takes nothing. Ends with a NULL name. Static.
*/
SK_FUNC void sk_select_class (lua_State *L, const SelectOp *ops);

/* For an 'attempt': will the select not wait? Then it has to look closely, for
   no news can come. */
SK_FUNC bool sk_select_once (lua_State *L);

/* Wrong use of the case at 'at': raises, and says which case it is. */
SK_FUNC int sk_select_error (lua_State *L, int at, const char *text);

SK_FUNC void sk_open_select (lua_State *L, Sched *S);

#endif
