/*
** remote.h - Handles of what runs outside of this Lua state, and is given its
** function in a parcel: processes and threads.
**
** Such a handle is anchored from its start until it is settled. It belongs to
** the process that started it: the copy that a fork makes is a stranger.
*/
#ifndef sk_remote_h
#define sk_remote_h

#include "launch.h"
#include "parcel.h"
#include "shared.h"

typedef struct Remote {
  Outcome outcome; /* must be first */
  Sched *S;
  Parcel *parcel;
  uint64_t epoch; /* of forks, when it was started */
  uint32_t ref;   /* of the parcel */
  bool holds;     /* the reference */
  bool daemon;
  bool hidden;    /* not one of the user's: a worker */
  bool cancelled; /* by 'cancel' */
} Remote;

/* The options and functions that begin at 1 (see sk_launch_check) become a
   handle of 'size' bytes and what it starts; 'sk_launch_begin' is next. */
SK_FUNC Remote *sk_remote_new (lua_State *L, Sched *S, const HandleClass *c,
                               size_t size);

/* Was it started, and by this process? */
static inline bool sk_remote_ismine (const Remote *r) {
  return r->outcome.status != SK_NEW && r->epoch == r->S->epoch;
}

/* Raise if the handle at 'at' is of what runs, and this process did not start. */
SK_FUNC void sk_remote_checkmine (lua_State *L, int at);

/* Begin to start it: make the parcel. Raises. */
SK_FUNC Shared *sk_remote_pack (lua_State *L, int handle);
/* From here on it counts as running, and its handle is kept. Raises. */
SK_FUNC void sk_remote_run (lua_State *L, int handle);
/* It could not be started: it is new, as it was. */
SK_FUNC void sk_remote_stay (lua_State *L, int handle);
/* The same, because of 'what' (NULL: nothing that has a name), and raise. */
SK_FUNC int sk_remote_refuse (lua_State *L, int handle, int err,
                              const char *what);

/*
** It has ended. Call 'settle(handle)', which is to settle it; if it raises,
** that is how it ended. Never raises. The parcel and the anchor are given up.
*/
SK_FUNC void sk_remote_settle (Remote *r, lua_CFunction settle);

/* For __gc: it never ran, has ended, or the state is closing. */
SK_FUNC void sk_remote_drop (Remote *r);

/* Push the table of those that are anchored: handles, by address. */
SK_FUNC void sk_remote_pushanchors (lua_State *L);

/* Make that table; once for a state. */
SK_FUNC void sk_remote_open (lua_State *L);

#endif
