/*
** pgroup.h - Process groups whose leader has ended and was reaped. Plain C.
*/
#ifndef sk_pgroup_h
#define sk_pgroup_h

#include "sk.h"

/* Does anybody of group 'id' still run? Zombies, which nobody may ever reap, do
   not. */
SK_FUNC bool sk_pgroup_lives (int id);

#endif
