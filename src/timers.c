/*
** timers.c - Pending deadlines, nearest first. See timers.h.
**
** The deadline is kept in the heap as well: the four children of a node share
** a cache line, and comparing them touches no owner.
*/
#include "timers.h"

#define FIRST 64

typedef struct TimerSlot {
  sk_time due;
  Timer *timer;
} TimerSlot;


static bool earlier (const TimerSlot *a, const TimerSlot *b) {
  if (a->due != b->due) return a->due < b->due;
  return (int32_t)(a->timer->seq - b->timer->seq) < 0;
}


static void place (Timers *ts, TimerSlot s, uint32_t i) {
  ts->heap[i] = s;
  s.timer->pos = i;
}


static uint32_t parent (uint32_t i) {
  return (i + 2) / 4;
}


/* Put 's' at 'i' or above, moving later parents down. */
static void siftup (Timers *ts, TimerSlot s, uint32_t i) {
  for (; i > 1 && earlier(&s, &ts->heap[parent(i)]); i = parent(i))
    place(ts, ts->heap[parent(i)], i);
  place(ts, s, i);
}


/* The earliest child of 'i', or 0 if it has none. */
static uint32_t firstchild (const Timers *ts, uint32_t i) {
  uint32_t c = 4 * i - 2;
  if (c > ts->count) return 0;
  uint32_t last = c + 3 < ts->count ? c + 3 : ts->count;
  uint32_t best = c;
  while (++c <= last)
    if (earlier(&ts->heap[c], &ts->heap[best])) best = c;
  return best;
}


/* Put 's' at 'i' or below, moving earlier children up. */
static void siftdown (Timers *ts, TimerSlot s, uint32_t i) {
  for (uint32_t c; (c = firstchild(ts, i)) != 0; i = c) {
    if (!earlier(&ts->heap[c], &s)) break;
    place(ts, ts->heap[c], i);
  }
  place(ts, s, i);
}


static bool grow (Timers *ts) {
  if (ts->cap > UINT32_MAX / 8) return false; /* keeps 4 * i in range */
  uint32_t cap = ts->cap > 0 ? ts->cap * 2 : FIRST;
  TimerSlot *heap = realloc(ts->heap, cap * sizeof *heap);
  if (heap == NULL) return false;
  ts->heap = heap;
  ts->cap = cap;
  return true;
}


int sk_timers_add (Timers *ts, Timer *t, sk_time due) {
  sk_assert(t->pos == 0);
  if (ts->count + 1 >= ts->cap && !grow(ts)) return -ENOMEM;
  t->due = due;
  t->seq = ts->seq++;
  siftup(ts, (TimerSlot){due, t}, ++ts->count);
  return 0;
}


SK_BIRTH void sk_timers_remove (Timers *ts, Timer *t) {
  uint32_t hole = t->pos;
  if (hole == 0) return;
  t->pos = 0;
  TimerSlot last = ts->heap[ts->count--];
  if (last.timer == t) return; /* no hole to fill */
  if (hole > 1 && earlier(&last, &ts->heap[parent(hole)]))
    siftup(ts, last, hole);
  else
    siftdown(ts, last, hole);
}


sk_time sk_timers_next (const Timers *ts) {
  return ts->count > 0 ? ts->heap[1].due : SK_FOREVER;
}


Timer *sk_timers_pop (Timers *ts, sk_time now) {
  if (sk_timers_next(ts) > now || ts->count == 0) return NULL;
  Timer *t = ts->heap[1].timer;
  sk_timers_remove(ts, t);
  return t;
}


void sk_timers_shift (Timers *ts, sk_time by) {
  for (uint32_t i = 1; i <= ts->count; i++) {
    TimerSlot *s = &ts->heap[i];
    if (s->due >= SK_FOREVER - 1) continue;
    s->due = s->timer->due = s->due - by;
  }
}


SK_BIRTH void sk_timers_fini (Timers *ts) {
  if (ts->heap == NULL) return;
  for (uint32_t i = 1; i <= ts->count; i++) ts->heap[i].timer->pos = 0;
  free(ts->heap);
  *ts = (Timers){0};
}
