/*
** arena.h - The memory that all processes of a family share.
**
** One mapping (mapping.h), made by the root process on first need, inherited by
** forked children and handed by descriptor to fresh ones.
**
** Memory comes in blocks. Invariants
**   - a block belongs to the one word whose offset its header names; a word
**     that holds a block's offset but is not named there holds nothing;
**   - taking and giving back a block changes word and free lists as one: if
**     who does it dies, either nothing was changed, or the next to enter
**     changes the rest.
** Hence whoever sweeps the words of a dead process frees what it owned,
** exactly once. What is free does not keep its pages, but for a little. Plain
** C; the mapping is process-wide.
*/
#ifndef sk_arena_h
#define sk_arena_h

#include "guard.h"
#include "mapping.h"

/* Make the family's arena, unless this process has it. 0 or -errno. */
SK_FUNC int sk_arena_open (void);
/* The word that leads to the root structure; 0 in a new arena. */
SK_FUNC Off *sk_arena_root (void);

/* The class of sizes of what has room for 'size' bytes, and of block 'b'. */
SK_FUNC uint32_t sk_arena_class (size_t size);
SK_FUNC uint32_t sk_arena_classof (Off b);

/*
** Chains of blocks that belong to nobody, each from a word '*head' on, which
** one member changes: push what '*word' owns, pop into '*word'. 'stock' puts up
** to 'n' blocks of class 'c' there by way of word 'via', and returns how many;
** 'unstock' gives up to 'n' back. When the member is dead: 'mendchain' first.
*/
SK_FUNC void sk_arena_push (Off *head, Off *word);
SK_FUNC void sk_arena_pop (Off *word, Off *head);
SK_FUNC uint32_t sk_arena_stock (Off *head, Off *via, uint32_t c, uint32_t n);
SK_FUNC void sk_arena_unstock (Off *head, Off *via, uint32_t n);
SK_FUNC void sk_arena_mendchain (Off *head);

/* Put a block for 'size' bytes, not zeroed, into '*word'. 0 or -ENOMEM. */
SK_FUNC int sk_arena_take (Off *word, size_t size);
/* Free the block in '*word', if the word owns one. Leaves 0 there. */
SK_FUNC void sk_arena_give (Off *word);
/* Zero the first 'size' bytes of block 'b'; a large one stays sparse. */
SK_FUNC void sk_arena_clear (Off b, size_t size);
/* How many bytes the block at 'b' has room for. */
SK_FUNC size_t sk_arena_room (Off b);
/* Finish what a dead process was taking or giving: to be done before anybody
   looks at words that were its to change. */
SK_FUNC void sk_arena_mend (void);
SK_FUNC bool sk_arena_owns (const Off *word);
/* Make 'word' the owner of block 'b', which it may not hold yet. */
SK_FUNC void sk_arena_own (Off b, const Off *word);
/* The offset of the word that owns block 'b'. */
SK_FUNC Off sk_arena_owner (Off b);
/* Move the block in '*from' to '*to'; 'to' holds nothing. */
SK_FUNC void sk_arena_move (Off *to, Off *from);

/* Bytes in blocks that somebody owns. */
SK_FUNC uint64_t sk_arena_used (void);

#endif
