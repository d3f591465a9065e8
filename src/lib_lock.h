/*
** lib_lock.h - The methods of a lock, for classes that have one.
**
** They find the lock's handle at stack index 1.
*/
#ifndef sk_lib_lock_h
#define sk_lib_lock_h

#include "lib.h"

#define SK_LOCK_CLASS "skein.Lock"

/* l:acquire([timeout]) -> true | true, "abandoned" | nil, "timeout" */
SK_FUNC int sk_liblock_acquire (lua_State *L);
/* l:release() - raises if the running task does not hold it. */
SK_FUNC int sk_liblock_release (lua_State *L);

#endif
