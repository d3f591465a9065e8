/*
** object.h - Shared objects: their guards, and who holds a reference.
**
** An object lives as long as some slot or some message holds a reference to
** it. A slot's references are in its table, so that a sweep finds them; those
** of messages are in the list of carriers. 'refs' counts both.
**
** Invariants, under the family's 'refguard'
**   - every object is in the list 'objects', every message with references in
**     the list 'carriers';
**   - refs = entries of tables + references carried; recounted, not guessed,
**     whenever someone died.
**
** A reference may carry flags (below 16), which only its class understands,
** but for SK_REF_ACTIVE: a forked child inherits references without it. In a
** message a reference is the object's offset plus its flags.
**
** Each type has a class, known to every process by the same number.
*/
#ifndef sk_object_h
#define sk_object_h

#include "slot.h"

enum {
  SK_QUEUE = 1,
  SK_LOCK,
  SK_CELL,
  SK_PIPE,
  SK_PARCEL,
  SK_CREW,
  SK_SEMAPHORE,
  SK_EVENT,
  SK_CONDITION,
  SK_BARRIER,
  SK_ARRAY,
  SK_DICT,
  SK_DEPOSIT,
  SK_TYPES = 16
};

typedef struct Object {
  Guard guard;
  uint32_t type;
  uint32_t refs;
  uint32_t dying; /* the slot that takes it down, or 0 */
  uint32_t marks; /* of a recount */
  Off next, prev; /* all objects */
  Off self;       /* the word that owns the object's block */
  Off whole;      /* the object it is a part of; 0: none */
  Off grave;      /* the next that is to be taken down */
} Object;

typedef struct Cargo { /* the head of a message that carries references */
  Off next, prev;      /* all carriers */
  uint32_t nrefs;
  uint32_t lent;  /* somebody may be reading it in its place; see item.h */
  uint64_t where; /* bytes from here to the references, as Off */
} Cargo;

enum { SK_REF_ACTIVE = 8, SK_REF_FLAGS = 15 };

struct Seat;

typedef struct Class {
  const char *name;
  size_t size;
  /* Under the guard: mend what a dead owner of the guard left half done. */
  void (*repair)(Object *o, Bells *b);
  /* Under the guard: 'w', which waits, is to leave because of 'why' (-errno).
     True: it must go on waiting. */
  bool (*keep)(Object *o, struct Seat *w, int why, Bells *b);
  /* Under the guard: 'w' has left the line without its wish: 'w->result'. */
  void (*unwait)(Member *m, Object *o, struct Seat *w, Bells *b);
  /* Under the guard: 'w' got its wish, but nobody is there to enjoy it. */
  void (*giveback)(Member *m, Object *o, struct Seat *w, Bells *b);
  /* Under the guard: 'slot' gives up its reference, or died. */
  void (*depart)(Object *o, uint32_t slot, Bells *b);
  /* The task 'who' has ended: it has nothing any more. How often it had it. */
  uint32_t (*abandon)(Member *m, Object *o, uint64_t who);
  /* Under refguard: 'by' more references with these flags; 0: forget all. */
  void (*tally)(Object *o, uint32_t flags, int by);
  /* Under refguard: the tally has changed. */
  void (*tallied)(Member *m, Object *o, Bells *b);
  /* The object that it holds a reference to as long as it lives. */
  Object *(*keeps)(const Object *o);
  /* No reference is left: free what it owns. May be called again after a
     death inside. */
  void (*fini)(Member *m, Object *o);
} Class;

SK_FUNC void sk_object_register (uint32_t type, const Class *c);
SK_FUNC const Class *sk_object_class (uint32_t type);

/* A new object, zeroed but for its head, and the first reference to it. */
SK_FUNC int sk_object_new (Member *m, uint32_t type, uint32_t flags, Object **o,
                           uint32_t *ref);
/* One more reference of 'm'. 0 or -ENOMEM. */
SK_FUNC int sk_object_hold (Member *m, Object *o, uint32_t flags,
                            uint32_t *ref);
/* Give up a reference; the object may be gone afterwards. */
SK_FUNC void sk_object_drop (Member *m, uint32_t ref);
SK_FUNC uint32_t sk_object_flags (Member *m, uint32_t ref);
SK_FUNC void sk_object_setflags (Member *m, uint32_t ref, uint32_t flags);

SK_FUNC void sk_object_enter (Member *m, Object *o);
SK_FUNC void sk_object_leave (Member *m, Object *o);
/* Enter and leave the object, or part of one, at 'place', if it is alive. */
SK_FUNC void sk_object_visit (Member *m, Off place);
/* Leave, and ring for those who were given something. */
SK_FUNC void sk_object_leavering (Member *m, Object *o, Bells *b);

/* Enter and leave the refguard; what a dead member left there is mended. */
SK_FUNC Root *sk_object_enterrefs (void);
SK_FUNC void sk_object_leaverefs (Root *f);

/* The references of 'c' begin and cease to count. */
SK_FUNC void sk_object_load (Cargo *c, uint32_t nrefs);
/* Mend what a dead member left of the references. */
SK_FUNC void sk_object_mend (void);
SK_FUNC void sk_object_unload (Member *m, Cargo *c);
/* Take down the objects that nobody refers to any more, once the message is
   freed: they may hold messages that refer to others. */
SK_FUNC void sk_object_bury (Member *m);

/* The message of 'm' that has 'c' was not sent: what it let go of with it is
   active again. */
SK_FUNC void sk_object_reclaim (Member *m, const Cargo *c);

/* Copy the references of 'from' for the child that will own slot 'to'. */
SK_FUNC int sk_object_inherit (Member *from, uint32_t to);
/* The child that will own slot 'to' is the active one where 'm' has 'ref'. */
SK_FUNC void sk_object_entrust (Member *m, uint32_t ref, uint32_t to);
/* Give slot 'to', which nobody lives in yet, its first reference: entry 0. */
SK_FUNC int sk_object_lend (Member *m, Object *o, uint32_t to);
/* Count all references anew, and take down what has none. */
SK_FUNC void sk_object_recount (Member *m);
/* How many objects the family has. */
SK_FUNC uint32_t sk_object_count (void);

#endif
