/*
** buf.c - A string of bytes that grows. See buf.h.
*/
#include <string.h>

#include "buf.h"

#define FIRST 256


char *sk_buf_need (Buf *b, size_t n) {
  if (b->cap - b->size >= n) return b->data + b->size;
  size_t cap = b->cap < FIRST ? FIRST : b->cap;
  while (cap - b->size < n) {
    if (cap > SIZE_MAX / 2) {
      b->failed = true;
      return NULL;
    }
    cap *= 2;
  }
  char *data = realloc(b->data, cap);
  if (data == NULL) {
    b->failed = true;
    return NULL;
  }
  b->data = data;
  b->cap = cap;
  return data + b->size;
}


void sk_buf_add (Buf *b, const void *bytes, size_t n) {
  char *p = sk_buf_need(b, n);
  if (p == NULL || n == 0) return;
  memcpy(p, bytes, n);
  b->size += n;
}


void sk_buf_fini (Buf *b) {
  free(b->data);
  *b = (Buf){0};
}
