/*
** wire_coder.h - What the files of the wire share: the format, the scratch.
**
** A message is
**   head       1 byte: version and which trailers there are
**   count      how many values (varint)
**   values     each a tag byte and what the tag asks for
**   refs       17 bytes each: class, body; then their number (4 bytes)
**   seal       8 bytes: who packed it, see wire_seal.c
** Numbers are little-endian; a varint has 7 bits a byte, lowest first.
**
** A string of up to 40 bytes (Lua interns those) that comes a second time is
** sent again, as the definition of the next number, and by number from then
** on; what comes in the first 64 bytes does not count for that. Anything else that comes again sets the T_MARK bit of its first tag,
** whose position then stands for it: the decoder keeps only what is marked.
*/
#ifndef sk_wire_coder_h
#define sk_wire_coder_h

#include <endian.h>
#include <string.h>

#include "memo.h"
#include "wire.h"

#define HEAD 0xA4      /* the version */
#define HEAD_REFS 0x01 /* ... has references */
#define HEAD_SEAL 0x02 /* ... has a seal */
#define REF_SIZE (1 + SK_WIRE_BODY)
#define SEAL_SIZE 8
#define INTERNED 40   /* strings up to this length have one address */
#define ROOM 40       /* stack slots that an open value may need */
#define MANY 255      /* as the number of pairs: more follow */
#define UNNUMBERED 64 /* strings in the first so many bytes get no numbers */

/* Tags. Those from T_STRING on may be marked. */
enum {
  T_INT0 = 0x00,     /* .. 0x3F: an integer from 0 to 63 */
  T_SHORT = 0x40,    /* .. 0x68: a string of 0 to 40 bytes */
  T_NUMBERED = 0x70, /* .. 0x9F: a string numbered 1 to 48 */
  T_NIL = 0xA0,
  T_FALSE,
  T_TRUE,
  T_INT8, /* integers, by their size in bits */
  T_INT16,
  T_INT32,
  T_INT64,
  T_FLOAT,           /* 8 bytes */
  T_DEFINE,          /* length, bytes: a string, the next number */
  T_NUMBER,          /* number: of a string, above 48 */
  T_AGAIN,           /* position: of a marked value */
  T_GLOBALS,         /* the table of globals */
  T_ERROR,           /* as metatable: that of error objects */
  T_UPAGAIN,         /* position: of a marked upvalue */
  T_STRING = 0xB0,   /* length, bytes */
  T_FUNCTION = 0xB2, /* upvalues (1 byte), size (4), bytecode, upvalues */
  T_UPVALUE = 0xB4,  /* index (1 byte), value */
  T_NAME = 0xB6,     /* string: "module\0field\0field" */
  T_BUILD = 0xB8,    /* arguments, "module.function", arguments */
  T_REF = 0xBA,      /* the next reference */
  T_TABLE = 0xC0,    /* [items], pairs (1 byte), items, pairs, [metatable] */
  T_MARK = 0x01,     /* with the above: it comes again */
  T_ITEMS = 0x02,    /* with T_TABLE: it has items 1 .. n */
  T_META = 0x04      /* with T_TABLE: it has a metatable */
};

/* Where the walk is: one for each value that is open, from the top down. */
enum { F_TOP, F_ITEMS, F_HOLES, F_PAIRS, F_META, F_UPVALUES, F_ARGS };

typedef struct Frame {
  uint8_t kind;
  uint8_t tag;
  bool half;      /* pairs: it is in the key. Decoding: a value is due */
  bool holes;     /* encoding: not all items came from 'next' in order */
  int base;       /* stack index of the open value */
  uint32_t pos;   /* of its tag */
  uint32_t npos;  /* encoding: of its number of pairs */
  uint32_t i, n;  /* how many of how many are done */
  uint32_t pairs; /* so many (more) of them */
} Frame;

#define KEYS 16 /* pairs of a table whose keys are expected */

/* A key that was the n-th of some table: records have the same ones. */
typedef struct Key {
  const void *id;  /* its address */
  uint32_t number; /* as a string that comes again */
} Key;

