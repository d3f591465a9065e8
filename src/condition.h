/*
** condition.h - A room of a lock, as an object of its own; see lock.h.
**
** It keeps its lock alive by a message that refers to it and is never sent.
*/
#ifndef sk_condition_h
#define sk_condition_h

#include "item.h"
#include "lock.h"

typedef struct Condition {
  Object o;
  Room room;
  Off lock;
  Off bond; /* the message */
} Condition;

SK_FUNC const Class sk_condition_class;

/* 0 or -ENOMEM. */
SK_FUNC int sk_condition_init (Member *m, Condition *c, Lock *l);

static inline Lock *sk_condition_lock (const Condition *c) {
  return sk_at(Lock, c->lock);
}

#endif
