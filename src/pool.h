/*
** pool.h - The owner's side of a pool: handing out jobs, taking results.
**
** The mechanism; lua/skein/pool.lua is the policy: who works, when a worker
** is replaced, how a list is cut. A pool belongs to the state that made it.
**
** Results are taken inside the loop, whenever this thread waits: the ear is a
** seat that stands at the queue of results while jobs are open. They are
** decoded on a Lua thread of the pool's own, under pcall, and settle their
** job there; what comes for a part of a map goes to its batch. Another thread,
** which never runs, is a stack that holds what the pool often needs.
*/
#ifndef sk_pool_h
#define sk_pool_h

#include "crew.h"
#include "outcome.h"
#include "shared.h"

enum {                   /* on the stack of what it owns */
       SK_POOL_OPEN = 1, /* jobs and parts of maps by number */
       SK_POOL_LOST,     /* a list: jobs whose worker died */
       SK_POOL_CACHE,    /* bytes by function; weak */
       SK_POOL_POLICY,   /* functions of the Lua side */
       SK_POOL_STATE,    /* the table of the Lua side */
       SK_POOL_CREW,     /* handle of the crew */
       SK_POOL_DECODER   /* anchors 'decoder' */
};

typedef struct Pool {
  Shared *s;
  Crew *crew;
  lua_State *own; /* a stack; anchored by the pool's user value */
  lua_State *decoder;
  Petition *ear;
  size_t open;    /* jobs and parts; the pool is anchored while > 0 */
  uint64_t marks; /* those in use, a bit each */
  uint64_t finished, failed;
  uint64_t epoch; /* of forks: the copy in a child is a stranger */
  uint32_t staff; /* workers */
  bool closing;   /* they end when they have nothing to do */
  bool hoping;    /* something can come of it: see sk_pool_hope */
  bool listening; /* the ear is in line */
  bool receiving; /* a result is being decoded, which may run Lua code */
} Pool;

enum { SK_STAY, SK_CANCEL, SK_LIMIT }; /* why a job is to stop */

typedef struct Job {
  Outcome outcome; /* must be first */
  Pool *pool;      /* valid while it is open */
  List begun;      /* who waits until it has begun */
  sk_time since;   /* when it began, if its owner was to be told; else 0 */
  double limit;    /* seconds, if it has a timeout */
  uint8_t stop;    /* SK_STAY ... */
  bool early;      /* who limits its time came before it was posted */
} Job;

/* Neither begun nor ended, or begun: posting one may bring word of either. */
static inline bool sk_job_isopen (const Job *j) {
  return j->outcome.status == SK_PENDING || j->outcome.status == SK_RUNNING;
}

typedef struct Batch { /* of a map; user value: a list of parts that ended */
  List waiters;
  bool lost; /* there was no memory for what came of a part */
} Batch;

SK_FUNC const HandleClass sk_job_class; /* "skein.Job" */

/* The pool at 'arg', which this state made. */
SK_FUNC Pool *sk_pool_check (lua_State *L, int arg);
/* Push what it owns at 'i'. */
SK_FUNC void sk_pool_push (lua_State *L, const Pool *p, int i);
/* Call function 'key' of the policy with the 'n' values at the top. */
SK_FUNC void sk_pool_call (lua_State *L, const Pool *p, const char *key, int n);

/* A job comes for the pool at 'pool': see that there are workers. */
SK_FUNC void sk_pool_revive (lua_State *L, Pool *p, int pool);
/*
** Make the message of a job in 'slot->out': the function at 'fn', its 'n'
** values above. What the workers may keep of it is sent apart.
*/
SK_FUNC Item *sk_pool_pack (lua_State *L, const Pool *p, int fn, int n,
                            Order *order, WireWhat what);
/* Put that message as number 'id', which stands for the value at 'idx'.
   'pool' is the index of the pool. */
SK_FUNC void sk_pool_post (lua_State *L, Pool *p, int pool, int idx,
                           uint64_t id);

/* 'open', 'closing' or 'staff' has changed. Open jobs end, and so do workers when
   the pool is closed; but idle ones give nobody hope. */
SK_FUNC void sk_pool_hope (Pool *p);

/* Take what has come to the queue; what was given to the ear as well. */
SK_FUNC void sk_pool_drain (Pool *p);
SK_FUNC void sk_pool_look (Pool *p);
/* Job 'id' has not begun and never will: it is gone from the queue. */
SK_FUNC bool sk_pool_drop (Pool *p, uint64_t id);

/* If the job at 'idx', which is open and was asked to stop, has not begun, that
   is its end. Where this raises nothing has happened. */
SK_FUNC bool sk_pool_discard (lua_State *L, Pool *p, int idx);

/* Nobody waits for part 'id' any more. */
SK_FUNC void sk_pool_forget (Pool *p, uint64_t id);
/* What is open fails, for want of memory, of which this needs none: one, all. */
SK_FUNC void sk_pool_giveup (Pool *p, uint64_t id);
SK_FUNC void sk_pool_giveupall (Pool *p);
/* The job at 'idx', which is open, failed with the error at the top. */
SK_FUNC void sk_pool_fail (lua_State *L, Pool *p, int idx);
/* It was stopped, as it was asked to. */
SK_FUNC void sk_pool_stopped (lua_State *L, Pool *p, int idx);
/* The part at 'idx', which is open, has ended: its batch hears of it. */
SK_FUNC void sk_pool_endpart (lua_State *L, Pool *p, int idx);

/* Stand at the results, if there are open jobs. */
SK_FUNC void sk_pool_listen (Pool *p);
/* In the loop: a result was given to the ear. */
SK_FUNC void sk_pool_hear (Petition *ear);

#endif
