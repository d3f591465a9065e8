/*
** numbers.h - The types that shared numbers may have, and what fits them.
*/
#ifndef sk_numbers_h
#define sk_numbers_h

#include "lib.h"

typedef struct NumberType {
  const char *name;
  uint32_t size; /* bytes of one in an array */
  bool isfloat;
  lua_Integer least, most; /* of an integer type */
} NumberType;

typedef union Number { /* which one: the type says it */
  int64_t i;
  double d;
} Number;

enum {
  SK_ANY, /* no type */
  SK_INT8,
  SK_UINT8,
  SK_INT16,
  SK_UINT16,
  SK_INT32,
  SK_UINT32,
  SK_INT64,
  SK_FLOAT,
  SK_DOUBLE
};

SK_FUNC const NumberType sk_number_types[];

/* The type that the string at 'arg' names. Raises. */
SK_FUNC uint32_t sk_number_checktype (lua_State *L, int arg);
/* The value at 'idx' as a number of 'type'; false: it does not fit. */
SK_FUNC bool sk_number_get (lua_State *L, int idx, uint32_t type, Number *n);
/* The number at 'arg', of 'type'. Raises. */
SK_FUNC Number sk_number_check (lua_State *L, int arg, uint32_t type);
/* What is to be added to one of 'type': it may be out of its range. Raises. */
SK_FUNC Number sk_number_checkstep (lua_State *L, int arg, uint32_t type);
/* False: the sum does not fit 'type'. No Lua. */
SK_FUNC bool sk_number_add (uint32_t type, Number a, Number b, Number *sum);
SK_FUNC void sk_number_push (lua_State *L, uint32_t type, Number n);

/* "<expected> expected, got <the value at 'idx'>", on the stack. */
SK_FUNC const char *sk_number_mismatch (lua_State *L, int idx,
                                        const char *expected);
/* The same, raised for argument 'arg'. */
SK_FUNC void sk_number_refuse (lua_State *L, int arg, const char *expected);

#endif
