/*
** refs.h - The table of references of a slot: which objects its owner holds.
**
** It is in the arena, so that a sweep finds it, in stages, so that entries stay
** where they are. Which entries are free only the owner knows.
*/
#ifndef sk_refs_h
#define sk_refs_h

#include "slot.h"

struct Object;

typedef struct Ref { /* an entry */
  Off object;        /* 0: free */
  uint32_t flags, spare;
} Ref;

/* Entry 'n', which was taken. */
SK_FUNC Ref *sk_refs_at (const Slot *s, uint32_t n);
/* Call 'f' for each entry in use. */
SK_FUNC void sk_refs_each (const Slot *s,
                           void (*f)(void *arg, struct Object *o,
                                     uint32_t flags),
                           void *arg);

/* The number of a free entry, which is not free any more. 0 or -ENOMEM. */
SK_FUNC int sk_refs_take (Member *m, uint32_t *n);
/* It is free again. Failing that, it is merely never used again. */
SK_FUNC void sk_refs_give (Member *m, uint32_t n);
/* Put an empty table of this stage into '*word', of a slot. 0 or -ENOMEM. */
SK_FUNC int sk_refs_maketable (Member *m, Off *word, uint32_t stage);

#endif
