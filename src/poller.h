/*
** poller.h - Waiting for file descriptors, in one place per scheduler.
**
** A Watch is embedded in its owner and registered once, edge-triggered, for
** both directions; 'fire' is called from 'sk_poller_wait' with what happened.
** It must not raise, and may add and remove any watch, its own included; it
** may be called once more than there is news, so the owner tries and sees.
** Removing does not close the fd: its owner does that, after removing.
** Zeroed memory is a valid idle Watch and a valid Poller without descriptors.
*/
#ifndef sk_poller_h
#define sk_poller_h

#include "sk.h"

#define SK_READ 1u  /* there is something to read, or the end */
#define SK_WRITE 2u /* there is room to write */
#define SK_ERROR 4u /* error or hang-up: always together with the two above */
#define SK_END 8u   /* the peer will not write any more: with SK_READ */

typedef struct Watch {
  void (*fire)(struct Watch *w, unsigned events);
  int fd;
  uint32_t era; /* of the poller when it was registered; 0 = idle */
  bool idle;    /* does not count as hope: alone, it cannot end a deadlock */
} Watch;

typedef struct Poller {
  uint32_t era;               /* tells watches of before a 'fini' apart */
  int fd;                     /* 0 = not opened yet; else descriptor + 1 */
  int bell;                   /* eventfd + 1, so that 0 is "none" */
  size_t hopes;               /* active watches that are not 'idle' */
  size_t watches;             /* active watches */
  struct epoll_event *events; /* of the running 'wait', else NULL */
  int count;                  /* how many of them */
} Poller;

/* Open it if it is not. Returns 0 or a negative errno. */
SK_FUNC int sk_poller_open (Poller *p);

/*
** Close its own descriptors; all watches become idle, their fds stay open.
** It may be used again afterwards (a forked child does).
*/
SK_FUNC void sk_poller_fini (Poller *p);

/*
** Watch 'w->fd' for 'events' (SK_READ, SK_WRITE or both). 'w' stays where it
** is until it is removed. Returns 0 or a negative errno (-EPERM for a regular
** file, which never makes anybody wait).
*/
SK_FUNC int sk_poller_add (Poller *p, Watch *w, unsigned events);
/* Does nothing to an idle watch. */
SK_FUNC void sk_poller_remove (Poller *p, Watch *w);
/* Fire 'w', which is active, for both directions once more, if there still is
   something to read or room to write. */
SK_FUNC void sk_poller_again (Poller *p, Watch *w);

/* Is 'w' active? */
static inline bool sk_poller_has (const Poller *p, const Watch *w) {
  return w->era != 0 && w->era == p->era;
}

/*
** Sleep until something happens or 'due' has passed (SK_NOW: only look), and
** fire what happened: returns how much, or -errno. A signal ends the sleep early;
** never -EINTR.
*/
SK_FUNC int sk_poller_wait (Poller *p, sk_time due);

/* End the present or next sleep. Callable from a signal handler. */
SK_FUNC void sk_poller_ring (const Poller *p);

#endif
