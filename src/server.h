/*
** server.h - A clean process that forks children on request.
**
** The helper and a client talk in packets over a socket: one request at a
** time, answered by the note of a birth; and a note of each end, for only the
** helper can reap what it forked. The process that started the helper is its
** first client; its descendants may become clients by the name that it
** announces. When a client is gone its children are killed; when the first one
** is, the helper ends, and all of its children with it.
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

/* ---- a client ---- */

/* The two ends of a socket; both are close-on-exec. 0 or -errno. */
SK_FUNC int sk_server_pair (int ends[2]);
/* A socket to the helper of that name (0: there is none), or -errno. */
SK_FUNC int sk_server_connect (uint64_t name);
/* Ask for a child that works on 'job', in our directory. */
SK_FUNC int sk_server_ask (int sock, uint64_t job);
/*
** The next note, and with a birth a pidfd, close-on-exec, which is -1 if there
** was no room for it. 0, -ETIMEDOUT at 'due', or -EPIPE: the helper is gone.
*/
SK_FUNC int sk_server_hear (int sock, sk_time due, Note *n, int *pidfd);

/* ---- the helper ---- */

typedef struct Request {
  uint64_t what; /* as asked for */
  int client;    /* the process that asked */
} Request;

/*
** Be the helper of process 'first', with all signals blocked and no files open
** but the standard streams and 'keep'. Its name is put into '*name' (NULL: it
** has none). Returns in each child, with its job; never in the helper.
*/
SK_FUNC Request sk_server_run (int sock, int first, const int keep[2],
                               uint64_t *name);

/* ---- between the files of this noun ---- */

/* Send a packet, and 'fd' if it is not -1, or receive one of that size.
   0; -EAGAIN: it would wait; -EPIPE: nobody is there. */
SK_FUNC int sk_server_send (int sock, void *data, size_t size, int fd);
SK_FUNC int sk_server_recv (int sock, void *data, size_t size, int *fd);
/* A socket in '*door' that strangers can connect to: its name, or 0. */
SK_FUNC uint64_t sk_server_listen (int *door);
/* The next one of our own user who has connected, and its process. */
SK_FUNC int sk_server_accept (int door, int *pid);

#endif
