/*
** lib_endpoint.h - The methods that servers and sockets for datagrams share.
*/
#ifndef sk_lib_endpoint_h
#define sk_lib_endpoint_h

#include "endpoint.h"

/*
** Make the class, with its own 'methods' and those that all have: close closed
** fileno sockname; 'ops' are its operations in a select.
*/
SK_FUNC void sk_endpoint_newclass (lua_State *L, Sched *S,
                                   const EndpointClass *c,
                                   const luaL_Reg *methods,
                                   const SelectOp *ops);

/* Push a new one of 'size' bytes, closed, with so many user values, of which the
   first is handover's. */
SK_FUNC void *sk_endpoint_new (lua_State *L, Sched *S, const EndpointClass *c,
                               size_t size, int values);

#endif
