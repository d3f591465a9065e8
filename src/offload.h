/*
** offload.h - Calls that block, made by other threads of the operating system.
**
** For what the poller cannot wait for: files, and the resolver of names. A
** small group of threads, process-wide, made on need, which end when there is
** nothing to do for a while. They run plain C and know nothing of Lua.
**
** An Errand is queued by the Desk of a scheduler, run by some thread, and handed
** back to that scheduler, in whose loop 'done' is called. Who does not want to
** know any more abandons it: a running one ends by itself, and 'drop' frees it
** then. Each errand gets exactly one 'drop', at the end of its life.
*/
#ifndef sk_offload_h
#define sk_offload_h

#include "list.h"

struct Desk;

typedef struct Errand {
  void (*run)(struct Errand *e);  /* in some other thread */
  void (*done)(struct Errand *e); /* in the loop; 'e' is the caller's again */
  void (*drop)(struct Errand *e); /* give its memory back, in any thread */
  bool deep;           /* runs code of others, which a fork must not cut off */
  uint8_t state;       /* see offload.c */
  struct Desk *desk;   /* who wants to know; NULL: abandoned */
  List peer;           /* in its 'errands' */
  struct Errand *next; /* in the queue, or among those that are back */
} Errand;

typedef struct Desk {           /* one per scheduler; zeroed memory is valid */
  void (*ring)(struct Desk *d); /* in another thread: an errand is back */
  Errand *back;                 /* finished ones, the last one first */
  List errands;                 /* all that are not done */
} Desk;

/* 0; or -errno, and 'e' is the caller's as before. 'd->ring' is set. */
SK_FUNC int sk_offload_start (Desk *d, Errand *e);
/* Call 'done' of all that are back. */
SK_FUNC void sk_offload_collect (Desk *d);
/* Nobody wants to know of 'e' any more, which was started and is not done. */
SK_FUNC void sk_offload_abandon (Errand *e);
/* The same, but it is done even if it has not begun. */
SK_FUNC void sk_offload_detach (Errand *e);
/* Abandon all errands of 'd'. */
SK_FUNC void sk_offload_quit (Desk *d);

/*
** A fork: 'hold' before, so that no thread is in the middle of something, and
** 'release' after. False: there is a deep errand, the fork must not be. The child
** has no threads and no errands.
*/
SK_FUNC bool sk_offload_hold (void);
SK_FUNC void sk_offload_release (bool child);
/* How many threads there are that a fork may cut off. */
SK_FUNC int sk_offload_threads (void);

#endif
