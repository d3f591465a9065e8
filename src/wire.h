/*
** wire.h - Lua values to bytes and back: what every crossing uses.
**
** Encoding walks the values once, decoding reads the bytes once; neither
** recurses on the C stack, and once warm neither allocates C memory. A Wire
** is the scratch memory for that, one per Lua state. Its message lives until
** the next use of the Wire, or until something runs Lua code: send it at once.
**
** The message is 'out' followed by 'tail': a long string that ends it is not
** copied, 'tail' points to the bytes inside of the Lua string, which the
** caller's stack keeps alive.
**
** Shared objects (queues, locks ...) cross as references: the class of their
** handles is a WireRef, 'sk_wire_setref' ties it to the metatable. 'encode'
** takes a hold that belongs to the message; 'decode' passes it on to the new
** handle; a message that dies on its way gives it back by 'drop'. After an
** encode the holds belong to the Wire; they pass to whoever delivers the
** message by 'sk_wire_sent', else the next use of the Wire drops them.
*/
#ifndef sk_wire_h
#define sk_wire_h

#include <lua.h>

#include "buf.h"
#include "sk.h"

#define SK_WIRE_BODY 16    /* bytes a reference may use */
#define SK_WIRE_CLASSES 32 /* class numbers are below */

/* A class of objects that cross by reference. Make it 'static const'. */
typedef struct WireRef {
  int cls;          /* its number: the same in every process of a family */
  const char *noun; /* what messages call it: "queue" */
  /* Fill 'body' (zeroed) for the handle at 'idx' and take a hold on the
     object. Returns 0, or negative errno: the object is dead (no hold). */
  int (*encode)(lua_State *L, int idx, void *body);
  /* Push a handle, which takes over the hold; or return negative errno,
     with nothing pushed and the hold untouched. May raise for memory. */
  int (*decode)(lua_State *L, const void *body);
  /* Give the hold back. Must not need Lua. */
  void (*drop)(const void *body);
} WireRef;

/* Make the class known in this process. Idempotent, from any thread. */
SK_FUNC void sk_wire_class (const WireRef *ref);

/* Instances of the metatable at the top of the stack cross by 'ref'. */
SK_FUNC void sk_wire_setref (lua_State *L, const WireRef *ref);

/* What is encoded, for error messages: "cannot <verb> <noun> <number>: ..." */
typedef struct WireWhat {
  const char *verb; /* "send", "pack", "return" ... */
  const char *noun; /* "argument", "item", "result" ... */
  int number;       /* of the first value; it is 'fn' itself if 0;
                       negative: there is one value, without number */
  bool norefs;      /* references are errors: the bytes leave the family */
} WireWhat;

SK_FUNC const WireWhat sk_wire_call;   /* fn, arguments ... */
SK_FUNC const WireWhat sk_wire_item;   /* one value through a queue */
SK_FUNC const WireWhat sk_wire_result; /* results of fn */

typedef struct Wire {
  Buf out;          /* the message ... */
  const char *tail; /* ... and its last bytes, in a Lua string (or NULL) */
  size_t ntail;
  size_t nrefs; /* references that the message carries */
} Wire;         /* the rest is private: wire_coder.h */

/* The Wire of this state: made on first need, gone with the state. */
SK_FUNC Wire *sk_wire_of (lua_State *L);
/* The same in two halves, the first to be remembered: the outermost one, and
   which is to be used while that may be busy. */
SK_FUNC Wire *sk_wire_first (lua_State *L);
SK_FUNC Wire *sk_wire_usable (lua_State *L, Wire *first);

/*
** Encode the 'n' values from stack index 'first' on. Returns 0; or -1 with
** an error object (kind "transfer", it names the path) pushed. Leaves the
** stack as it was otherwise. Raises for memory only.
*/
SK_FUNC int sk_wire_try (lua_State *L, Wire *w, int first, int n,
                         const WireWhat *what);

/* The same, but raises that error object, at the line of the caller. */
SK_FUNC void sk_wire_encode (lua_State *L, Wire *w, int first, int n,
                             const WireWhat *what);

/* Size of the message that was encoded, and its bytes into 'to'. The Wire is in
   use until then, or until it is cancelled. */
SK_FUNC size_t sk_wire_size (const Wire *w);
SK_FUNC void sk_wire_copy (Wire *w, char *to);

/*
** The body of reference 'i' of the message, from 0 to 'nrefs' - 1. Encoding
** may begin anew and encode a reference twice: count what is here at the end.
*/
SK_FUNC const void *sk_wire_ref (const Wire *w, size_t i);

/* The message is delivered: its holds are the receiver's now. */
SK_FUNC void sk_wire_sent (Wire *w);

/* The message will not be delivered: give its holds back now. */
SK_FUNC void sk_wire_cancel (Wire *w);

#define SK_WIRE_TRUSTED 1 /* from the family: may carry code and calls */
#define SK_WIRE_NOREFS 2  /* references are malformed: not from the family */

/*
** Decode a message: pushes its values and returns their number; or pushes a
** message (a string) and returns -1. Uses up the holds of the message in both
** cases. Raises for memory only. The bytes must stay where they are meanwhile.
*/
SK_FUNC int sk_wire_decode (lua_State *L, Wire *w, const char *bytes, size_t n,
                            int flags);

/* Give back the holds of a message that nobody will decode. No Lua. */
SK_FUNC void sk_wire_drop (const char *bytes, size_t n);

/*
** Is the message that starts with these 'n' bytes (16 are enough) nothing but
** one string? Then its bytes, '*len' of them, are its end, from '*at' on: a
** receiver may copy them straight into a Lua string. No Lua.
*/
SK_FUNC bool sk_wire_isstring (const char *bytes, size_t n, size_t *at,
                               size_t *len);

/*
** Push what "module.function" names, requiring the module; returns 0. Or
** pushes a message and returns -1. Runs Lua code, which cannot wait.
*/
SK_FUNC int sk_wire_lookup (lua_State *L, const char *name);

#endif
