/*
** shared.h - Where the scheduler meets the family's shared memory.
**
** Per Lua state: its membership, its handles to shared objects, its waits on
** them. A handle is a full userdata that begins with a Handle; there is one
** for each object (and end of a pipe) in a state, found again through a weak
** table, so that handles compare as the objects do. It has a user value for
** the use of its class.
**
** How a C function waits for a shared object: try; then take a Petition,
** which can raise; then try again with its seat, and suspend. See lib_queue.c.
*/
#ifndef sk_shared_h
#define sk_shared_h

#include "item.h"
#include "lib.h"
#include "sched.h"
#include "seat.h"
#include "select.h"
#include "wire.h"

typedef struct Listener Listener;

typedef struct Handle {
  Object *o;          /* NULL: given up */
  uint32_t ref;       /* our entry in the slot's table */
  uint32_t flags;     /* of the reference */
  Listener *listener; /* of an end of a pipe, see listener.h; or NULL */
} Handle;

typedef struct Petition { /* a wait for a shared object */
  Wait wait;
  struct Shared *shared;
  Seat *seat;
  Task *task;                          /* that is suspended */
  void (*notify)(struct Petition *p);  /* ... or who is told instead */
  void *arg;                           /* for 'notify' */
  void (*decline)(struct Petition *p); /* an item that it was given; or NULL */
  bool idle;              /* does not count as hope, as with a Watch */
  struct Petition *next;  /* of those that are free */
  struct Petition *older; /* of all */
} Petition;

typedef struct Death { /* another process of the family, watched */
  Watch watch;
  int pid;
  struct Death *next;
  struct Shared *shared;
} Death;

typedef struct Shared {
  Member m; /* must be first */
  Sched *S;
  Watch bell;
  Petition *spare, *newest;
  Death *deaths;
  uint64_t watched; /* the family's 'changes', as of the last 'watchall' */
  uint64_t seen;    /* ... and as of the last look for something to do */
  uint64_t rests;   /* the slot's, as of then */
  bool unemployed;  /* the top level waits for a job, as a worker does */
  bool rescan;      /* somebody died: look for grants that were not delivered */
  uint32_t skip, backoff; /* waits that shall not look out before sleeping */
  sk_time slept;          /* when it fell asleep last */
  Off *cargo;             /* room for the references of a message being made */
  size_t maxcargo;
  Wire *wire;                /* of this state, see sk_wire_first; or NULL */
  Buf copy;                  /* of a message that stays where it is */
  struct Shared *next, **at; /* all of this process; see 'leaveall' */
  pthread_t thread;
  List listeners;                  /* that handles have; see listener.h */
  void (*deafen)(List *listeners); /* drops them; set with the first one */
  uint64_t held; /* how many locks tasks of this state have, and how often */
} Shared;

/* What a class of shared objects says of itself; static data. */
typedef struct SharedClass {
  const char *name;               /* of the metatable: "skein.Queue" */
  const Class *object;            /* what it is in the arena */
  WireRef ref;                    /* its number is the type of the objects */
  const char *module;             /* adds methods in Lua; or NULL */
  const luaL_Reg *methods, *meta; /* may be NULL, as all below */
  const SelectOp *selects;
  const luaL_Reg *functions; /* of the module */
  /* The metatable is made, and at the top of the stack: what else it needs. */
  void (*complete)(lua_State *L, Sched *S);
} SharedClass;

/* The membership of this state, made on first need. Raises. */
SK_FUNC Shared *sk_shared_open (lua_State *L, Sched *S);
/* The same if it has been made, else NULL. */
#define sk_shared_of(S) ((Shared *)(S)->family.data)

/* ---- handles ---- */

/* Make an object of 'type' and push a handle to it. Raises. */
SK_FUNC Handle *sk_shared_new (lua_State *L, Shared *s, uint32_t type,
                               uint32_t flags, const char *class);
/* Push a handle to 'o', the one there is or a new one. Raises. */
SK_FUNC Handle *sk_shared_push (lua_State *L, Shared *s, Object *o,
                                uint32_t flags, const char *class);
/* Register a class: its metatable, how its handles cross, what can be selected,
   and its functions, in the module at the top of the stack. */
SK_FUNC void sk_shared_class (lua_State *L, Sched *S, const SharedClass *c);
/* See sk_shared_check. */
SK_FUNC Handle *sk_shared_checknew (lua_State *L, Sched *S, int arg,
                                    uint32_t type, const char *class);
