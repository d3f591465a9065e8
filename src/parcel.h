/*
** parcel.h - What a process or thread is given, and what it sends back.
**
** The one who starts it puts what a fresh state needs into 'setup', the
** function and its arguments into 'input'; it takes them out, and puts its
** results or its error into 'output' before it ends. 'done' is the last thing
** that a thread sets, for its end is not seen otherwise.
*/
#ifndef sk_parcel_h
#define sk_parcel_h

#include "item.h"
#include "seat.h"

enum { SK_NOTHING, SK_RESULTS, SK_RAISED, SK_STOPPED };

typedef struct Parcel {
  Object o;
  Off setup, input, output;
  uint32_t slot; /* where a fresh process lives */
  uint32_t done;
  uint32_t outcome; /* how it ended: SK_RESULTS (none without 'output') ... */
  Line line;
} Parcel;

SK_FUNC const Class sk_parcel_class;

/* Put the message in 'm->slot->out' into '*to', a word of 'p'. */
SK_FUNC void sk_parcel_put (Member *m, Parcel *p, Off *to);
/* Take the message from '*from' into 'm->slot->in'. False: there is none. */
SK_FUNC bool sk_parcel_take (Member *m, Parcel *p, Off *from);
/* It has ended: all who wait are told, once the caller rings. */
SK_FUNC void sk_parcel_finish (Member *m, Parcel *p, Bells *b);
/* 0: it has ended; -EAGAIN: 'w' waits for it. */
SK_FUNC int sk_parcel_await (Member *m, Parcel *p, Seat *w);

#endif
