/*
** command.h - A program as a child: how it is started, what passes between it
** and us, and how it ends.
**
** What a program is to be is a table that the Lua layer makes (command.lua),
** the first value that is kept for its start:
**   file, argv (a list), envp (a list, or absent), path, cwd: see program.h
**   name                     what texts call it
**   stdin, stdout, stderr    tables: 'how', one of null inherit text take pipe
**                            file fd merge; with text; path and mode; file
**   group, timeout, grace    a boolean; seconds, or absent; seconds
*/
#ifndef sk_command_h
#define sk_command_h

#include "offspring.h"
#include "pump.h"

/* The commands of a Lua state. */
typedef struct Yard {
  List live;      /* Command.link of those that run */
  List line;      /* who waits for descriptors, to start one */
  uint32_t epoch; /* of forks: those that run are of this one */
} Yard;

typedef struct Command {
  Offspring o; /* must be first */
  Yard *yard;
  List link;     /* in yard->live */
  Pump pump[3];  /* of stdin, stdout and stderr */
  sk_time born;  /* by the clock of tasks */
  sk_time grace; /* a span: between TERM and KILL */
  sk_time pause; /* until what is left of its group is looked at again */
  bool group;
  bool timedout;
  bool taken[3]; /* the result tells what came */
} Command;

/*
** Start the new one at 'handle' as the table at the top says, which is popped.
** 0, or -errno with nothing started, and the text of an error that says so on
** the stack. Raises for memory, with nothing started.
*/
SK_FUNC int sk_command_start (lua_State *L, Sched *S, int handle);

/* Ask it to end, and see that it does. */
SK_FUNC void sk_command_end (Command *c);

/* Ctrl-C, for those that the terminal does not reach. */
SK_FUNC void sk_command_interrupt (Yard *y);

/* For __gc. */
SK_FUNC void sk_command_fini (Command *c);

/* Raised by a start for want of descriptors or processes: it may go better
   when others have ended. */
static inline bool sk_command_isfull (int err) {
  return err == -EMFILE || err == -ENFILE || err == -EAGAIN;
}

#endif