/* The handle at 'arg', to an object of 'type'. Raises for anything else. */
static inline Handle *sk_shared_check (lua_State *L, Sched *S, int arg,
                                       uint32_t type, const char *class) {
  Handle *h = lua_touserdata(L, arg);
  if (sk_likely(h != NULL && h == S->recent[type] && h->o != NULL)) return h;
  return sk_shared_checknew(L, S, arg, type, class);
}
/* What WireRefs of such classes are made of. */
SK_FUNC int sk_shared_encode (lua_State *L, int idx, void *body);
SK_FUNC int sk_shared_decode (lua_State *L, const void *body);
SK_FUNC void sk_shared_forget (const void *body);
/* Give the handle up; nobody of this state waits through it. */
SK_FUNC void sk_shared_drop (Shared *s, Handle *h);
/* __gc of handles. */
SK_FUNC int sk_shared_gc (lua_State *L);

/* ---- messages ---- */

/* Encode 'n' values from 'first' on into 'm.slot->out'. Raises. */
SK_FUNC void sk_shared_pack (lua_State *L, Shared *s, int first, int n,
                             const WireWhat *what);
/* The same behind 'room' bytes, which the caller fills in: returned. Raises. */
SK_FUNC void *sk_shared_packafter (lua_State *L, Shared *s, size_t room,
                                   int first, int n, const WireWhat *what);
/* As 'pack'; -1 and an error object on the stack if it cannot cross. */
SK_FUNC int sk_shared_trypack (lua_State *L, Shared *s, int first, int n,
                               const WireWhat *what);
/* Free what 'pack' made and nobody took. */
SK_FUNC void sk_shared_unsent (Shared *s);
/* Push the values of the message in 'm.slot->in', free it; their number.
   Raises what it says about a message that cannot be decoded. */
SK_FUNC int sk_shared_unpack (lua_State *L, Shared *s);

/* ---- waits ---- */

/* Deliver what was granted: wake who waited for it. Was there any? */
SK_FUNC bool sk_shared_collect (Shared *s);

/* The running task, as an owner of locks. Unique in the family. */
SK_FUNC uint64_t sk_shared_who (const Shared *s);
/* Prepare to wait until 'due'. Raises with nothing changed. */
SK_FUNC Petition *sk_shared_petition (lua_State *L, Shared *s, sk_time due);
/* What 't' waits for, if that is one shared object; else NULL. */
SK_FUNC Object *sk_shared_awaited (const Task *t);
/* It is not needed after all. */
SK_FUNC void sk_shared_dismiss (Shared *s, Petition *p);
/* The seat stands in line: suspend; 'k' gets 'p' as its context. */
SK_FUNC int sk_shared_suspend (lua_State *L, Shared *s, Petition *p,
                               const char *what, lua_KFunction k);
/* In 'k': how it ended: what was granted, or -ETIMEDOUT. A message that was
   given is in 'm.slot->in'. Raises cancels. 'p' is free afterwards. */
SK_FUNC int sk_shared_settle (lua_State *L, Sched *S, lua_KContext ctx);

/*
** A seat for one who is told instead of suspended: 'notify' is called inside
** the loop, outside of any task, when its wish was granted; it must not raise.
** Then, or after a withdrawal, the seat may be used again. NULL: no memory.
*/
SK_FUNC Petition *sk_shared_watcher (Shared *s, void (*notify)(Petition *p));
/* The seat of a place that select reserved. */
#define sk_shared_seat(place) (((Petition *)(place))->seat)
/* The seats and lines are gone, or somebody else's: free all petitions. */
SK_FUNC void sk_shared_dropwaits (Shared *s);
/* Withdraw it if it stands in line, and free it. */
SK_FUNC void sk_shared_unwatch (Shared *s, Petition *p);

/* ---- processes ---- */

/* In a fresh process or thread: live in slot 'index', which was made for it
   with one reference, entry 0. Raises for memory. */
SK_FUNC Shared *sk_shared_adopt (lua_State *L, Sched *S, uint32_t index);
/* Before a fork: the child that will live in slot 'to' is the one that uses
   the ends of pipes among the 'n' values from 'first' on, and among the
   upvalues of the first of them. */
SK_FUNC void sk_shared_entrust (lua_State *L, Shared *s, uint32_t to, int first,
                                int n);
/* In a forked child: live in slot 'index' from now on. */
SK_FUNC void sk_shared_afterfork (Shared *s, uint32_t index, int pid);
/*
** This process ends without closing its Lua states: leave the family, wait for
** threads and processes that are no daemons, end those that are.
*/
SK_FUNC void sk_shared_finish (void);
/* Somebody's process 'pid' is gone: sweep it, see sk_sweep_process. */
SK_FUNC void sk_shared_died (Shared *s, int pid, int64_t unreaped);

/* ---- between the files of this noun ---- */

/* Make the weak table of handles. Raises for memory. */
SK_FUNC void sk_shared_makehandles (lua_State *L);
/* Take part in the loop of the scheduler; and no more. */
SK_FUNC void sk_shared_hook (Shared *s);
SK_FUNC void sk_shared_unhook (Shared *s);

#endif
