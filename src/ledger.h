/*
** ledger.h - Which items of a queue are not dealt with, and who has them.
**
** An item is unfinished from the time it is put until somebody says that it is
** done. Who got one owes that; each member has an account here. When a member
** ends, what it still owes counts as dealt with: nobody waits for the dead.
**
** All under the guard of the queue. An item that comes or goes is noted before,
** and accounted for after; whoever repairs looks where it is now, and does the
** same. Changes of two numbers at once are noted likewise.
*/
#ifndef sk_ledger_h
#define sk_ledger_h

#include "slot.h"

#define SK_ACCOUNTS 9 /* tables of accounts, in stages */

typedef struct Ledger {
  uint64_t unfinished;
  uint64_t forgiven; /* owed by members that ended */
  Off coming;        /* the item that is being put; 0 = none */
  Off going;         /* the item that is being got; 0 = none */
  uint64_t was;      /* 'unfinished', before an item came */
  uint64_t debt;     /* of 'debtor', once it has the item */
  uint32_t debtor;   /* the slot that is given the item; 0 = none */
  uint32_t keeps;    /* accounts are kept */
  uint32_t ready;    /* bits: which tables of them are there */
  uint32_t spare;
  struct { /* while 'on': two numbers are changing */
    uint32_t on, slot;
    uint64_t owes, unfinished, forgiven; /* afterwards */
  } log;
  Off table[SK_ACCOUNTS];
} Ledger;

/* Item 'b' is about to be put, into the hands of 'slot' or, 0, of nobody. */
SK_FUNC void sk_ledger_come (Ledger *l, Off b, uint32_t slot);
/* It has been put, and nobody else can have it yet. */
SK_FUNC void sk_ledger_came (Ledger *l);
/* Item 'b' is about to be got by 'slot'. */
SK_FUNC void sk_ledger_go (Ledger *l, Off b, uint32_t slot);
SK_FUNC void sk_ledger_gone (Ledger *l);

/* 'slot' says that an item is dealt with: one that it got, or that another one
   did. 0, or -EINVAL: there is none. */
SK_FUNC int sk_ledger_done (Ledger *l, uint32_t slot);
/* 'slot' has ended, or cannot say any more that anything is done. */
SK_FUNC void sk_ledger_forgive (Ledger *l, uint32_t slot);

/* Finish what a dead one was changing; an item that has come or gone by now
   was seen to before. 'listed': is 'going' still in the queue? */
SK_FUNC void sk_ledger_repair (Ledger *l, bool listed);
SK_FUNC void sk_ledger_fini (Ledger *l);

#endif
