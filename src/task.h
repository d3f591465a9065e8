/*
** task.h - What a task, a wait and a scheduler are made of.
**
** Types only. A file that works with them includes sched.h, which has the
** operations; the few fields that others may touch are named there.
**
** Life of a task: NEW -> READY <-> RUNNING <-> PARKED ... -> ENDED. A task
** is anchored by its own coroutine (bottom of its stack), the coroutine by a
** table of the scheduler: a live task costs no table write. Coroutines are
** used again.
*/
#ifndef sk_task_h
#define sk_task_h

#include <lua.h>
#include <pthread.h>
#include <stdatomic.h>

#include "alarm.h"
#include "inbuf.h"
#include "list.h"
#include "offload.h"
#include "poller.h"
#include "signals.h"
#include "timers.h"

typedef struct Sched Sched;
typedef struct Task Task;

/* What comes after a wait. */
typedef struct GoOn {
  lua_KContext ctx;
  lua_KFunction k;
} GoOn;

/* How a thing that runs has ended, or not. API: h:status(). */
typedef enum Status {
  SK_NEW,       /* "new": not started */
  SK_PENDING,   /* "pending": started, has not taken its first step */
  SK_RUNNING,   /* "running": begun */
  SK_FINISHED,  /* "finished": has results */
  SK_FAILED,    /* "failed": has an error */
  SK_CANCELLED, /* "cancelled": has an error */
} Status;

/*
** What every handle (task, thread, process, job) begins with: how it ended,
** and who wants to know. Its userdata has one user value, which belongs to
** outcome.c.
*/
typedef struct Outcome {
  List waiters;          /* Waiters of those that wait for the end */
  struct Report *report; /* of a failure that nobody asked for yet */
  uint64_t id;
  int count;      /* results, once it is finished */
  uint8_t status; /* a Status */
  bool boxed;     /* the user value is a table: see outcome.c */
  bool asked;     /* somebody will take, or took, its error */
} Outcome;

/* One place in the list of those that wait for something. */
typedef struct Waiter {
  List link;
  Task *task;
  int value; /* stack index, in 'task->at', of a value it offers */
  int tag;   /* free for the object that is waited for, and for select */
} Waiter;

/*
** A wait that does not only stand in a list of this scheduler: on a shared
** object, or on several things at once. Memory of the one that waits.
*/
typedef struct Wait {
  /*
  ** Take the wait back, because a deadline or a cancel came, or because one
  ** of the lists it also stands in could serve it. True: it is as if it had
  ** never been. False: it was granted after all, and the grant counts; it is
  ** then delivered by 'sk_sched_wake' as usual, now or later. 't->woken' tells
  ** why (-errno), but where another list serves it.
  */
  bool (*withdraw)(Sched *S, Task *t, struct Wait *w);
  /* One of several waits was granted, that of 'by': take the others back.
     NULL where there is only one. */
  void (*granted)(Sched *S, Task *t, struct Wait *w, Waiter *by);
  /* In a forked child the task is no more: stand in no list of this scheduler.
     What is shared stays as it is, the parent's. NULL: it is in none. */
  void (*drop)(struct Wait *w);
  bool shared; /* somebody outside of this scheduler can end it */
  bool hope;   /* the world can, though no descriptor says so by itself */
} Wait;

typedef enum ScopeKind {
  SK_ROOT,    /* the whole task; kept in the task itself */
  SK_TIMEOUT, /* skein.timeout */
  SK_GROUP,   /* skein.group */
  SK_RUN,     /* skein.run */
  SK_SHIELD,  /* skein.shield: what is outside does not reach inside */
} ScopeKind;

/* A stretch of a task's run that can be cancelled. */
typedef struct Scope {
  struct Scope *parent; /* towards the root; in the free list: the next */
  Task *task;
  Timer limit;     /* pending while the scope has a deadline */
  uint64_t serial; /* tells its cancelled errors from those of others */
  uint8_t kind;    /* a ScopeKind */
  bool cancelled;
  bool expired; /* cancelled by its own limit */
} Scope;

