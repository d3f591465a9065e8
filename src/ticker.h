/*
** ticker.h - A signal to this thread again and again.
**
** The signal, one that nobody else uses, is process-wide; system calls that
** it interrupts go on where they can. Zeroed memory is valid.
*/
#ifndef sk_ticker_h
#define sk_ticker_h

#include "sk.h"

typedef struct Ticker {
  void (*tick)(struct Ticker *t); /* called by the signal handler */
  sk_time every;
  bool runs;
  int timer; /* the kernel's number of it */
} Ticker;

/* From now on this thread ticks; one of its tickers does. 0 or -errno. */
SK_FUNC int sk_ticker_start (Ticker *t);
/* Afterwards no tick comes any more. Only in the thread that started it. */
SK_FUNC void sk_ticker_stop (Ticker *t);
/* In a forked child, which has none of its parent's timers. */
SK_FUNC int sk_ticker_afterfork (Ticker *t);

#endif
