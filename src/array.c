/*
** array.c - Numbers of one type in shared memory. See array.h.
*/
#include "array.h"

#define ORDER __ATOMIC_SEQ_CST /* what was written before is seen with it */

#define item(type, a, i) (sk_at(type, (a)->items) + (i))


int sk_array_make (Array *a, uint32_t type, uint32_t size, uint64_t length) {
  if (length > SIZE_MAX / 2 / size) return -ENOMEM;
  int err = length > 0 ? sk_arena_take(&a->items, size * length) : 0;
  if (err != 0) return err;
  if (length > 0) sk_arena_clear(a->items, size * length);
  a->type = type;
  a->size = size;
  a->length = length;
  return 0;
}


uint64_t sk_array_load (const Array *a, uint64_t i) {
  switch (a->size) {
  case 1: return __atomic_load_n(item(uint8_t, a, i), ORDER);
  case 2: return __atomic_load_n(item(uint16_t, a, i), ORDER);
  case 4: return __atomic_load_n(item(uint32_t, a, i), ORDER);
  default: return __atomic_load_n(item(uint64_t, a, i), ORDER);
  }
}


void sk_array_store (Array *a, uint64_t i, uint64_t bits) {
  switch (a->size) {
  case 1: __atomic_store_n(item(uint8_t, a, i), (uint8_t)bits, ORDER); break;
  case 2: __atomic_store_n(item(uint16_t, a, i), (uint16_t)bits, ORDER); break;
  case 4: __atomic_store_n(item(uint32_t, a, i), (uint32_t)bits, ORDER); break;
  default: __atomic_store_n(item(uint64_t, a, i), bits, ORDER);
  }
}


#define SWAP(type)                                                             \
  do {                                                                         \
    type was = (type)*old;                                                     \
    bool done = __atomic_compare_exchange_n(item(type, a, i), &was,            \
                                            (type)bits, false, ORDER, ORDER);  \
    *old = was;                                                                \
    return done;                                                               \
  } while (0)


bool sk_array_swap (Array *a, uint64_t i, uint64_t *old, uint64_t bits) {
  switch (a->size) {
  case 1: SWAP(uint8_t);
  case 2: SWAP(uint16_t);
  case 4: SWAP(uint32_t);
  default: SWAP(uint64_t);
  }
}


static void fini (Member *m, Object *o) {
  (void)m;
  sk_arena_give(&((Array *)o)->items);
}


const Class sk_array_class = {
    .name = "array",
    .size = sizeof(Array),
    .repair = sk_lock_repair,
    .giveback = sk_lock_giveback,
    .depart = sk_lock_depart,
    .abandon = sk_lock_abandon,
    .fini = fini,
};