/* A Wire, and all that coding needs besides. */
typedef struct Coder {
  Wire wire;
  Memo memo; /* what was seen: positions, or numbers of strings */
  Frame *frames;
  size_t nframes, capframes;
  uint32_t nstrings;   /* numbers given */
  Buf refs;            /* references with holds that are ours, REF_SIZE each */
  int limit;           /* the Lua stack has room up to here */
  uintptr_t busy;      /* where on the C stack it is in use, or 0 */
  struct Coder *inner; /* for what is to be coded meanwhile */

  /* encoding */
  const WireWhat *what;
  const void *globals; /* addresses of well-known tables */
  const void *errors;
  Key keys[KEYS];  /* the last n-th ones that have numbers */
  bool expects;    /* there are such */
  int anchor;      /* stack index of a table that keeps all from the gc, or 0 */
  bool anchored;   /* use one */
  uint8_t checked; /* 1: the index fits the modules, 2: it is all new */
  bool restart;    /* begin again: the above changed */
  bool calls;      /* the message names modules: worth a seal */
  Memo index;      /* addresses of what modules hold, see wire_names.c */
  uint64_t signature; /* of the modules that 'index' was made from */

  /* decoding */
  const char *in, *at, *end;
  size_t owed;     /* bytes that the open values need at least */
  int keep;        /* stack index of the table of what comes again */
  int flags;       /* SK_WIRE_*, and ... */
  const char *why; /* it is malformed */
  uint32_t usedrefs;
} Coder;

#define SEALED 0x100 /* in 'flags': it was packed by this process */

enum { FAILED = -1, DONE, OPENED }; /* one value: what became of it */

/* Forget the last message, and drop its holds. */
SK_FUNC void sk_coder_begin (Coder *c);
/* From here on it is in use by the function that calls this; 'busy' is 0 after
   that. All that may take a step of the collector may run a finalizer, and that
   may want something coded, as '__transfer' and constructors do. */
#define sk_coder_occupy(c) ((c)->busy = (uintptr_t)__builtin_frame_address(0))
/* Room for more frames; false if memory ended. */
SK_FUNC bool sk_coder_grow (Coder *c);
SK_FUNC const WireRef *sk_coder_ref (int cls);
/* The WireRef of the metatable at the top of the stack, or NULL. */
SK_FUNC const WireRef *sk_coder_getref (lua_State *L);
/* Give back the holds in 'c->refs' from number 'from' on. */
SK_FUNC void sk_coder_drop (Coder *c, uint32_t from);

/* Replace the error value at the top by a string. Does not raise. */
SK_FUNC void sk_coder_totext (lua_State *L);

/* How the index of modules knows a value. */
enum { N_NONE, N_FIELD, N_NAMED };

/*
** Push "module\0field" if the value at 'idx' is what a module holds and
** travels by name; 'meta': it is a metatable. Returns false, with nothing
** pushed, if not. May set 'restart'.
*/
SK_FUNC bool sk_names_push (lua_State *L, Coder *c, int idx, bool meta);
/*
** Replace "module\0field" at the top of the stack by its value and return 0;
** or by a message, and return -1.
*/
SK_FUNC int sk_names_get (lua_State *L, bool mayrequire);

/* What this process seals a message of these bytes with. */
SK_FUNC uint64_t sk_seal_of (const void *bytes, size_t n);
SK_FUNC bool sk_seal_fits (const void *bytes, size_t n, uint64_t seal);
/* Draw the key, once in a process. */
SK_FUNC void sk_seal_init (void);


static inline Frame *topframe (Coder *c) {
  return &c->frames[c->nframes - 1];
}


/* A new frame on top; NULL if memory ended. */
static inline Frame *sk_coder_open (Coder *c, int kind, int base) {
  if (sk_unlikely(c->nframes == c->capframes) && !sk_coder_grow(c)) return NULL;
  Frame *f = &c->frames[c->nframes++];
  *f = (Frame){.kind = (uint8_t)kind, .base = base};
  return f;
}

#endif
