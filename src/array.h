/*
** array.h - Numbers of one type in shared memory.
**
** They are read and written in place, each by one atomic operation and without
** the guard. An array begins with a lock, for those who change several as one.
*/
#ifndef sk_array_h
#define sk_array_h

#include "lock.h"

typedef struct Array {
  Lock lock;
  uint32_t type; /* of the items; for the Lua edge */
  uint32_t size; /* bytes of an item: 1, 2, 4 or 8 */
  uint64_t length;
  Off items; /* a word that owns them; 0: there are none */
} Array;

SK_FUNC const Class sk_array_class;

/* Give a new array its items, all zero. 0 or -ENOMEM. */
SK_FUNC int sk_array_make (Array *a, uint32_t type, uint32_t size,
                           uint64_t length);

/* The bits of item 'i', from 0 on, in the low bytes of a word. */
SK_FUNC uint64_t sk_array_load (const Array *a, uint64_t i);
SK_FUNC void sk_array_store (Array *a, uint64_t i, uint64_t bits);
/* Store 'bits' if item 'i' is '*old'; false: '*old' is what it is instead. */
SK_FUNC bool sk_array_swap (Array *a, uint64_t i, uint64_t *old, uint64_t bits);

#endif
