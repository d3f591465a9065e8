/*
** heap.h - Memory of a Lua state that lies together.
**
** To make and to close a Lua state with its libraries takes some 600 blocks, and
** malloc, which is for all threads and all sizes, 40 % of the time. So small ones
** are cut from one large block, and when they are freed kept by their size, which
** Lua always knows. In a forked child this is not only faster: what it takes from
** malloc is all over the memory that it shares with its parent, and each page of
** that is a fault. What does not fit goes to the allocator that the state had
** before, as what came from it does. No lock: a heap is for one thread at a time.
** Plain C.
*/
#ifndef sk_heap_h
#define sk_heap_h

#include "sk.h"

typedef struct Heap Heap;

typedef void *(*Alloc)(void *data, void *p, size_t old, size_t new);

/* In front of 'f'. NULL: there is no memory for one. */
SK_FUNC Heap *sk_heap_new (Alloc f, void *data);
/* All that was taken from it has been given back. */
SK_FUNC void sk_heap_free (Heap *h);

/* A lua_Alloc. */
SK_FUNC void *sk_heap_alloc (void *heap, void *p, size_t old, size_t new);

#endif
