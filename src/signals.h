/*
** signals.h - Signals of the process, handed to one scheduler. Process-wide.
**
** Signal handlers belong to the process, schedulers to a Lua state: the first
** one of the main thread that waits becomes the owner. SIGINT is ours while
** the owner is 'driving' (its top level waits, or is inside a run); at other
** times our handler does what was set up before, as if it were not there. An
** ignored SIGINT stays ignored. Pressed again while the first is not heard, as
** in a C function that does not end, Ctrl-C does what was set up before, too.
*/
#ifndef sk_signals_h
#define sk_signals_h

#include "sk.h"

#define SK_NSIGNALS 65 /* 1 .. 64 */

typedef struct Sink {
  /* Called by the handler, in signal context; 'again': as asked for. False:
     nobody has heard the last one for so long that this is in vain. */
  bool (*alert)(struct Sink *s, int signo, bool again);
  volatile int driving; /* depth: > 0 while SIGINT is for us */
  bool ready;           /* has been set up, as far as we know */
  bool foreign;         /* not of the main thread: gets no signals */
} Sink;

/* Make sure that SIGINT reaches the owner; 's' becomes it if there is none. */
SK_FUNC void sk_signals_ready (Sink *s);

/*
** From now on 'signo' arrives as an alert, whatever the owner does. Returns 0
** or a negative errno; -EBUSY if 's' is not the owner.
*/
SK_FUNC int sk_signals_catch (Sink *s, int signo);
SK_FUNC bool sk_signals_iscaught (int signo);
/* Put back what was set up before. */
SK_FUNC void sk_signals_release (Sink *s, int signo);
/* Which of the caught ones came since the last call? Bit n: signal n. */
SK_FUNC uint64_t sk_signals_take (Sink *s);

/* For 'alert': it is not heard yet, perhaps; call it again, a little later. */
SK_FUNC void sk_signals_again (int signo);

/* The owner goes. */
SK_FUNC void sk_signals_fini (Sink *s);
/* In a forked child there is no owner; and what the parent did on Ctrl-C is
   none of its business, unless that was to ignore it. */
SK_FUNC void sk_signals_afterfork (void);

/* "INT", "SIGINT" -> SIGINT; 0 if unknown. */
SK_FUNC int sk_signals_number (const char *name);
/* SIGINT -> "INT", or NULL. */
SK_FUNC const char *sk_signals_name (int signo);

#endif
