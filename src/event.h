/*
** event.h - A flag that tasks of any thread or process wait for.
**
** Setting it lets everybody go who waits at that instant, also if it is
** cleared at once.
*/
#ifndef sk_event_h
#define sk_event_h

#include "seat.h"

typedef struct Event {
  Object o;
  uint32_t isset, spare;
  Line line;
} Event;

SK_FUNC const Class sk_event_class;

SK_FUNC void sk_event_set (Member *m, Event *e);
SK_FUNC void sk_event_clear (Member *m, Event *e);
/* 0: it is set; -EAGAIN: it is not, and 'w', if any, waits. */
SK_FUNC int sk_event_wait (Member *m, Event *e, Seat *w);

#endif
