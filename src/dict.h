/*
** dict.h - A hash table in shared memory.
**
** An entry is a message: key and value behind one another. It never changes but
** for a number in its place; a new value is a new entry in place of the old.
** So any change is the change of one link, and what goes with it is noted
** before and brought to an end after, by the next to enter if need be.
**
** All entries are in one list, ordered by their hashes read backwards, from the
** lowest bit. So those whose hashes end in the same bits lie side by side,
** however many bits that are. In front of each such run is a mark, which is
** where one begins to look: to have twice as many runs is to have more marks,
** put when they are first needed, and no entry moves. (Shalev and Shavit,
** "Split-Ordered Lists", 2006; here under a guard.) To have half as many is to
** take the other half of the marks out, a few with each entry that goes.
**
** Marks are in segments, each as large as all before it together. A dict begins
** with a lock, for those who compute a value from the last one.
**
** Invariants
**   - an entry in the list owns itself ('self');
**   - a mark below 'size' is in the list, or says that it is not (order 0);
**   - there are segments for 'size' marks, or, while marks are taken out, for
**     twice as many.
*/
#ifndef sk_dict_h
#define sk_dict_h

#include "item.h"
#include "lock.h"

enum { SK_KEY_FALSE, SK_KEY_TRUE, SK_KEY_INTEGER, SK_KEY_FLOAT, SK_KEY_STRING };
enum { SK_DICT_INTEGER, SK_DICT_FLOAT, SK_DICT_MESSAGE };

typedef struct Key {
  uint32_t kind; /* SK_KEY_... */
  bool collides; /* with the entry of another large one */
  uint64_t hash, order;
  uint64_t size;
  const char *bytes;
  Off seen; /* an entry that is known to be of it */
} Key;

typedef struct Amount { /* a number, or a message behind the key */
  uint32_t kind;        /* SK_DICT_... */
  union {
    int64_t i;
    double d;
  } u;
} Amount;

typedef struct Node { /* in the list: of an entry, or a mark */
  Off next;
  uint64_t order; /* odd: of an entry */
} Node;

typedef struct Entry {
  Off self; /* the word that owns it */
  Node node;
  uint64_t keysize;
  Amount amount;
  uint32_t keykind, spare;
  char key[];
} Entry;

#define SK_DICT_LEAST 8 /* marks */
#define SK_DICT_SEGMENTS 32

typedef struct Dict {
  Lock lock;
  uint32_t segments;
  uint32_t changing;
  uint64_t count; /* entries */
  uint64_t size;  /* marks in use: a power of two */
  uint64_t left;  /* while marks are taken out: so many of the last segment */
  Off segment[SK_DICT_SEGMENTS];
  Off trash;    /* owns an entry that is gone */
  struct {      /* while 'changing': what is being done */
    Off at, to; /* the link that changes, and to what */
    Off coming, leaving;
    uint64_t count; /* afterwards */
    Off mark;       /* its order afterwards */
    uint64_t order;
  } log;
} Dict;

typedef struct Place { /* in the list */
  Off *at;             /* the link to the entry, or where it would be */
  Off item;            /* the entry, or 0 */
} Place;

SK_FUNC const Class sk_dict_class;

/* Give a new dict its table. 0 or -ENOMEM. */
SK_FUNC int sk_dict_make (Dict *d);
SK_FUNC void sk_dict_hash (Key *k);

/* Bytes of an entry in front of its message. */
SK_FUNC size_t sk_dict_room (const Key *k);
/* Write the head of the entry in 'm->slot->out', 'room' bytes. */
SK_FUNC void sk_dict_prepare (Member *m, const Key *k, Amount amount);
/* Change the number in it. */
SK_FUNC void sk_dict_amend (Member *m, Amount amount);
SK_FUNC const Entry *sk_dict_entry (Off item);

/* ---- inside, see sk_lock_enter ---- */

/* The place of 'k'. Maybe there is an entry that is only like it: */
SK_FUNC Place sk_dict_find (Dict *d, const Key *k);
/* Is what was found that of 'k' for sure? A large key is not compared under the
   guard: borrow the entry, leave, and say what 'learn' says. */
SK_FUNC bool sk_dict_sure (Off item, const Key *k);
/* Outside: compare 'k' with that of 'item', which is borrowed until 'k' is
   found again. */
SK_FUNC void sk_dict_learn (Off item, Key *k);
/* Let the entry in 'm->slot->out' be the one at 'p'; what was there is in
   'm->slot->in' now, which was empty. */
SK_FUNC void sk_dict_put (Member *m, Dict *d, Place p);
/* Take out the one at 'p', in the same way. */
SK_FUNC void sk_dict_remove (Member *m, Dict *d, Place p);
/* Change the number of an entry to one of its kind. */
SK_FUNC void sk_dict_renumber (Off item, Amount new);
/* The first entry, and the one after 'item' in the order of the list, or 0. */
SK_FUNC Off sk_dict_next (const Dict *d, Off item);

#endif
