/*
** pipe.h - Two ends and a queue in each direction.
**
** Who counts as holding an end? One reference is active for each member that
** used the end or was sent it; handles that a forked child merely inherited,
** and that of one who has sent the end to another, are not. An end is gone
** when it has no handle, or had active ones and has none any more: so the
** death of the one who really talks is seen, however many copies of the
** handle lie about. Counted under the family's refguard, see object.h.
*/
#ifndef sk_pipe_h
#define sk_pipe_h

#include "queue.h"

enum { SK_END_A = 0, SK_END_B = 1, SK_ENDS = 1 }; /* in a reference's flags */

typedef struct Pipe {
  Object o;
  struct {
    uint32_t handles, actives, ever, spare;
  } end[2];
  uint32_t simplex, spare; /* end A only receives, end B only sends */
  Queue way[2];            /* way[e] carries what end e sends */
  Ear ears[2][SK_EARS];    /* of those who hold end e and listen */
} Pipe;

SK_FUNC const Class sk_pipe_class;

SK_FUNC int sk_pipe_init (Pipe *p, uint64_t bytes);
/* Ring 'ear' whenever a get at end 'e' need not wait: its place, or -ENOSPC. */
SK_FUNC int sk_pipe_listen (Member *m, Pipe *p, int e, const Ear *ear);
SK_FUNC void sk_pipe_deafen (Member *m, Pipe *p, int e, int place);
/* 'm' gives end 'e' up: its waits there are over, with -EPIPE. */
SK_FUNC void sk_pipe_expel (Member *m, Pipe *p, int e);

#endif
