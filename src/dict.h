/*
** dict.h - A hash table in shared memory.
**
** An entry is a message: key and value behind one another. It never changes but
** for a number in its place; a new value is a new entry in place of the old.
** So any change is the change of one link, and what goes with it is noted
** before and brought to an end after, by the next to enter if need be.
**
** Entries have a link for each of two tables of chains. To grow or shrink, the
** other table is made beside the one in use, which it replaces by one store.
** A dict begins with a lock, for those who compute a value from the last one.
**
** Invariants
**   - an entry in the chains owns itself ('self');
**   - links of the table that is not in use mean nothing.
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
  uint64_t hash;
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

typedef struct Entry {
  Off self; /* the word that owns it */
  Off next[2];
  uint64_t hash, keysize;
  Amount amount;
  uint32_t keykind, spare;
  char key[];
} Entry;

typedef struct Dict {
  Lock lock;
  uint32_t which; /* of the tables is in use */
  uint32_t changing;
  uint64_t count;
  Off table[2];
  uint64_t size[2]; /* chains: a power of two */
  Off trash;        /* owns an entry that is gone */
  struct {          /* while 'changing': what is being done */
    Off at, to;     /* the link that changes, and to what */
    Off coming, leaving;
    uint64_t count; /* afterwards */
  } log;
} Dict;

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

/* The link to the entry of 'k', or to nothing: where it would be. Maybe that of
   one like 'k', see 'sk_dict_sure'. */
SK_FUNC Off *sk_dict_find (Dict *d, const Key *k);
/* Is the entry 'e', which was found, that of 'k' for sure? A large key is not
   compared under the guard: borrow 'e', leave, and say what 'learn' says. */
SK_FUNC bool sk_dict_sure (Off e, const Key *k);
/* Outside: compare 'k' with that of 'e', which is borrowed until 'k' is found
   again. */
SK_FUNC void sk_dict_learn (Off e, Key *k);
/* Let the entry in 'm->slot->out' be the one at '*at'; what was there is in
   'm->slot->in' now, which was empty. */
SK_FUNC void sk_dict_put (Member *m, Dict *d, Off *at);
/* The same with none instead. */
SK_FUNC void sk_dict_remove (Member *m, Dict *d, Off *at);
/* Change the number of the entry at '*at' to one of its kind. */
SK_FUNC void sk_dict_renumber (Off *at, Amount new);
/* The first entry, and the one after 'e' in the order of the chains, or 0. */
SK_FUNC Off sk_dict_next (const Dict *d, Off e);

#endif
