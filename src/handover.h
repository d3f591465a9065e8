/*
** handover.h - Objects that are a descriptor cross to other processes.
**
** Their '__transfer' returns a function's name and a deposit (vault.h), which
** that function takes the descriptor from on arrival. The deposit is kept in
** the user value of the object, so that sending it to many makes one; it is
** given up when the object is closed, but lives on in messages under way.
*/
#ifndef sk_handover_h
#define sk_handover_h

#include "shared.h"

/* Push the deposit of 'fd', which the object at 'idx' is. Raises. */
SK_FUNC void sk_handover_begin (lua_State *L, int idx, int fd);
/* The object at 'idx' was closed. */
SK_FUNC void sk_handover_end (lua_State *L, int idx);
/* A descriptor of one's own out of the deposit at 'arg', which is given up. */
SK_FUNC int sk_handover_take (lua_State *L, int arg);

SK_FUNC void sk_handover_open (lua_State *L, Sched *S);

#endif
