/*
** layout.h - What stands in the arena, and how it changes. For arena.c and
** span.c; see arena.h.
**
** From the bottom up, large blocks: a free one waits in a list of its class.
** From the top down, spans (span.h), each with small blocks of one class. The
** first bytes are a span that blocks of all classes share, for a small family
** shall touch few pages; that one stays.
**
** Changes. What is done under the guard is written down first: which words
** change, and what to. From the store on that says how many those are it is
** certain: whoever enters next does what its author, if that died, did not do
** any more, and may die as well.
*/
#ifndef sk_layout_h
#define sk_layout_h

#include "guard.h"
#include "mapping.h"

#define SK_CLASSES 160
#define SK_SMALLS 39 /* of them below 32 KiB */
#define SK_SPAN (UINT64_C(64) << 10)

typedef struct Block { /* what stands in front of each block */
  Off owner;           /* the word that owns it; 0 = free */
  uint32_t class, spare;
  Off next[]; /* of a free block; of a large one, SK_KEPT may be added */
} Block;

enum { SK_KEPT = 1 }; /* it still has its pages */

typedef uint64_t Carving; /* see span.c */

typedef struct Span { /* entry of the table, behind the first span */
  Carving carving;
  Off next, prev; /* in the list of its class; of the spare or hollow ones */
} Span;

typedef struct Change {
  Off at;
  uint64_t to;
} Change;

typedef struct Arena {
  Mapping mapping;
  Guard guard;
  Guard shedguard; /* who has it makes spans lose their pages */
  Off root;
  Off near;             /* in the first span: where no block is yet */
  Off top;              /* behind it: the same, for large ones */
  Off bottom;           /* where spans begin */
  Off free[SK_CLASSES]; /* free blocks: large ones, those of the first span */
  Off room[SK_SMALLS];  /* spans with room */
  Off spare, hollow;    /* spans with nothing in use; these have no pages */
  Off shed;             /* one that is losing its pages, or 0 */
  uint64_t spares;      /* how many there are in that list */
  uint64_t used;        /* bytes in blocks in use that are in no span */
  uint64_t kept;        /* bytes of large free blocks with pages */
  uint64_t changing;    /* changes that are certain, and not all made */
  Change change[16];
} Arena;

#define arena ((Arena *)(void *)sk_mapping_base)
#define block(off) (sk_at(Block, (off)) - 1)


/*
** Sizes: multiples of 16 up to 128, then four to each doubling. Both of
** these speak of whole blocks, header included.
*/
static inline size_t classsize (uint32_t c) {
  if (c < 8) return 16 * ((size_t)c + 1);
  return (size_t)(5 + (c & 3)) << (5 + (c - 8) / 4);
}


static inline uint32_t classof (size_t size) {
  if (size <= 128) return (uint32_t)((size + 15) / 16 - 1);
  unsigned log2 = 63u - (unsigned)__builtin_clzll((uint64_t)size - 1);
  uint64_t quarter = (uint64_t)(size - 1) >> (log2 - 2); /* 4 .. 7 */
  return 8 + (log2 - 7) * 4 + (uint32_t)(quarter - 4);
}


/* Note that '*word' will be 'to'; until 'commit' all is as it was. */
static inline Change *note (Change *c, const void *word, uint64_t to) {
  c->at = sk_off(word);
  c->to = to;
  return c + 1;
}


/* Make the changes up to 'end', which are certain. Any may have been made. */
static inline void finish (const Change *end) {
  char *base = sk_mapping_base;
  for (const Change *c = arena->change; c < end; c++) {
    uint64_t *word = (uint64_t *)(void *)(base + c->at);
    __atomic_store_n(word, c->to, __ATOMIC_RELEASE);
    sk_step();
  }
  __atomic_store_n(&arena->changing, 0, __ATOMIC_RELEASE);
}


/* Make all changes up to 'end'. */
static inline void commit (const Change *end) {
  uint64_t n = (uint64_t)(end - arena->change);
  sk_step();
  __atomic_store_n(&arena->changing, n, __ATOMIC_RELEASE);
  sk_step();
  finish(end);
}


/* Block 'b' is to belong to '*word'. */
static inline Change *gain (Change *c, Off *word, Off b) {
  c = note(c, &block(b)->owner, sk_off(word));
  return note(c, word, b);
}


/* Block 'b' of '*word' is to be free, and the one before 'next'. */
static inline Change *lose (Change *c, Off *word, Off b, Off next) {
  c = note(c, &block(b)->owner, 0);
  c = note(c, block(b)->next, next);
  return note(c, word, 0);
}

#endif
