/*
** pump.h - Bytes between memory and the pipe of a program, moved while the
** loop runs.
**
** A pump has one end of a pipe, non-blocking and its own, and takes what comes
** out of it, or puts in what it was given and then closes it. Zeroed memory is
** a valid pump that does nothing.
*/
#ifndef sk_pump_h
#define sk_pump_h

#include "buf.h"
#include "sched.h"

typedef struct Pump {
  Watch watch;
  Sched *S;
  bool open;         /* it has 'watch.fd' */
  Buf got;           /* what came; 'failed' when memory ended */
  const char *given; /* what is to go, of its owner ... */
  size_t left;       /* ... and how much of it */
} Pump;

/* From now on take what comes from 'fd', which is the pump's in any case. 0 or
   -errno. */
SK_FUNC int sk_pump_take (Pump *p, Sched *S, int fd);
/* The same: put 'data' in, which must not move. */
SK_FUNC int sk_pump_give (Pump *p, Sched *S, int fd, const char *data,
                          size_t size);

/* Nobody is to be waited for any more: take what is there now. */
SK_FUNC void sk_pump_drain (Pump *p);

/* What came stays. */
SK_FUNC void sk_pump_close (Pump *p);
SK_FUNC void sk_pump_fini (Pump *p);

#endif
