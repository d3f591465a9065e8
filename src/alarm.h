/*
** alarm.h - Deadlines of what is outside: programs and processes that are to
** end by then.
**
** They are of the real clock, which a test does not stop (clock.h), and ring
** inside the loop, by one timer of the kernel for all of a scheduler, which is
** there while any of them is set. Alone they are no reason to go on waiting.
** Zeroed memory is a valid empty set and a valid alarm that is not set.
*/
#ifndef sk_alarm_h
#define sk_alarm_h

#include "poller.h"
#include "timers.h"

typedef struct Alarm {
  void (*ring)(struct Alarm *a); /* it is not set any more; may set any */
  Timer timer;
} Alarm;

typedef struct Alarms {
  Timers timers;
  Watch watch; /* of the kernel's timer ... */
  bool open;   /* ... which is there */
  Poller *poller;
} Alarms;

/* Let it ring at 'due' of the real clock, and not before. 0 or -errno, and it
   is not set. */
SK_FUNC int sk_alarm_set (Alarms *as, Poller *p, Alarm *a, sk_time due);
/* Does nothing if it is not set. */
SK_FUNC void sk_alarm_clear (Alarms *as, Alarm *a);
/* None is set any more. */
SK_FUNC void sk_alarm_fini (Alarms *as);

#endif
