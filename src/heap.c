/*
** heap.c - Memory of a Lua state that lies together. See heap.h.
*/
#include <string.h>

#include "heap.h"

/* With its libraries, a function and its results a state takes about 40 KiB. */
#ifndef SK_HEAP
#define SK_HEAP (64 << 10)
#endif

#define UNIT 16 /* sizes are multiples of it */
#define CLASSES 128

typedef struct Gap { /* a block that was given back */
  struct Gap *next;
} Gap;

struct Heap {
  Alloc other; /* where all else comes from */
  void *data;
  char *fresh;        /* from here on nothing was ever taken */
  Gap *free[CLASSES]; /* by size, the last one first */
  _Alignas(UNIT) char blocks[];
};


Heap *sk_heap_new (Alloc f, void *data) {
  if (SK_HEAP < sizeof(Heap)) return NULL;
  Heap *h = malloc(SK_HEAP);
  if (h == NULL) return NULL;
  memset(h->free, 0, sizeof h->free);
  h->fresh = h->blocks;
  h->other = f;
  h->data = data;
  return h;
}


void sk_heap_free (Heap *h) {
  free(h);
}


static bool has (const Heap *h, const void *p) {
  return (uintptr_t)p - (uintptr_t)h < SK_HEAP;
}


static size_t classof (size_t size) {
  return (size - 1) / UNIT;
}


/* NULL: it does not fit. */
static void *take (Heap *h, size_t size) {
  size_t class = classof(size), need = (class + 1) * UNIT;
  if (sk_unlikely(class >= CLASSES)) return NULL;
  Gap *gap = h->free[class];
  if (gap != NULL) {
    h->free[class] = gap->next;
    return gap;
  }
  if (sk_unlikely((size_t)((char *)h + SK_HEAP - h->fresh) < need)) return NULL;
  void *p = h->fresh;
  h->fresh += need;
  return p;
}


static void give (Heap *h, void *p, size_t size) {
  Gap *gap = p;
  gap->next = h->free[classof(size)];
  h->free[classof(size)] = gap;
}


/* What it has at 'p' becomes larger or smaller. */
static void *resize (Heap *h, void *p, size_t old, size_t new) {
  if (classof(old) == classof(new)) return p;
  void *to = take(h, new);
  if (to == NULL) to = h->other(h->data, NULL, 0, new);
  if (to == NULL) return new < old ? p : NULL; /* to shrink never fails */
  memcpy(to, p, old < new ? old : new);
  give(h, p, old);
  return to;
}


/* 'old' says what it is for, if there is nothing at 'p' yet. */
void *sk_heap_alloc (void *heap, void *p, size_t old, size_t new) {
  Heap *h = heap;
  if (p == NULL) {
    void *to = new > 0 ? take(h, new) : NULL;
    return to != NULL ? to : h->other(h->data, NULL, old, new);
  }
  if (!has(h, p)) return h->other(h->data, p, old, new);
  if (new > 0) return resize(h, p, old, new);
  give(h, p, old);
  return NULL;
}
