/*
** spawn.h - Starting processes, and learning how they ended.
**
** Plain C over the system: fork, programs, pidfds. The list of children
** that are to be joined or killed when this process ends is process-wide.
*/
#ifndef sk_spawn_h
#define sk_spawn_h

#include "end.h"
#include "program.h"

#define SK_UNKNOWN INT32_MIN /* how it ended: somebody else reaped it */

typedef struct Child {
  int pid;          /* 0: not started, or reaped */
  int pidfd;        /* -1: none */
  bool daemon;      /* killed when this process ends; others are awaited */
  bool group;       /* it leads a process group of its own */
  bool freed;       /* nobody looks at it any more */
  bool told;        /* its helper told 'status' */
  uint32_t served;  /* which helper forked it; 0: we did */
  int status;       /* once reaped: n after exit, -n after signal n */
  bool dumped;      /* once reaped: with a core dump */
  int64_t unreaped; /* by the clock of slots: it was not reaped then; or 0 */
  sk_time killat;   /* it is killed then, at the latest; 0: not */
  End ends[3];      /* of pipes: its stdin, stdout and stderr */
  char name[48];
  const void *user;         /* on whose behalf it was started */
  struct Child *next, **at; /* in the list of live children */
} Child;

/* How many threads this process has; 0: unknown. */
SK_FUNC int sk_spawn_threads (void);

/*
** Fork. In the parent: 0 and the child noted in 'c', or -errno. In the child:
** 1; it dies with its parent, and all signals wait until 'unmask'.
*/
SK_FUNC int sk_spawn_fork (Child *c);
SK_FUNC void sk_spawn_unmask (void);
/* Block all signals until then. */
SK_FUNC void sk_spawn_mask (void);

/* Start a program, see program.h. 0 or -errno. */
SK_FUNC int sk_spawn_program (Child *c, const Program *p, Stage *stage);

/* Run Lua 'code' by interpreter 'file'; descriptors 'keep' stay open in it. */
SK_FUNC int sk_spawn_exec (Child *c, const char *file, const char *code,
                           const int keep[2]);

/*
** Have a helper fork a child that works on 'job': that of the first process of
** the family if it has one, else one of this process. It is started if there is
** none, by Lua 'code' that ends in the name of a function: it is called with the
** socket (see server.h), the first of 'keep', our pid, the second of 'keep', and
** whether we are the 'first'. 0 or -errno; -EPIPE: the helper has died, another
** is found at the next need.
*/
SK_FUNC int sk_spawn_serve (Child *c, const char *file, const char *code,
                            const int keep[2], uint64_t job, bool first);

/* In a child: die when process 'parent' does. Exits if it is gone already. */
SK_FUNC void sk_spawn_tie (int parent);

/* Has it ended? Reaps it: 'status' is then known. Does not wait. */
SK_FUNC bool sk_spawn_reap (Child *c);

/* Kill it and wait: nothing of it is left. */
SK_FUNC void sk_spawn_abandon (Child *c);

/* Send a signal. 0, or -ESRCH if it has ended. */
SK_FUNC int sk_spawn_signal (Child *c, int signal);
/* The same, to its whole group if it leads one. */
SK_FUNC int sk_spawn_signalall (Child *c, int signal);

/* Give up a Child made by calloc; of a live one, once it has ended. */
SK_FUNC void sk_spawn_free (Child *c);

/* Is there a child that was not reaped yet? */
SK_FUNC bool sk_spawn_any (void);
/* This process (NULL), or the part 'user' of it, is about to end: kill daemons,
   who are not to see that nobody is left to answer them. */
SK_FUNC void sk_spawn_notify (const void *user);
/*
** This process (NULL), or the part 'user' of it, ends: kill daemons, wait for
** the others. After some seconds says whom it waits for.
*/
SK_FUNC void sk_spawn_finish (const void *user);

#endif
