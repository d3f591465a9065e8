/*
** buf.h - A string of bytes that grows.
**
** Zeroed memory is a valid empty buffer. A failed growth leaves the contents
** as they were and is remembered in 'failed', so that a writer may check once,
** at the end, instead of after each piece. Plain C.
*/
#ifndef sk_buf_h
#define sk_buf_h

#include "sk.h"

typedef struct Buf {
  char *data;
  size_t size, cap;
  bool failed; /* memory ended; what came after is missing */
} Buf;

/* Room for 'n' more bytes at the end; returns where, or NULL. */
SK_FUNC char *sk_buf_need (Buf *b, size_t n);
SK_FUNC void sk_buf_add (Buf *b, const void *bytes, size_t n);
SK_FUNC void sk_buf_fini (Buf *b);

#define SK_BUF_KEEP (1 << 20) /* a larger one is given back when cleared */


/* Empty it, and give back memory that was only needed for a large content. */
static inline void sk_buf_clear (Buf *b) {
  if (sk_unlikely(b->cap > SK_BUF_KEEP)) sk_buf_fini(b);
  b->size = 0;
  b->failed = false;
}


static inline void sk_buf_addchar (Buf *b, char c) {
  char *p = b->size < b->cap ? b->data + b->size : sk_buf_need(b, 1);
  if (sk_unlikely(p == NULL)) return;
  *p = c;
  b->size++;
}

#endif
