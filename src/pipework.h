/*
** pipework.h - What a program reads from and writes to: how its three streams
** are connected.
**
** First 'read' what is wished, which may raise; then 'open', which may fail,
** and nothing raises until 'close': after the start, or without one.
*/
#ifndef sk_pipework_h
#define sk_pipework_h

#include "stream.h"

typedef enum How {
  SK_HOW_NULL,    /* nothing to read; what is written goes nowhere */
  SK_HOW_INHERIT, /* as ours */
  SK_HOW_TEXT,    /* it reads a string */
  SK_HOW_TAKE,    /* what it writes is collected */
  SK_HOW_PIPE,    /* there is a stream on our side */
  SK_HOW_FILE,
  SK_HOW_FD,    /* a descriptor that is open here */
  SK_HOW_MERGE, /* its stderr: where its stdout goes */
} How;

typedef struct Pipework {
  How how[3];
  int theirs[3]; /* -1: what ours is */
  int ours[3];   /* -1: none */
  const char *path[3];
  int flags[3];      /* of open(2) */
  Stream *stream[3]; /* of PIPE: for our end; of FD: whose that is, or NULL */
  const char *text;  /* of TEXT: what did not fit into the pipe */
  size_t size;
} Pipework;

SK_FUNC const char *const sk_pipework_names[3]; /* "stdin" ... */

/* 'spec' is the index of the table of command.h. Raises for memory. Leaves
   what must live until 'close' on the stack. */
SK_FUNC void sk_pipework_read (lua_State *L, Sched *S, int spec, Pipework *w);

/* 0; or -errno, nothing is open, and '*which' is the stream that failed. */
SK_FUNC int sk_pipework_open (Pipework *w, int *which);

/* The program was started, or not: what is not ours is closed, or all. A stream
   that the program has now is closed here. */
SK_FUNC void sk_pipework_close (Pipework *w, bool started);

#endif
