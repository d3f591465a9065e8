/*
** modules.h - The Lua half of the library for the fresh states of a process.
**
** A state that is made for a thread requires the modules that the others of
** this process have read already. What was compiled once is kept, as bytecode,
** as long as the process lives.
*/
#ifndef sk_modules_h
#define sk_modules_h

#include <lua.h>

#include "sk.h"

/* Whoever requires a module of the library in this state gets the one that
   is kept; 'core' opens the C half. Raises for memory only. */
SK_FUNC void sk_modules_serve (lua_State *L, lua_CFunction core);

#endif
