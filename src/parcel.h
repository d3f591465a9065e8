/*
** parcel.h - What a process or thread is given, and what it sends back.
**
** The one who starts it puts the function and its arguments into 'input'; it
** takes them out, and puts its results into 'output' before it ends. 'begun'
** is set once it has them, 'done' by a thread as the last thing it does, for
** its end is not seen otherwise.
*/
#ifndef sk_parcel_h
#define sk_parcel_h

#include "item.h"
#include "waiter.h"

typedef struct Parcel {
  Object o;
  Off input, output;
  uint32_t begun, done;
  uint32_t outcome;   /* for the Lua edge: how it ended */
  uint32_t cancelled; /* it is asked to stop */
  Line line;
} Parcel;

SK_FUNC const Class sk_parcel_class;

/* Put the message in 'm->slot->out' into '*to', a word of 'p'. */
SK_FUNC void sk_parcel_put (Member *m, Parcel *p, Off *to);
/* Take the message from '*from' into 'm->slot->in'. False: there is none. */
SK_FUNC bool sk_parcel_take (Member *m, Parcel *p, Off *from);
/* It has ended: all who wait are told. */
SK_FUNC void sk_parcel_finish (Member *m, Parcel *p);
/* 0: it has ended; -EAGAIN: 'w' waits for it. */
SK_FUNC int sk_parcel_await (Member *m, Parcel *p, Waiter *w);

#endif
