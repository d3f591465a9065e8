/*
** crew.h - What a pool and its workers share.
**
** Two queues: jobs, which workers take by themselves, and results, which the
** owner takes whenever it waits. A job's home is 'results': if its worker
** dies, the job itself arrives there (item.h).
**
** Each worker has a berth, where it says what it works on. A cancel goes
** there first, as the lowest bit of 'work': so it meets the job it is meant
** for or none, whatever happens at the same time. The signal that follows
** only makes the worker look.
**
** A map has a mark: how far its items are still wanted.
*/
#ifndef sk_crew_h
#define sk_crew_h

#include "queue.h"

#define SK_MARKS 64 /* maps at a time that have one */
#define SK_NOMARK SK_MARKS

typedef struct Berth {
  uint64_t work;  /* twice the job's number, + 1: cancel it; 0: idle */
  uint64_t done;  /* jobs, or items of maps, dealt with */
  uint32_t ready; /* its worker has begun to take jobs */
  uint32_t spare;
} Berth;

typedef struct Crew {
  Object o;
  Queue jobs, results;
  uint64_t mark[SK_MARKS + 1]; /* items above it are dropped */
  Off berths;                  /* a block of them */
  uint32_t nberths, spare;
} Crew;

/* What the message of a job begins with. Its function follows, if the workers
   may keep that, then the message of the values. */
typedef struct Order {
  uint64_t hash;  /* of the function's bytes */
  uint32_t nfn;   /* how many there are; 0: it is the first value */
  uint32_t tries; /* that are left should its worker die */
  uint64_t first; /* of a map: index of the first item */
  uint32_t items; /* of a map: how many; 0: it is a job, one call */
  uint32_t mark;  /* of a map */
  uint32_t lists; /* of a map: the items are lists of arguments */
  uint32_t tell;  /* its owner wants to know when it begins */
  uint32_t loose; /* of a map: the rest may come back to be cut anew */
  uint32_t spare;
} Order;

/* How a job ended, in 'step' of its result. The result's 'holder' is the
   worker's number, its 'priority' the time it took or when it began, in ns. */
enum {
  SK_JOB_DONE,
  SK_JOB_FAILED, /* the last value tells of the error */
  SK_JOB_CANCELLED,
  SK_JOB_STOPPED, /* a map: not all of its items were wanted or allowed */
  SK_JOB_BEGUN,   /* it has only begun */
  SK_JOB_UNREADY  /* not a job: the worker could not get ready */
};

SK_FUNC const Class sk_crew_class;

/* A new crew with room for 'n' workers. 0 or -errno. */
SK_FUNC int sk_crew_init (Crew *c, uint32_t n);

static inline Berth *sk_crew_berth (const Crew *c, uint32_t i) {
  return sk_at(Berth, c->berths) + i;
}

/* The worker at 'b' begins job 'id'; it is done with it: was it to be
   cancelled? */
SK_FUNC void sk_crew_begin (Berth *b, uint64_t id);
SK_FUNC bool sk_crew_end (Berth *b);
/* What is being worked on at 'b'; 0: nothing. */
SK_FUNC uint64_t sk_crew_job (const Berth *b);
/* Where job 'id' is being worked on, or NULL. */
SK_FUNC Berth *sk_crew_find (Crew *c, uint64_t id);
/* The job at 'b' is to be cancelled, if it still is 'id' and was not to be. */
SK_FUNC bool sk_crew_cancel (Berth *b, uint64_t id);

/* Items above 'index' are not wanted any more. */
SK_FUNC void sk_crew_limit (Crew *c, uint32_t mark, uint64_t index);

static inline bool sk_crew_iswanted (const Crew *c, uint32_t mark,
                                     uint64_t index) {
  return index <= __atomic_load_n(&c->mark[mark], __ATOMIC_RELAXED);
}

/* Does a worker wait for a job? For whom has more than enough to do. */
static inline bool sk_crew_ishungry (const Crew *c) {
  return __atomic_load_n(&c->jobs.getters.first, __ATOMIC_RELAXED) != 0;
}

#endif
