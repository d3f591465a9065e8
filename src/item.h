/*
** item.h - Messages in the arena: a block, its bytes, what it refers to.
**
** A message is made in the word 'out' of the maker's slot and moves from word
** to word until it is freed, see arena.h.
**
** A job is a message with a home: who takes it keeps it in the word 'job' of
** its slot until it is done. Should it die before, the sweep sends the message
** home, and that is how its owner learns of it.
**
** A message that others may look at, in a dict or a value, never changes. A
** small one is copied under the guard of the object that has it. A large one is
** borrowed there, and copied after: a loan is a word that holds the message but
** does not own it. Who frees a message that was lent makes one who reads it its
** owner instead, and who returns a loan that owns the message frees it.
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
  Off home;         /* the queue it goes to if who works on it dies; or 0 */
  int32_t holder;   /* the process that works, or worked, on it */
  uint32_t step;    /* how far that came */
  char bytes[];
} Item;

/*
** Make room for a message of 'size' bytes in 'm->slot->out'; the caller fills
** in the bytes. 'refs' count from now. 0 or -ENOMEM.
*/
SK_FUNC int sk_item_new (Member *m, size_t size, const Off *refs, size_t nrefs);
/* Free the message in '*word', if that owns one. */
SK_FUNC void sk_item_free (Member *m, Off *word);
/* The same for one that 'm' made and that nobody took. */
SK_FUNC void sk_item_unsent (Member *m, Off *word);

/*
** What is decoded may call Lua, which takes and decodes other messages: so
** the message in 'm->slot->in' is put aside meanwhile, on top of those that
** are being decoded already. 'frame' is where on the C stack that happens: an
** entry that is no deeper in the stack was left by a raise, and is freed.
*/
SK_FUNC Item *sk_item_open (Member *m, const void *frame);
/* Free the message on top. */
SK_FUNC void sk_item_close (Member *m);
/* Free the message in '*word', if that owns one, and those below it. */
SK_FUNC void sk_item_freeall (Member *m, Off *word);

#define SK_ITEM_LARGE 4096 /* bytes: it is borrowed rather than copied */

/* Borrow 'item' in '*loan', which is empty: the slot's own word for it, or one
   of its 'loans'. Under the guard of the object that has it. */
SK_FUNC void sk_item_borrow (Off *loan, Off item);
/* Return what slot 's', of 'm' or of a dead member, has borrowed. */
SK_FUNC void sk_item_returnall (Member *m, Slot *s);
static inline void sk_item_return (Member *m, Slot *s) {
  if (sk_unlikely((s->loan | s->loans) != 0)) sk_item_returnall(m, s);
}
/* Have room for 'n' loans, NULL without memory; until 'return'. */
SK_FUNC Off *sk_item_loans (Member *m, size_t n);

#endif
