/*
** slot.h - The members of a family: one slot for each scheduler.
**
** A slot says which process a scheduler lives in, how to wake it, and what it
** holds in the arena: references, seats, blocks. Only its owner writes to
** it while it lives; once its process is dead, whoever notices first sweeps
** it (sweep.h). Words of a slot own blocks as arena.h says.
**
** Waking. A waker pushes what it granted on 'inbox' and looks at 'asleep'.
** A sleeper sets 'asleep' and looks at 'inbox' once more. Both orders are
** sequentially consistent, so one of the two sees the other, and nobody
** rings for a scheduler that is awake.
*/
#ifndef sk_slot_h
#define sk_slot_h

#include "arena.h"
#include "sk.h"

#define SK_SLOTS 4096
#define SK_STAGES 14 /* tables in stages, each twice the one before */
#define SK_STOCKS 20 /* classes of small blocks, up to 1 KiB; see stock.h */

enum { SK_SLOT_FREE, SK_SLOT_NEW, SK_SLOT_LIVE, SK_SLOT_DEAD };
enum {
  SK_AWAKE,
  SK_ASLEEP,
  SK_ASLEEP_SHARED, /* from here on: it waits for what others have */
  SK_ASLEEP_DOUBT,  /* ... and for nothing else */
  SK_ASLEEP_IDLE    /* a worker without a job: nothing comes from it alone */
};

typedef struct Doing { /* what a member says before it sleeps; for dumps only */
  uint64_t what[3];    /* text: what its top level waits for */
  int64_t since;       /* monotonic */
  uint32_t tasks;
} Doing;

typedef struct Slot {
  uint32_t state;
  uint32_t asleep; /* SK_AWAKE ... */
  int32_t pid;     /* 0: not known yet */
  uint32_t maker;  /* the slot that made it */
  int64_t taken;   /* when that was: nanoseconds since boot */
  int64_t born;    /* the same until there is its process, then that */
  Off inbox;       /* seats whose wait is over, newest first */
  Off busy;        /* the object that is being changed right now */
  Off out, in;     /* a message being made, a message being taken */
  Off open;        /* messages being decoded, the last one first; see item.h */
  Off waste;       /* a message that is about to be freed */
  Off fresh;       /* any other block being made */
  Off old;         /* a message to compare with */
  Off job;         /* the message that is being worked on, see item.h */
  Off loan, loans; /* messages of others that are being read, see item.h */
  Off refs[SK_STAGES], seats[SK_STAGES]; /* tables, see object.h, seat.h */
  Off stock[SK_STOCKS]; /* chains of free blocks, see stock.h */
  Off via;              /* a block on its way from or to such a chain */
  uint8_t bellsize;     /* of its doorbell's name; 0: none yet */
  char bell[15];
  Doing doing;
  char kind[12]; /* "process" ...; "": nobody that anyone asks about */
  char name[52];
  uint64_t rests; /* how often one that it made became idle */
} Slot;

#define SK_EARS 4

/* A socket of a member, named as a doorbell is; see listener.h. */
typedef struct Ear {
  int64_t born;  /* of the member */
  uint32_t slot; /* the member; 0: none */
  uint32_t rung; /* and not quieted yet */
  uint8_t size;  /* of its name */
  char name[15];
} Ear;

/* Who or what a bell has to be rung for, collected under a guard. */
typedef struct Bells {
  Ear *ears; /* SK_EARS of them, or NULL */
  uint32_t count;
  bool more; /* than were noted: look for them */
  uint32_t slot[30];
} Bells;

typedef struct Root {    /* the root structure of the arena */
  Guard slotguard;       /* slots taken */
  Guard sweepguard;      /* slots swept; outermost of all guards */
  Guard refguard;        /* references, lists of objects and carriers */
  Guard vaultguard;      /* descriptors on their way, see vault.h */
  Guard loanguard;       /* who frees what is lent, see item.h */
  uint32_t litter;       /* there are some that nobody will ask for */
  Off objects, carriers; /* all of them; see object.h, item.h */
  uint64_t changes;      /* members that came or went so far */
  uint64_t helper;       /* name of the first process's, see server.h; or 0 */
  uint32_t reached;      /* slots below this one were ever in use */
  Slot slot[SK_SLOTS];   /* 0 is never used */
} Root;

/* A scheduler's own view of its slot. */
typedef struct Member {
  Slot *slot;
  uint32_t index;
  int bell; /* descriptor of its doorbell, or -1 */
  Off dead; /* objects to take down, see object.h */
  bool burying;
  struct { /* entries of its tables that are free, by number */
    uint32_t *list;
    uint32_t count, cap, made;
  } refs, seats;
  uint8_t stocked[SK_STOCKS], batch[SK_STOCKS]; /* see stock.c */
  bool direct;                                  /* it keeps no stock any more */
} Member;

