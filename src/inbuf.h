/*
** inbuf.h - Bytes that came in and were not asked for yet.
**
** They lie in one piece, so that a string is made of them by one copy. What is
** taken leaves from the front; the memory goes when the last byte has gone, to
** whoever keeps a spare, or back. Zeroed memory is a valid empty Inbuf.
*/
#ifndef sk_inbuf_h
#define sk_inbuf_h

#include "sk.h"

#define SK_INBUF 65536 /* bytes of a buffer that is filled from empty */

typedef struct Inbuf {
  char *data;
  size_t from, end; /* what is inside: data[from .. end - 1] */
  size_t cap;
} Inbuf;

#define sk_inbuf_size(b) ((b)->end - (b)->from)
#define sk_inbuf_bytes(b) ((b)->data + (b)->from)

/*
** Room behind what is inside; '*n' is how many bytes, at least 1. 'spare'
** (empty, or NULL) is used up before memory is allocated. NULL: no memory,
** and nothing has changed.
*/
SK_FUNC char *sk_inbuf_room (Inbuf *b, Inbuf *spare, size_t *n);
/* 'n' bytes were put into the room. */
SK_FUNC void sk_inbuf_grow (Inbuf *b, size_t n);
/* 'n' bytes leave from the front. */
SK_FUNC void sk_inbuf_take (Inbuf *b, Inbuf *spare, size_t n);
/* It will rest for a while: keep no more memory than what is inside needs. */
SK_FUNC void sk_inbuf_rest (Inbuf *b, Inbuf *spare);
SK_FUNC void sk_inbuf_fini (Inbuf *b);

/*
** Where 'sep' (of 'n' bytes, at least one) begins, counted from the front;
** SIZE_MAX: nowhere. '*seen' is how far it was looked for already, and is
** moved on.
*/
SK_FUNC size_t sk_inbuf_find (const Inbuf *b, const char *sep, size_t n,
                              size_t *seen);

#endif
