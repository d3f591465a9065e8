/*
** stream.h - A descriptor that is read and written as a stream of bytes.
**
** Sockets, pipes and terminals are non-blocking, and watched (poller.h) from
** the first wait on; files are read and written by other threads (offload.h).
** The rest is the same for all: what came in and was not asked for stays in
** 'in', so a read that times out or is cancelled has taken nothing; writers
** wait in line, and each knows how much of its string went.
**
** Invariants
**   - one task at a time reads, from its call until it has its result
**     ('reading'), so that nobody takes what it was woken for; a select that
**     waits is known by its waiters, all of one task, and 'reading' when woken;
**   - who waits in 'writers' has a Sending at 'value' of its stack; only the
**     first of them writes;
**   - after 'close' nobody waits and the descriptor is not used any more.
*/
#ifndef sk_stream_h
#define sk_stream_h

#include "inbuf.h"
#include "sched.h"

#define SK_STREAM "skein.Stream" /* the class */

typedef struct Stream Stream;

/* How the bytes come and go: 0 or more, or -errno; -EAGAIN: one has to wait. */
typedef struct StreamKind {
  ssize_t (*read)(Stream *st, char *to, size_t n); /* 0: the end */
  ssize_t (*write)(Stream *st, const char *from, size_t n);
  /* Has what was written arrived? 0, -EAGAIN, -errno. NULL: always. */
  int (*flush)(Stream *st);
  /* Close the descriptor; it is not used for waiting any more. */
  void (*close)(Stream *st);
  bool polled; /* the poller tells when one need not wait any more */
} StreamKind;

typedef enum AskKind {
  SK_ASK_SOME,  /* what has come */
  SK_ASK_LINE,  /* a line, without its end */
  SK_ASK_UNTIL, /* to the end of 'sep' */
  SK_ASK_COUNT, /* so many bytes */
  SK_ASK_ALL,   /* all up to the end */
} AskKind;

typedef struct Ask {
  uint8_t kind;    /* an AskKind */
  size_t count;    /* of COUNT; of UNTIL: at most so many, 'sep' included */
  const char *sep; /* of UNTIL, in the frame of the reader */
  size_t nsep;
  size_t seen; /* bytes in which there is no end */
  sk_time due;
} Ask;

typedef struct Sending { /* what a writer waits to write */
  const char *data;      /* in the writer's frame */
  size_t size, sent;
} Sending;

struct Stream {
  Watch watch;
  Sched *S;
  const StreamKind *kind;
  List readers; /* of one task */
  List writers;
  List watchers; /* who wants to know that there is something to read */
  Inbuf in;
  Ask ask;        /* of the one who reads */
  int err;        /* -errno: it will never give anything again */
  uint32_t epoch; /* of S, for 'reading' */
  bool open;      /* has a descriptor: 'watch.fd' */
  bool reading;   /* somebody reads, or was woken and will */
  bool ended;     /* the end was read */
  bool told;      /* ... and a reader was told */
  bool dry;       /* there was nothing left to read, and no news since */
  bool hung;      /* the poller spoke of an end: there may be no more news */
  bool paused;    /* a file: the next read shall take a while */
  void *more;     /* of its kind */
};

/*
** Push a stream without a descriptor, closed. Then 'adopt' gives it 'fd', which
** is its own from then on, whatever the result: 0 or -errno. Its user value
** belongs to handover.c. What kind of
** descriptor it is is found out, and it is made non-blocking where that helps.
*/
SK_FUNC Stream *sk_stream_new (lua_State *L, Sched *S);
SK_FUNC int sk_stream_adopt (Stream *st, int fd);

/* Wakes who waits; does nothing to a closed one. */
SK_FUNC void sk_stream_close (Stream *st);

/* End one direction or both, 'how' as shutdown(2) has it. 0 or -errno. */
SK_FUNC int sk_stream_shutdown (Stream *st, int how);

/*
** Read what 'ask' asks for and push it; see st:read. 'L' is inside of a C
** function whose stack holds the stream at 1 and what 'ask' points to.
*/
SK_FUNC int sk_stream_read (lua_State *L, Stream *st, const Ask *ask);

/*
** The same for a select, which waits by itself: 'tryread' pushes the results and
** counts them, or -EAGAIN; then 'enlist' puts 'w' in line, and 'finishread' is how
** it goes on when it was woken.
*/
SK_FUNC int sk_stream_tryread (lua_State *L, Stream *st, const Ask *ask);
SK_FUNC void sk_stream_enlist (Stream *st, const Ask *ask, Waiter *w);
SK_FUNC int sk_stream_finishread (lua_State *L, Stream *st, const Ask *ask);

/* Is there anything to read? 0 or -EAGAIN: 'watchers' will be told. While another
   task reads, it is what that one leaves. */
SK_FUNC int sk_stream_tryready (Stream *st, sk_time due);

/* Write the string at 2, as for 'read'; see st:write. */
SK_FUNC int sk_stream_write (lua_State *L, Stream *st, sk_time due);

/*
** Wait until there is room to write, which is how a connect ends, then 'k',
** which asks 'sk_stream_outcome' how: 0 or -errno, of which 'sk_sched_raise'
** raises what 'sk_stream_israised' tells.
*/
SK_FUNC int sk_stream_awaitroom (lua_State *L, Stream *st, sk_time due,
                                 const char *what, lua_KFunction k);
SK_FUNC int sk_stream_outcome (lua_State *L, Sched *S);
#define sk_stream_israised(rc)                                                 \
  ((rc) == -ECANCELED || (rc) == -EINTR || (rc) == -EDEADLK)

/* As sk_fail, for what a socket says: that its peer did not answer for long is
   an error of the system (-ETIME here), and not the end of a wait. */
SK_FUNC int sk_stream_fail (lua_State *L, int rc);

/* ---- between the files of this noun ---- */

/* Does a task read, here and not in the parent of a fork? */
static inline bool sk_stream_isread (const Stream *st) {
  return st->epoch == st->S->epoch &&
         (st->reading || !sk_list_isempty(&st->readers));
}


/* Before one waits: it is watched from now on. 0 or -errno. */
SK_FUNC int sk_stream_watch (Stream *st);
SK_FUNC const StreamKind sk_stream_socket;
SK_FUNC const StreamKind sk_stream_pipe; /* terminals and devices, too */
SK_FUNC const StreamKind sk_stream_file;

/* What a file needs beside its descriptor 'fd'. 0 or -errno. */
SK_FUNC int sk_stream_makefile (Stream *st, int fd);
/* Move to 'offset' from 'whence', as lseek(2) has it: the new place or -errno.
   What was read ahead is given up. */
SK_FUNC int64_t sk_stream_seek (Stream *st, int64_t offset, int whence);
/* There is news: serve who waits. */
SK_FUNC void sk_stream_serveread (Stream *st);
SK_FUNC void sk_stream_servewrite (Stream *st);
/* Bytes may have come: try to answer 'st->ask'. 0: it can be answered now;
   -EAGAIN; or what it comes to instead. */
SK_FUNC int sk_stream_advance (Stream *st);
/* Write on: 0 when all has gone, -EAGAIN, -errno. */
SK_FUNC int sk_stream_push (Stream *st, Sending *o);
/* Somebody pauses, so that others can run: there will be news. */
SK_FUNC void sk_stream_again (Stream *st);

#endif
