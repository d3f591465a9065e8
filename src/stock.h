/*
** stock.h - Small blocks that a member keeps at hand for its messages.
**
** What a member frees it uses again, and only now and then a batch goes to the
** arena or comes from there: so a message costs its sender and its receiver
** no guard that the whole family shares.
**
** Each class of sizes has a chain, from a word of the slot on, which only the
** owner of the slot changes. The blocks in it belong to nobody; but for the
** first, which still belongs, or belongs already, to the word that it comes
** from or goes to, if the owner died in between.
*/
#ifndef sk_stock_h
#define sk_stock_h

#include "slot.h"

/* As sk_arena_take and sk_arena_give. */
SK_FUNC int sk_stock_take (Member *m, Off *word, size_t size);
SK_FUNC void sk_stock_give (Member *m, Off *word);
/* Give all that 's', of 'm' or of a dead member, has back to the arena; to be
   done before its other words are looked at. */
SK_FUNC void sk_stock_clear (Slot *s);
/* The same for the living. */
SK_FUNC void sk_stock_flush (Member *m);

#endif
