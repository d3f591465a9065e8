/*
** offspring.h - Handles of child processes: those that run a function, and
** programs.
**
** The end of a child is seen by its pidfd in the poller, or by whoever asks;
** then it is reaped, and its class settles the handle.
*/
#ifndef sk_offspring_h
#define sk_offspring_h

#include "alarm.h"
#include "remote.h"
#include "spawn.h"

#define SK_GRACE (5 * SK_SECOND) /* between TERM and KILL */

typedef struct Offspring {
  Remote r;     /* must be first */
  Watch watch;  /* of the pidfd */
  Alarm alarm;  /* then it is ended, or killed */
  Child *child; /* NULL until it is started, and after the end */
  sk_time due;  /* one that was asked to end is killed then; 0: it was not */
  int pid;      /* stays known after the end */
  int status;   /* exit code or -signal, once ended */
  bool dumped;  /* core */
  int64_t unreaped;                    /* see Child */
  void (*reaped)(struct Offspring *o); /* to settle the handle */
} Offspring;

/* Before it is started: 0 or -ENOMEM. */
SK_FUNC int sk_offspring_make (Offspring *o, const char *name);
/* It could not be started. */
SK_FUNC void sk_offspring_unmake (Offspring *o);
/* It was started: learn of its end. 0; or -errno, and it has ended. */
SK_FUNC int sk_offspring_watch (Offspring *o);

/* Has it ended? Then it is settled now. */
SK_FUNC bool sk_offspring_look (Offspring *o);

/* Call 'ring' at 'due' by the clock of tasks, in place of what was set. 0 or
   -errno. */
SK_FUNC int sk_offspring_setalarm (Offspring *o, sk_time due,
                                   void (*ring)(Alarm *a));
/* Send it, and to all that it leads. Did it run? */
SK_FUNC bool sk_offspring_signal (const Offspring *o, int signo);
/* Ask it to end; one that runs on at 'due' is killed. 0 or -errno. */
SK_FUNC int sk_offspring_end (Offspring *o, sk_time due);

/* For __gc: it never ran, has ended, or the state is closing. */
SK_FUNC void sk_offspring_fini (Offspring *o);

/* The methods that they share: alive exitcode signal terminate kill. */
SK_FUNC const luaL_Reg sk_offspring_methods[];

#endif
