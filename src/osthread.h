/*
** osthread.h - Operating system threads, and how they are told to stop.
**
** The list of live ones and the signal that alerts one of them are
** process-wide. While a thread lives the library stays loaded.
*/
#ifndef sk_osthread_h
#define sk_osthread_h

#include <pthread.h>

#include "prod.h"
#include "sk.h"

/* How long the end of a process waits for others before it says for whom;
   process-wide, 10 seconds. */
SK_FUNC sk_time sk_osthread_patience;

typedef struct OsThread {
  pthread_t id;
  bool daemon; /* not awaited when the program ends */
  bool listed; /* it runs, or was not joined yet */
  bool ended;  /* it does nothing any more */
  int refs;    /* who looks at it: its maker, itself and the list */
  int stop;    /* it is asked to stop */
  Prod prod;
  /* Called in it by a signal handler; 'again': by that of 'prod'. */
  void (*onalert)(struct OsThread *t, bool again);
  void *arg; /* for 'onalert' */
  char name[48];
  char *report;     /* set before it ends: what went wrong, if anything */
  const void *user; /* on whose behalf it was started */
  struct OsThread *next, **at;
} OsThread;

/* Start 'body(t)'; 't' was made by calloc. 0 or -errno. */
SK_FUNC int sk_osthread_start (OsThread *t, void *(*body)(void *));
/* In the thread: 'f' is called when it is alerted; NULL: nothing is. */
SK_FUNC void sk_osthread_listen (OsThread *t, void (*f)(OsThread *, bool));
/* The signal that alerts. */
SK_FUNC int sk_osthread_signo (void);
/* Ask it to stop: alerts it, now or when it begins to listen. */
SK_FUNC void sk_osthread_stop (OsThread *t);
/* It is about to end: wait until it has. */
SK_FUNC void sk_osthread_join (OsThread *t);
/* In the thread, last of all: it has ended, and looks at 't' no more. */
SK_FUNC void sk_osthread_leave (OsThread *t);
/* One of those who look at it does no more; the last one frees it. */
SK_FUNC void sk_osthread_drop (OsThread *t);
/* Is there one that was not joined yet? */
SK_FUNC bool sk_osthread_any (void);
/*
** What 'user' (NULL: anybody) started ends: stop daemons, wait for the others.
** 'tell' is given the reports of those. After some seconds says whom it waits
** for.
*/
SK_FUNC void sk_osthread_finish (const void *user,
                                 void (*tell)(void *arg, const char *report),
                                 void *arg);
/* In a forked child: the parent's threads are not here. */
SK_FUNC void sk_osthread_forget (void);

#endif
