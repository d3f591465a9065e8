/*
** hope.h - Can others do something about an object that somebody waits for?
**
** Only who has a reference can. An idle worker has those that it was forked
** with, but does nothing until its maker asks for it.
*/
#ifndef sk_hope_h
#define sk_hope_h

#include "object.h"

/* Does any slot but those of 'm' and of its idle workers, or any message, refer
   to 'o'? */
SK_FUNC bool sk_hope_isshared (Member *m, Object *o);

#endif
