/*
** queue.h - Messages from many producers to many consumers.
**
** Items are blocks in one linked list, so that putting and getting move no
** bytes under the guard. A put hands its item to the getter who waits
** longest; a get makes room for the putter who waits longest.
**
** Invariants, under the guard
**   - items and getters are never both there;
**   - a putter waits only while its item does not fit or others wait before;
**   - 'items' owns what can be reached from it. A block is given its new
**     owner before it leaves the list, and after it has entered it: so the
**     list is the truth, and 'repair' makes the rest follow.
*/
#ifndef sk_queue_h
#define sk_queue_h

#include "item.h"
#include "ledger.h"
#include "seat.h"

typedef struct Queue {
  Object o;
  uint64_t capacity; /* items; 0: put and get meet */
  uint64_t most;     /* bytes that are held before a put waits */
  uint64_t count, bytes;
  Off items, last;
  Ledger ledger;
  Line getters, putters, joiners;
  Line watchers; /* they want to know when a get need not wait */
  Line lookouts; /* ... and they, when a put need not */
  Off ears;      /* rung then; SK_EARS of them, or 0 */
  uint32_t closed;
  uint32_t ordered; /* by priority */
  uint32_t strict;  /* a larger item than 'most' waits for its getter */
  uint32_t recent;  /* serve the getter who came last: its memory is warm */
} Queue;

SK_FUNC const Class sk_queue_class;

/*
** Put the item in 'm->slot->out'. 0; -EPIPE: closed; -EAGAIN: full, and if
** there is a 'w', it waits in line with the item. Otherwise the item stays.
*/
SK_FUNC int sk_queue_put (Member *m, Queue *q, Seat *w);
/* Get an item into 'm->slot->in'. 0, -EPIPE; -EAGAIN: 'w' waits in line. */
SK_FUNC int sk_queue_get (Member *m, Queue *q, Seat *w);
/* Put what is in '*word' back to the front: it was never got. */
SK_FUNC void sk_queue_return (Member *m, Queue *q, Off *word);
/* Take the item with this tag into 'm->slot->in'. 0; -ENOENT: there is none. */
SK_FUNC int sk_queue_remove (Member *m, Queue *q, uint64_t tag);
/* Need a get not wait? 0; -EAGAIN: it would, 'w' waits in line. */
SK_FUNC int sk_queue_poll (Member *m, Queue *q, Seat *w);
/* The same for one who will get: at a queue without room 'w' may be given an
   item in its line, in 'w->block'. */
SK_FUNC int sk_queue_pollget (Member *m, Queue *q, Seat *w);
/* 'w' was given an item there that it does not want: it was never got. */
SK_FUNC void sk_queue_decline (Member *m, Queue *q, Seat *w);
/* Need a put of 'size' bytes not wait? 0; -EAGAIN: it would, 'w' waits. */
SK_FUNC int sk_queue_pollput (Member *m, Queue *q, uint64_t size, Seat *w);
/* The message in '*word' goes home, if it has one; see item.h. */
SK_FUNC void sk_queue_gohome (Member *m, Off *word);
SK_FUNC void sk_queue_close (Member *m, Queue *q);
SK_FUNC void sk_queue_reopen (Member *m, Queue *q);
/* Nobody of 'm' waits in this line of 'q' any more: -EPIPE. */
SK_FUNC void sk_queue_expel (Member *m, Queue *q, Line *line);
/* One item is dealt with; -EINVAL: there is none. */
SK_FUNC int sk_queue_done (Member *m, Queue *q);
/* Are all items dealt with? 0; -EAGAIN: no, 'w' waits in line. */
SK_FUNC int sk_queue_join (Member *m, Queue *q, Seat *w);

/* ---- between the files of this noun ---- */

enum { SK_GET, SK_PUT, SK_JOIN, SK_WATCH }; /* wishes */

static inline bool sk_queue_fits (const Queue *q, uint64_t size) {
  return q->count < q->capacity &&
         (q->bytes + size <= q->most || (q->count == 0 && !q->strict));
}

#endif
