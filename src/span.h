/*
** span.h - Pieces of the arena that small blocks of one class come from.
**
** One in which nothing is in use serves any class. What is known of spans is
** in a table, so that a free one needs no page. All under the arena's guard.
*/
#ifndef sk_span_h
#define sk_span_h

#include "layout.h"

#define SK_SPARES 256 /* spans with nothing in use may keep their pages */

/* Are there more of them? Anybody may ask. */
static inline bool sk_span_toomany (void) {
  return __atomic_load_n(&arena->spares, __ATOMIC_RELAXED) > SK_SPARES;
}

/* Is there room for a block of 'class'? Else 'add' a span: 0 or -ENOMEM. */
#define sk_span_hasroom(class) (arena->room[class] != 0)
SK_FUNC int sk_span_add(uint32_t class);
/* Take a block, for which there is room, into '*word'. */
SK_FUNC void sk_span_take (Off *word, uint32_t class);
/* Give back block 'b', which '*word' owns. */
SK_FUNC void sk_span_give (Off *word, Off b);
/* Under the shedguard besides: pick a span that is to lose its pages, 0 if there
   are not too many; the one that was picked has none any more. */
SK_FUNC Off sk_span_pick (void);
SK_FUNC void sk_span_picked (void);
/* Bytes of blocks in use. */
SK_FUNC uint64_t sk_span_used (void);

#endif
