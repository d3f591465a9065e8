/*
** process.h - A function in an OS process of its own: how it is started, and
** how it ends.
*/
#ifndef sk_process_h
#define sk_process_h

#include "remote.h"
#include "spawn.h"

enum { SK_FORK, SK_SPAWN, SK_SERVER }; /* methods */

typedef struct Process {
  Remote r;     /* must be first */
  Watch watch;  /* of the pidfd */
  Watch grace;  /* of the timer that kills it; fd is 0: there is none */
  Child *child; /* NULL until it is started, and after the end */
  int64_t born; /* of its slot */
  uint32_t slot;
  int pid;    /* stays known after the end */
  int status; /* exit code or -signal, once ended */
  bool dumped;
  int method; /* SK_FORK ... */
} Process;

/* Start it: 'fn' and its 'nargs' arguments are on top of the stack. Raises with
   nothing started. */
SK_FUNC void sk_process_start (lua_State *L, Sched *S, int handle, int nargs);

/* Has it ended? Then it is settled now. */
SK_FUNC bool sk_process_look (Process *p);

/* See that it is killed at 'due'. 0 or -errno. */
SK_FUNC int sk_process_killat (Process *p, sk_time due);

/* For __gc: it never ran, has ended, or the state is closing. */
SK_FUNC void sk_process_fini (Process *p);

#endif
