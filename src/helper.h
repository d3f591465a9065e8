/*
** helper.h - The helper (server.h) that forks for this process, as its client
** sees it.
**
** There is at most one, and it is process-wide. All of this is called under the
** guard of the children (spawn.c): requests are one at a time, and the note of
** an end that comes with an answer goes to whoever keeps the children.
*/
#ifndef sk_helper_h
#define sk_helper_h

#include "server.h"

#define SK_PROMPT (10 * SK_SECOND) /* a helper that takes longer is stuck */

typedef struct Birth { /* of a child that it forked */
  int pid, pidfd;
  uint32_t era; /* which helper that was, from 1 on */
} Birth;

/* How a child of helper 'era' ended. */
typedef void (*Gone)(uint32_t era, const Note *n);

/* Is there one? */
SK_FUNC bool sk_helper_is (void);
/* Have one, see sk_spawn_serve. 0 or -errno. */
SK_FUNC int sk_helper_hire (const char *file, const char *code,
                            const int keep[2], bool first);
/* Have it fork a child that works on 'job'. 0 or -errno; -EPIPE, -ETIMEDOUT:
   there is no helper any more. */
SK_FUNC int sk_helper_fork (uint64_t job, Gone gone, Birth *b);
/* Hear its next note, of an end; false: helper 'era' is gone. */
SK_FUNC bool sk_helper_listen (uint32_t era, sk_time due, Gone gone);
/* End it, or what is left of it; or leave it, if it is not ours. Our children
   that it forked end with that. */
SK_FUNC void sk_helper_dismiss (Gone gone);
/* In a forked child: it is the parent's. */
SK_FUNC void sk_helper_forget (void);

#endif
