/*
** slots.c - Which slot the next item goes to, or comes from. See slots.h.
*/
#include "slots.h"


static bool before (const Entry *a, const Entry *b) {
  if (a->priority != b->priority) return a->priority < b->priority;
  return a->seq < b->seq;
}


static void siftup (Entry *heap, int64_t i, Entry e) {
  for (; i > 0 && before(&e, &heap[(i - 1) / 2]); i = (i - 1) / 2)
    heap[i] = heap[(i - 1) / 2];
  heap[i] = e;
}


static void siftdown (Entry *heap, int64_t n, Entry e) {
  int64_t i = 0;
  for (int64_t c; (c = 2 * i + 1) < n; i = c) {
    if (c + 1 < n && before(&heap[c + 1], &heap[c])) c++;
    if (!before(&heap[c], &e)) break;
    heap[i] = heap[c];
  }
  heap[i] = e;
}


int64_t sk_slots_nth (const Slots *s, int64_t i) {
  if (s->order == SK_PRIORITY) return s->heap[i].slot;
  return s->order == SK_LIFO ? i : (s->oldest + i) & (s->size - 1);
}


void sk_slots_rehouse (Slots *s, Entry *heap, int64_t size) {
  if (s->order == SK_PRIORITY) {
    for (int64_t i = 0; i < size; i++) {
      heap[i] = i < s->count ? s->heap[i] : (Entry){0};
      heap[i].slot = i;
    }
    s->heap = heap;
  }
  s->oldest = 0;
  s->size = size;
}


int64_t sk_slots_fillother (Slots *s, double priority) {
  int64_t n = s->count++;
  if (s->order == SK_LIFO) return n;
  int64_t slot = s->heap[n].slot;
  siftup(s->heap, n, (Entry){priority, s->seq++, slot});
  return slot;
}


int64_t sk_slots_drainother (Slots *s) {
  int64_t n = --s->count;
  if (s->order == SK_LIFO) return n;
  int64_t slot = s->heap[0].slot;
  Entry last = s->heap[n];
  if (n > 0) siftdown(s->heap, n, last);
  s->heap[n] = (Entry){.slot = slot};
  return slot;
}
