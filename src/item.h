/*
** item.h - Messages in the arena: a block, its bytes, what it refers to.
**
** A message is made in the word 'out' of the maker's slot and moves from word
** to word until it is freed, see arena.h.
*/
#ifndef sk_item_h
#define sk_item_h

#include "object.h"

typedef struct Item {
  Cargo cargo;      /* references to shared objects, behind the bytes */
  Off next;         /* in a queue */
  uint64_t size;    /* bytes */
  int64_t priority; /* smallest first */
  uint64_t tag;     /* for the one who put it */
  char bytes[];
} Item;

/* Make a message in 'm->slot->out'. 0 or -ENOMEM. */
SK_FUNC int sk_item_new (Member *m, const char *bytes, size_t size,
                         const Off *refs, uint32_t nrefs);
/* Free the message in '*word', if that owns one. */
SK_FUNC void sk_item_free (Member *m, Off *word);

#endif
