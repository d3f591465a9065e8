/*
** cell.h - One shared value.
**
** Two copies, of which 'which' names the valid one: a change is written to
** the other and then becomes visible by one store. A cell begins with a lock,
** which 'with' holds while it computes; changes by others wait for it.
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
  uint32_t type; /* what may be in it; for the Lua edge */
  uint32_t which;
  Content content[2];
} Cell;

SK_FUNC const Class sk_cell_class;


static inline const Content *sk_cell_content (const Cell *c) {
  return &c->content[c->which];
}

/* Inside: a new content; of SK_CELL_ITEM, the message in 'm->slot->out'. */
SK_FUNC void sk_cell_set (Member *m, Cell *c, const Content *new);
/* Free what the last change left over. Not under the guard. */
SK_FUNC void sk_cell_tidy (Member *m);

#endif
