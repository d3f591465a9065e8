/*
** process.h - A function in an OS process of its own: how it is started, and
** how it ends.
*/
#ifndef sk_process_h
#define sk_process_h

#include "offspring.h"

enum { SK_FORK, SK_SPAWN, SK_SERVER }; /* methods */

typedef struct Process {
  Offspring o;   /* must be first */
  int64_t taken; /* when its slot was */
  uint32_t slot;
  int method; /* SK_FORK ... */
} Process;

/* Start it: 'fn' and its 'nargs' arguments are on top of the stack. Raises with
   nothing started. */
SK_FUNC void sk_process_start (lua_State *L, Sched *S, int handle, int nargs);

#endif
