/*
** slots.h - Which slot of a table the next item goes to, or comes from.
**
** The items themselves are somewhere else (in Lua): these are numbers from 0
** to size - 1, a power of two. By order: a ring (fifo), a stack (lifo) or a
** heap (by priority, smallest first, fifo among equals). For the heap, its
** owner provides 'size' entries; those beyond 'count' name the free slots.
** Plain C.
*/
#ifndef sk_slots_h
#define sk_slots_h

#include "sk.h"

typedef enum Order { SK_FIFO, SK_LIFO, SK_PRIORITY } Order;

typedef struct Entry {
  double priority;
  uint64_t seq;
  int64_t slot;
} Entry;

typedef struct Slots {
  int64_t count;  /* in use */
  int64_t size;   /* all */
  int64_t oldest; /* fifo: of the oldest item */
  Entry *heap;    /* by priority: memory of the owner */
  uint64_t seq;
  Order order;
} Slots;

/* The slot of the i-th item of the old layout, when all are laid out anew: the
** items move, in this order, to slots 0, 1, 2 ... */
SK_FUNC int64_t sk_slots_nth (const Slots *s, int64_t i);

/* The items were laid out anew, among 'size' slots; 'heap' (if by priority)
** is the new memory of the entries. */
SK_FUNC void sk_slots_rehouse (Slots *s, Entry *heap, int64_t size);

SK_FUNC int64_t sk_slots_fillother (Slots *s, double priority);
SK_FUNC int64_t sk_slots_drainother (Slots *s);


/* The slot for one item more; there must be one free. */
static inline int64_t sk_slots_fill (Slots *s, double priority) {
  if (s->order == SK_FIFO) return (s->oldest + s->count++) & (s->size - 1);
  return sk_slots_fillother(s, priority);
}


/* The slot of the next item, which goes; there must be one. */
static inline int64_t sk_slots_drain (Slots *s) {
  if (s->order != SK_FIFO) return sk_slots_drainother(s);
  int64_t slot = s->oldest;
  s->oldest = (slot + 1) & (s->size - 1);
  s->count--;
  return slot;
}

#endif
