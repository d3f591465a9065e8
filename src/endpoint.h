/*
** endpoint.h - Sockets that give and take whole things: connections that are
** accepted, datagrams.
**
** Several tasks may wait for either way. News wakes the first in line, who tries
** again; who leaves with something, or with an error, wakes the next, since
** there may be more: the poller tells of a backlog that was empty, not of each
** thing that is in it. Who was woken in vain is the first in line again; who
** wants to give does not believe the next news then: where the queue of a unix
** socket is full, each attempt is news of its own, and there is no other.
**
** Everything here takes the stack of a call, or of a case of a select: the object
** is at 'at', what is given in the two places behind it. The next one, which has a
** number or nil at first, an attempt may use for something of its own.
*/
#ifndef sk_endpoint_h
#define sk_endpoint_h

#include "select.h"

#define SK_OWN 3 /* from the object on */

typedef struct Endpoint Endpoint;

enum { SK_TAKE, SK_GIVE }; /* the two lines */

typedef struct Way {
  /* Once: push the results and count them, or -errno. */
  int (*attempt)(lua_State *L, Endpoint *e, int at);
  int line;         /* SK_TAKE or SK_GIVE */
  const char *what; /* for the dump */
} Way;

typedef struct EndpointClass {
  const char *name;             /* of the metatable */
  const char *called;           /* in texts */
  const char *receive;          /* makes one that has crossed */
  const Way *taking;            /* its natural wait */
  unsigned events;              /* what it is watched for */
  void (*closing)(Endpoint *e); /* its descriptor is still open; or NULL */
  void (*closed)(lua_State *L); /* the object is at 1; or NULL */
} EndpointClass;

struct Endpoint { /* what the userdata of such a class begins with */
  Watch watch;
  Sched *S;
  const EndpointClass *class;
  List lines[2];      /* who waits to take, and who to give */
  List watchers;      /* who wants to know that there is something to take */
  List peer;          /* in S->endpoints, while it is open */
  bool open;          /* has a descriptor: 'watch.fd' */
  const Task *leader; /* first to give: was woken, or looks again by itself */
  uint64_t epoch;     /* of forks: when that was */
};

/* It begins without a descriptor; 'open' gives it one. */
SK_FUNC void sk_endpoint_init (Endpoint *e, Sched *S, const EndpointClass *c);
SK_FUNC void sk_endpoint_open (Endpoint *e, int fd);
/* Close the descriptor, wake who waits. Does nothing to a closed one. */
SK_FUNC void sk_endpoint_close (Endpoint *e);

/* Go that way, the object at 1, until 'due': what the C function returns. */
SK_FUNC int sk_endpoint_go (lua_State *L, Endpoint *e, const Way *way,
                            sk_time due);

/* Operations of a select: 'taking' by the name of its method, and "ready". */
#define SK_ENDPOINT_OPS(method)                                                \
  {.name = (method),                                                           \
   .attempt = sk_endpoint_trytake,                                             \
   .enlist = sk_endpoint_enlisttake,                                           \
   .finish = sk_endpoint_finishtake,                                           \
   .outside = true},                                                           \
      {.name = "ready",                                                        \
       .attempt = sk_endpoint_tryready,                                        \
       .enlist = sk_endpoint_enlistready,                                      \
       .outside = true},                                                       \
  {                                                                            \
    .name = NULL                                                               \
  }

SK_FUNC int sk_endpoint_trytake (lua_State *L, Sched *S, int at);
SK_FUNC void sk_endpoint_enlisttake (lua_State *L, Sched *S, int at, Waiter *w);
SK_FUNC int sk_endpoint_finishtake (lua_State *L, Sched *S, int at, int n);
SK_FUNC int sk_endpoint_tryready (lua_State *L, Sched *S, int at);
SK_FUNC void sk_endpoint_enlistready (lua_State *L, Sched *S, int at,
                                      Waiter *w);

#endif
