/*
** cell.h - One shared value.
**
** Two contents, of which the lowest bit of 'changes' names the valid one: a
** change is written to the other one and becomes visible by one store.
**
** A cell begins with a lock, and who changes it has that lock: 'with' while it
** computes, one change for a moment, without the guard. Messages come and go
** under the guard besides, so that one who copies a message is inside of the
** guard; a number is read without.
*/
#ifndef sk_cell_h
#define sk_cell_h

#include "item.h"
#include "lock.h"

enum { SK_CELL_INTEGER, SK_CELL_FLOAT, SK_CELL_ITEM };

typedef struct Content {
  uint32_t kind;
  uint32_t spare;
  union {
    int64_t i;
    double d;
  } u;
  Off item; /* a word that owns the message, for SK_CELL_ITEM */
} Content;

typedef struct Cell {
  Lock lock;
  uint64_t changes; /* so far */
  Content content[2];
  uint32_t type; /* what may be in it; for the Lua edge */
} Cell;

SK_FUNC const Class sk_cell_class;


/*
** Have 'c' on behalf of 'who' until 'leave'. 0; -EAGAIN: another one has it,
** and 'w', if any, waits in line. '*had': 'who' had it before, and keeps it.
*/
SK_FUNC int sk_cell_enter (Member *m, Cell *c, uint64_t who, Seat *w,
                           bool *had);
SK_FUNC void sk_cell_leave (Member *m, Cell *c, uint64_t who, bool had);

/* Who has it may look at its content, and change that. */
static inline const Content *sk_cell_content (const Cell *c) {
  return &c->content[c->changes & 1];
}

/* A new content; of SK_CELL_ITEM, the message in 'm->slot->out'. */
SK_FUNC void sk_cell_set (Member *m, Cell *c, const Content *new);
/* Free what the last change left over. */
SK_FUNC void sk_cell_tidy (Member *m);

/* Anybody: the present content. True: it is a message, 'c' is inside of its
   guard, which is the caller's to leave. */
SK_FUNC bool sk_cell_read (Member *m, Cell *c, Content *now);

#endif