/* Tasks that end together: those of a group or a run, or all others. */
typedef struct Nursery {
  List members;           /* Task.sibling of the live ones */
  size_t live;            /* how many */
  List idle;              /* who waits until none is left: its owner */
  List peer;              /* in Sched.nurseries */
  struct Nursery *run;    /* the run it is inside of, or is; else NULL */
  struct Nursery *around; /* of a run: 'home' of its task outside of it */
  Scope *scope;           /* of the task that opened it */
  bool closed;            /* takes no more tasks */
  bool group;             /* an error of a member cancels all */
  bool first;             /* raises the first error only */
  int err;                /* what cut the wait for its tasks short */
  bool interrupted;       /* a run that Ctrl-C ended */
} Nursery;

typedef enum TaskState {
  SK_IDLE, /* not started */
  SK_READY,
  SK_ACTIVE, /* the one that runs */
  SK_PARKED,
  SK_ENDED,
} TaskState;

struct Task {
  Outcome outcome;  /* must be first */
  Waiter self;      /* its place among the ready ones, or in a waiting list */
  Timer timer;      /* deadline of its wait */
  lua_State *co;    /* its coroutine; NULL before start and after the end */
  lua_State *at;    /* the coroutine it waits in: 'co', or one inside of it */
  Scope *scope;     /* innermost; NULL: none but the root */
  Nursery *nursery; /* it is a member of */
  Nursery *home;    /* the tasks it starts are members of; NULL: loose */
  List sibling;     /* in nursery->members */
  Wait *wait;       /* of a wait with strings attached, else NULL */
  const char *what; /* what it waits for, for the dump */
  sk_time since;    /* when it began to (coarse) */
  int woken;        /* how the last wait ended: results, or -errno */
  uint8_t state;    /* a TaskState */
  bool pending;     /* a cancel reaches it: its next wait raises */
  bool cancelled;   /* the root scope is cancelled */
  bool raised;      /* ... and it has been told so */
  bool traced;      /* a traceback is kept for it: see coro.c */
  bool strays;      /* a group of it is inside of a suspended coroutine */
  bool rethrown;    /* the error under way is the one that was traced */
};

/* What the layer of shared objects adds to the loop. All may be NULL. */
typedef struct Family {
  /* Deliver what others granted, by 'sk_sched_wake'; was there any? */
  bool (*pending)(Sched *S);
  /* The loop is about to sleep; false: it must not, something has come. */
  bool (*sleep)(Sched *S);
  void (*awake)(Sched *S);
  /* Can none of the waits with 'shared' set ever end? */
  bool (*hopeless)(Sched *S);
  /* A place at which a case of a select can be told of a shared object: its
     wait then ends with -EAGAIN. NULL: no memory. */
  void *(*reserve)(Sched *S, Waiter *w);
  /* Give the place up, wherever it stands, and what it was given. */
  void (*vacate)(Sched *S, void *place);
  /* The same, but take what it was given; false: it was merely told. */
  bool (*claim)(Sched *S, void *place);
  /* The task has ended: let go of what it holds. */
  void (*ended)(Sched *S, Task *t);
  void *data;
} Family;

#define SK_ALERT_INTERRUPT 1u /* Ctrl-C */
#define SK_ALERT_CANCEL 2u    /* the whole thread or process is to stop */
#define SK_ALERT_AGAIN 8u     /* it came before, and Lua has not moved since */
#define SK_ALERT_SIGNAL 4u    /* a signal that a channel waits for came */
#define SK_ALERT_ERRAND 16u   /* something that was offloaded is back */

