/*
** lib_wire.h - skein.pack and skein.unpack.
*/
#ifndef sk_lib_wire_h
#define sk_lib_wire_h

#include <lua.h>

#include "sk.h"

/* Put them into the table at the top of the stack. */
SK_FUNC void sk_open_wire (lua_State *L, void *S);

#endif
