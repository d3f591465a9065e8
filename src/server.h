/*
** server.h - A clean process that forks children on request.
**
** The helper and its client talk in packets over a socket: one request at a
** time, answered by the note of a birth; and a note of each end, for only the
** helper can reap what it forked. The helper ends when its client is gone, and
** its children die with it.
*/
#ifndef sk_server_h
#define sk_server_h

#include "sk.h"

enum { SK_REFUSED, SK_BORN, SK_GONE };

typedef struct Note {
  int32_t what;   /* SK_REFUSED ... */
  int32_t pid;    /* whose birth or end it is */
  int32_t status; /* n after exit, -n after signal n; refused: -errno */
  int32_t dumped; /* with a core dump */
} Note;

/* The two ends of a socket; both are close-on-exec. 0 or -errno. */
SK_FUNC int sk_server_pair (int ends[2]);
/* The client: ask for a child that works on 'job', in our directory. */
SK_FUNC int sk_server_ask (int sock, uint64_t job);
/*
** The client: the next note, and with a birth a pidfd, close-on-exec, which is
** -1 if there was no room for it. 0, -ETIMEDOUT at 'due', or -EPIPE: the
** helper is gone.
*/
SK_FUNC int sk_server_hear (int sock, sk_time due, Note *n, int *pidfd);
/*
** Be the helper of process 'client', with all signals blocked and no files
** open but the standard streams and 'keep'. Returns in each child, with its
** job; never in the helper.
*/
SK_FUNC uint64_t sk_server_run (int sock, int client, int keep);

#endif