/* All that is per Lua state. */
struct Sched {
  Task top;      /* the top level: not a coroutine; runs the loop to wait */
  Task *current; /* the one that runs */
  List ready;    /* Task.self of those that can go on, in order */
  Timers timers; /* of waits */
  Timers limits; /* of scopes */
  Poller poller;
  Alarms alarms; /* for what is outside */
  Family family;
  Sink sink;        /* how signals reach us */
  size_t live;      /* tasks started and not ended */
  size_t shared;    /* parked ones that others can wake */
  size_t hopes;     /* other reasons to wait: open signal channels */
  size_t workers;   /* processes and threads that only work for pools ... */
  size_t expecting; /* ... and pools that have something for them to do */
  Nursery loose;    /* tasks of no group and no run */
  List nurseries;   /* all groups and runs that are open */
  List endpoints;   /* open servers and sockets for datagrams */
  lua_State *aux;   /* a stack for Lua calls from inside the loop: the top
                     level's holds the frame of its wait, undisturbed */
  Scope *spare;     /* free list */
  Desk desk;        /* of what was offloaded */
  Inbuf inbuf;      /* empty: memory for the next stream that is read */
  lua_State **idle; /* coroutines to use again: see coro.c */
  int nidle;
  lua_Integer slots; /* of the table that anchors coroutines: last one used */
  lua_Integer gap;   /* first of those that are free again, or 0 */
  List reports;      /* failures nobody has asked for: see outcome.c */
  sk_time now;       /* the clock, as read last */
  sk_time looked;    /* when the poller was looked at last */
  uint64_t ids;      /* the last id or serial given ... */
  uint64_t idlimit;  /* ... of those that are ours to give */
  uint64_t salt;     /* tells serials from those of other schedulers */
  uint32_t dice;     /* of select, to favour nobody */
  unsigned quick;    /* operations in a row that did not wait */
  unsigned steps;    /* of the loop, since the clock was read */
  size_t strays;     /* suspended coroutines with scopes of their own */
  List settlers;     /* who waits until all others wait */
  sk_time patience;  /* of a leap of the clock, for what is outside */
  uint64_t shuffle;  /* not 0: ready tasks run in an order of chance */
  bool testing;      /* time stands still, and leaps: see lib_test.c */
  uint32_t epoch;    /* forks since the beginning: what is older is dropped */
  bool looping;      /* the loop runs */
  bool closed;       /* the Lua state is about to go */
  pthread_t thread;  /* that opened it */
  Sched *next, **at; /* all of this process; see sched_state.c */
  GoOn goon;         /* of the top level: what a wait ends with, */
  bool again;        /* but the next one is part of another */
  volatile uint64_t turns; /* how often somebody began to run */
  sk_time pressed;         /* Ctrl-C, the first that is not heard */
  _Atomic unsigned alerts; /* SK_ALERT_*, set by signal handlers and others */
  lua_State *volatile active; /* where Lua runs now, for alerts */
  lua_Hook hook;              /* what our hook replaced */
  int hookmask, hookcount;
  const char *kind;        /* of the top level: "process" or "thread" */
  const char *name;        /* ... and what it is called; NULL: "main" */
  const void *handles[16]; /* metatables of shared objects, by type */
  const void *recent[16];  /* handles that were checked last, by type */
  /* Set by the layers above: */
  void (*died)(Sched *S, Task *t); /* its coroutine broke */
  void (*spawn)(lua_State *L, Sched *S, int nargs);
  void (*onsignal)(Sched *S);              /* SK_ALERT_SIGNAL came */
  void (*onclose)(lua_State *L, Sched *S); /* of a tapped channel */
  void (*dump)(lua_State *L, Sched *S);    /* push the text of skein.dump() */
  void (*onfork)(Sched *S);                /* in a forked child, or NULL */
  void (*oninterrupt)(Sched *S);           /* Ctrl-C came, or NULL */
  struct Yard *yard;                       /* see command.h */
};

/* The scheduler of this Lua state, for who has no upvalue. */
SK_FUNC Sched *sk_sched_of (lua_State *L);

SK_FUNC uint64_t sk_sched_moreids (Sched *S);

/*
** An id or serial that nothing else in this process has. A scheduler fetches
** them a thousand at a time; a forked child goes on where its parent was.
*/
static inline uint64_t sk_sched_newid (Sched *S) {
  return sk_likely(S->ids != S->idlimit) ? ++S->ids : sk_sched_moreids(S);
}

#endif
