/*
** spawn.h - Starting processes, and learning how they ended.
**
** Plain C over the system: fork, posix_spawn, pidfds. The list of children
** that are to be joined or killed when this process ends is process-wide.
*/
#ifndef sk_spawn_h
#define sk_spawn_h

#include "sk.h"

#define SK_UNKNOWN INT32_MIN /* how it ended: somebody else reaped it */

typedef struct Child {
  int pid;     /* 0: not started, or reaped */
  int pidfd;   /* -1: none */
  bool daemon; /* killed when this process ends; others are awaited */
  int status;  /* once reaped: n after exit, -n after signal n */
  char name[48];
  bool freed;               /* nobody looks at it any more */
  const void *user;         /* on whose behalf it was started */
  struct Child *next, **at; /* in the list of live children */
} Child;

/* How many threads this process has; 0: unknown. */
SK_FUNC int sk_spawn_threads (void);

/*
** Fork. In the parent: 0 and the child noted in 'c', or -errno. In the child:
** 1; its signals are as before, it dies with its parent.
*/
SK_FUNC int sk_spawn_fork (Child *c);

/* Run program 'file' with 'argv'; descriptor 'keep' stays open in it. */
SK_FUNC int sk_spawn_exec (Child *c, const char *file, char *const argv[],
                           int keep);

/* In a child: die when process 'parent' does. Exits if it is gone already. */
SK_FUNC void sk_spawn_tie (int parent);

/* Has it ended? Reaps it: 'status' is then known. Does not wait. */
SK_FUNC bool sk_spawn_reap (Child *c);

/* Send a signal. 0, or -ESRCH if it has ended. */
SK_FUNC int sk_spawn_signal (Child *c, int signal);

/* Forget about all children: they are the parent's. In a forked child. */
SK_FUNC void sk_spawn_forget (void);

/* Give up a Child made by calloc; of a live one, once it has ended. */
SK_FUNC void sk_spawn_free (Child *c);

/*
** This process, or the part 'user' of it, ends: kill daemons, wait for the
** others. After some seconds says whom it waits for.
*/
SK_FUNC void sk_spawn_finish (const void *user);
/* Called before that when the whole process ends. */
SK_FUNC void (*sk_spawn_leaving)(void);

#endif
