/*
** cell.h - One shared value.
**
** Its truth is one word, so each change is one store. A number that fits is in
** that word, and changes by one atomic instruction: nobody can die in the midst
** of that. Anything else (a message, a large integer, a float with all of its
** digits) is in one of two contents, and the word says in which; a change is
** written to the other one first.
**
** A cell begins with a lock. Who has it is alone with the cell: 'with' while it
** computes, and for a moment who makes a change that one instruction cannot.
** To that end it shuts a number that is in the word. Messages come and go
** under the guard besides, so that one who copies a message is inside of the
** guard; a number is read without.
**
** Invariants
**   - while somebody has the lock, from 'shut' on, the word is his to change;
**   - a word that was left shut is opened again by the next who has the lock;
**   - no two contents were ever published under the same number.
*/
#ifndef sk_cell_h
#define sk_cell_h

#include "item.h"
#include "lock.h"

enum { SK_CELL_INTEGER, SK_CELL_FLOAT, SK_CELL_ITEM };

typedef struct Content {
  uint32_t kind;
  union {
    int64_t i;
    double d;
  } u; /* of SK_CELL_ITEM, nothing: see 'sk_cell_item' */
} Content;

/* In the lowest bits of the word. Without one of the kinds, above them is the
   number of the content, whose lowest bit says which of the two it is. */
#define SK_CELL_SHUT UINT64_C(1)
#define SK_CELL_HASINT UINT64_C(2)
#define SK_CELL_HASFLOAT UINT64_C(4)
#define SK_CELL_HAS (SK_CELL_HASINT | SK_CELL_HASFLOAT)
#define SK_CELL_BITS 3

typedef struct Cell {
  Lock lock;
  uint64_t word;
  uint32_t type; /* what may be in it; for the Lua edge */
  uint16_t kind[2];
  int64_t bits[2]; /* of numbers */
  Off item[2];     /* words that own messages */
  uint64_t number; /* the last one that was given to a content */
} Cell;

SK_FUNC const Class sk_cell_class;

static inline uint64_t sk_cell_word (const Cell *c) {
  return __atomic_load_n(&c->word, __ATOMIC_ACQUIRE);
}

/* The number in a word; false: there is none. */
static inline bool sk_cell_parse (uint64_t word, Content *to) {
  if (word & SK_CELL_HASINT) {
    to->kind = SK_CELL_INTEGER;
    to->u.i = (int64_t)word >> SK_CELL_BITS;
  }
  else if (word & SK_CELL_HASFLOAT) {
    to->kind = SK_CELL_FLOAT;
    to->u.i = (int64_t)(word >> SK_CELL_BITS << SK_CELL_BITS);
  }
  else
    return false;
  return true;
}

/* The word for a content; 0: it does not fit. */
static inline uint64_t sk_cell_format (const Content *new) {
  uint64_t bits = (uint64_t) new->u.i;
  if (new->kind == SK_CELL_INTEGER) {
    uint64_t high = bits << SK_CELL_BITS;
    return (int64_t)high >> SK_CELL_BITS == new->u.i ? high | SK_CELL_HASINT
                                                     : 0;
  }
  if (new->kind != SK_CELL_FLOAT || bits &(SK_CELL_SHUT | SK_CELL_HAS))
    return 0;
  return bits | SK_CELL_HASFLOAT;
}

/* Change '*word', which is not shut, for that of a number. False: another one
   was faster, and '*word' is what that made of it. */
static inline bool sk_cell_change (Cell *c, uint64_t *word, uint64_t to) {
  sk_step();
  bool done = __atomic_compare_exchange_n(&c->word, word, to, false,
                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
  sk_step();
  return done;
}


/*
** Have 'c' on behalf of 'who' until 'leave'. 0; -EAGAIN: another one has it,
** and 'w', if any, waits in line. '*had': 'who' had it before, and keeps it.
*/
SK_FUNC int sk_cell_enter (Member *m, Cell *c, uint64_t who, Seat *w,
                           bool *had);
SK_FUNC void sk_cell_leave (Member *m, Cell *c, uint64_t who, bool had);
/* 'c' is ours since we waited in line: shut it, as 'enter' does. */
SK_FUNC void sk_cell_shut (Cell *c);
/* And open it, if it is: before its lock is released by 'who'. */
SK_FUNC void sk_cell_open (Cell *c, uint64_t who);

/* Who has it may look at its content, and change that. */
SK_FUNC Content sk_cell_content (const Cell *c);

/* A new content; of SK_CELL_ITEM, the message in 'm->slot->out'. */
SK_FUNC void sk_cell_set (Member *m, Cell *c, const Content *new);
/* Free the message that the last change left over. */
SK_FUNC void sk_cell_tidy (Member *m);

/* The message of its content. For who has the cell, or is inside its guard. */
static inline Off sk_cell_item (const Cell *c) {
  return c->item[sk_cell_word(c) >> SK_CELL_BITS & 1];
}

/* Anybody: the present content. True: it is a message, 'c' is inside of its
   guard, which is the caller's to leave. */
SK_FUNC bool sk_cell_read (Member *m, Cell *c, Content *now);

#endif