SK_FUNC Root *sk_root (void);
/* Make or find the root structure of an opened arena. 0 or -errno. */
SK_FUNC int sk_root_open (void);

static inline Slot *sk_slot (uint32_t index) {
  return &sk_root()->slot[index];
}

/* How far the slots have ever been used: those below it count. */
static inline uint32_t sk_slot_reached (void) {
  return __atomic_load_n(&sk_root()->reached, __ATOMIC_ACQUIRE);
}

static inline uint32_t sk_slot_state (const Slot *s) {
  return __atomic_load_n(&s->state, __ATOMIC_ACQUIRE);
}

/* When it was taken, or its process was there. */
static inline int64_t sk_slot_born (const Slot *s) {
  return __atomic_load_n(&s->born, __ATOMIC_RELAXED);
}

/* Who looks at a slot may do so while it becomes another member's: what this is
   about is read and written as atomics, and 'changes' tells to look again. */
static inline int sk_slot_pid (const Slot *s) {
  return __atomic_load_n(&s->pid, __ATOMIC_ACQUIRE);
}

static inline void sk_slot_setpid (Slot *s, int pid) {
  __atomic_store_n(&s->pid, pid, __ATOMIC_RELAXED);
}

static inline uint32_t sk_slot_maker (const Slot *s) {
  return __atomic_load_n(&s->maker, __ATOMIC_RELAXED);
}

/* Nanoseconds since boot, as in 'born'. */
SK_FUNC int64_t sk_slot_clock (void);

/* Take a slot in state NEW for a member that 'maker' makes (0: for oneself).
   0; -EAGAIN: there is none. */
SK_FUNC int sk_slot_take (uint32_t maker, uint32_t *index);
/* Whom people will call what. */
SK_FUNC void sk_slot_name (uint32_t index, const char *kind, const char *name);
/* Who is to live, or lives, in it is process 'pid', which is there. */
SK_FUNC void sk_slot_settle (Slot *s, int pid);
/* It lives, in this process 'pid': announce it to those who sleep. */
SK_FUNC void sk_slot_live (Member *m, int pid);
/* Wake all who wait for others: there are more of them, or fewer. */
SK_FUNC void sk_slot_rouseall (Member *m);
/* 'm' has become idle: wake its maker, if that may wait in vain now. */
SK_FUNC void sk_slot_rest (Member *m);
/* Is 's' an idle worker that 'm' made? */
SK_FUNC bool sk_slot_rests (const Member *m, const Slot *s);

/* A socket that can be rung: a descriptor or -errno. Its name: 15 bytes. */
SK_FUNC int sk_slot_makebell (char *name, uint8_t *size);
SK_FUNC void sk_slot_quiet (int bell);
/* Is there nobody behind this ear? */
SK_FUNC bool sk_slot_isdeaf (const Ear *ear);

/* Say what it is about to wait for, since when, and how many tasks it has. */
SK_FUNC void sk_slot_say (Slot *s, const char *what, sk_time since,
                          size_t tasks);
/* Copy what member 's', which may be saying something else, said last. */
SK_FUNC void sk_slot_hear (const Slot *s, Doing *heard);

/* The doorbell of 'm', made on first need: a descriptor or -errno. */
SK_FUNC int sk_slot_bell (Member *m);
SK_FUNC void sk_slot_answer (Member *m); /* somebody rang: quiet it */
SK_FUNC void sk_slot_dropbell (Member *m);
/* Make what this process rings bells with, beforehand: when there is something
   to tell, there may be no descriptor left. 0 or -errno. */
SK_FUNC int sk_slot_ringer (void);
/* 'slot' has something in its inbox: note a bell, if it sleeps. */
SK_FUNC void sk_slot_alert (Bells *b, uint32_t slot);
/* Ring all bells noted. Not under a guard. */
SK_FUNC void sk_slot_ring (Bells *b);

/* Is the process of this slot gone (a zombie is)? 1; 0: it lives; -errno. */
SK_FUNC int sk_slot_fate (const Slot *s);
/* A pidfd of the process of 's', not one that reuses its number; or -errno. */
SK_FUNC int sk_slot_pidfd (const Slot *s);

/* Is this the only member of the family? */
SK_FUNC bool sk_slot_isalone (const Member *m);

/* The entry 'n' of a table in stages of 'first', 2 * 'first' ... entries. */
SK_FUNC uint32_t sk_slot_stage (uint32_t n, uint32_t first, uint32_t *place);

#endif
