/*
** inbuf.c - Bytes that came in and were not asked for yet. See inbuf.h.
*/
#include <string.h>

#include "inbuf.h"

#define LEAST 4096 /* less room than this is not worth a system call */


static void swap (Inbuf *a, Inbuf *b) {
  Inbuf t = *a;
  *a = *b;
  *b = t;
}


static bool resize (Inbuf *b, size_t cap) {
  char *data = realloc(b->data, cap);
  if (data == NULL) return false;
  b->data = data;
  b->cap = cap;
  return true;
}


/* What is inside moves to the beginning of the memory. */
static void settle (Inbuf *b) {
  size_t size = sk_inbuf_size(b);
  if (b->from == 0) return;
  memmove(b->data, b->data + b->from, size);
  b->from = 0;
  b->end = size;
}


/* A small rest goes on in the spare memory. */
static bool move (Inbuf *b, Inbuf *spare) {
  size_t size = sk_inbuf_size(b);
  if (spare == NULL || spare->cap < size + LEAST) return false;
  if (size > 0) memcpy(spare->data, sk_inbuf_bytes(b), size);
  spare->from = 0;
  spare->end = size;
  swap(b, spare);
  sk_inbuf_fini(spare);
  return true;
}


static bool enlarge (Inbuf *b, Inbuf *spare) {
  size_t size = sk_inbuf_size(b);
  if (b->from >= b->cap / 2 && b->cap - size >= LEAST) {
    settle(b);
    return true;
  }
  if (move(b, spare)) return true;
  settle(b);
  if (size > SIZE_MAX / 4) return false;
  return resize(b, size * 2 < SK_INBUF ? SK_INBUF : size * 2);
}


char *sk_inbuf_room (Inbuf *b, Inbuf *spare, size_t *n) {
  if (b->cap - b->end < LEAST && !enlarge(b, spare) && b->cap == b->end)
    return NULL;
  *n = b->cap - b->end;
  return b->data + b->end;
}


void sk_inbuf_grow (Inbuf *b, size_t n) {
  sk_assert(n <= b->cap - b->end);
  b->end += n;
}


/* The memory of an empty buffer is kept for the next one. */
static void release (Inbuf *b, Inbuf *spare) {
  b->from = b->end = 0;
  if (spare != NULL && spare->data == NULL && b->cap == SK_INBUF)
    swap(b, spare);
  else
    sk_inbuf_fini(b);
}


void sk_inbuf_take (Inbuf *b, Inbuf *spare, size_t n) {
  sk_assert(n <= sk_inbuf_size(b));
  b->from += n;
  if (b->from == b->end && b->data != NULL) release(b, spare);
}


void sk_inbuf_rest (Inbuf *b, Inbuf *spare) {
  size_t size = sk_inbuf_size(b);
  if (b->data == NULL) return;
  if (size == 0) {
    release(b, spare);
    return;
  }
  if (size > b->cap / 4) return;
  Inbuf small = {.data = malloc(size), .end = size, .cap = size};
  if (small.data == NULL) return;
  memcpy(small.data, sk_inbuf_bytes(b), size);
  swap(b, &small);
  release(&small, spare);
}


void sk_inbuf_fini (Inbuf *b) {
  free(b->data);
  *b = (Inbuf){0};
}


size_t sk_inbuf_find (const Inbuf *b, const char *sep, size_t n, size_t *seen) {
  size_t size = sk_inbuf_size(b);
  if (size < n || size - n < *seen) return SIZE_MAX;
  const char *bytes = sk_inbuf_bytes(b), *from = bytes + *seen;
  const char *at = n == 1 ? memchr(from, *sep, size - *seen)
                          : memmem(from, size - *seen, sep, n);
  if (at != NULL) return (size_t)(at - bytes);
  *seen = size - n + 1;
  return SIZE_MAX;
}
