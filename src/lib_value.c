/*
** lib_value.c - skein.value: one value that the whole family sees.
**
** A change from number to number is mostly one atomic instruction; another one
** is decided on inside of the cell. So what it needs (a parsed number, an encoded
** message) is made before, and what it says is pushed after. While another task
** is inside 'with', a change waits for it.
*/
#include <math.h>
#include <string.h>

#include "cell.h"
#include "clock.h"
#include "numbers.h"
#include "open.h"
#include "shared.h"

#define CLASS "skein.Value"

#define TRIES 50 /* to change a number at once */
/* In between, who was too late looks away for some such changes (1 us): where
   the processors are far apart, the way of the word from one to the other
   takes longer than a change. */
#define PAUSE 50

enum { SET, ADD, CAS };

typedef struct Change { /* what is asked for, and what came of it */
  int op;
  Content new, old;  /* ADD: 'new' is what to add */
  const char *wrong; /* why it was refused */
  bool done;
} Change;

static const WireWhat what = {
    .verb = "keep", .noun = "value", .number = -1, .norefs = true};


static Cell *checkcell (lua_State *L, Sched *S) {
  return (Cell *)sk_shared_check(L, S, 1, SK_CELL, CLASS)->o;
}


/* A number as content of a value of this type. */
static void typed (Content *c, uint32_t type, Number n) {
  c->kind = sk_number_types[type].isfloat ? SK_CELL_FLOAT : SK_CELL_INTEGER;
  c->u.i = n.i; /* or the bits of 'n.d' */
}


/* The number at 'arg', whatever its type. */
static void anynumber (lua_State *L, int arg, Content *c) {
  if (lua_isinteger(L, arg)) {
    c->kind = SK_CELL_INTEGER;
    c->u.i = lua_tointeger(L, arg);
  }
  else {
    c->kind = SK_CELL_FLOAT;
    c->u.d = lua_tonumber(L, arg);
  }
}


/*
** The value at 'arg' as content; what is no number becomes a message in
** 'm.slot->out'.
*/
static void checkcontent (lua_State *L, Shared *s, int arg, uint32_t type,
                          Content *c) {
  if (type != SK_ANY)
    typed(c, type, sk_number_check(L, arg, type));
  else if (lua_type(L, arg) == LUA_TNUMBER)
    anynumber(L, arg, c);
  else {
    *c = (Content){.kind = SK_CELL_ITEM};
    sk_shared_pack(L, s, arg, 1, &what);
  }
}


/* What is to be added to a value of this type. */
static void checkstep (lua_State *L, uint32_t type, Content *c) {
  if (type != SK_ANY)
    typed(c, type, sk_number_checkstep(L, 2, type));
  else {
    if (lua_type(L, 2) != LUA_TNUMBER) sk_number_refuse(L, 2, "number");
    anynumber(L, 2, c);
  }
}


/* Push a number; messages are copied by the caller. */
static void pushnumber (lua_State *L, const Content *c) {
  if (c->kind == SK_CELL_INTEGER)
    lua_pushinteger(L, (lua_Integer)c->u.i);
  else
    lua_pushnumber(L, c->u.d);
}


/* ---- what a change comes to ---- */

/* The numbers of a value with a type. */
static const char *addtyped (uint32_t type, const Content *old, Content *by) {
  Number a = {.i = old->u.i}, b = {.i = by->u.i}, sum;
  bool fits = sk_number_add(type, a, b, &sum);
  typed(by, type, sum);
  return fits ? NULL : "the sum is out of the value's range";
}


/* What is to be added becomes the sum. */
static const char *add (uint32_t type, const Content *old, Content *by) {
  if (type != SK_ANY) return addtyped(type, old, by);
  if (old->kind == SK_CELL_ITEM) return "the value is not a number";
  if (old->kind == SK_CELL_INTEGER && by->kind == SK_CELL_INTEGER) {
    /* wraps around, as Lua's integers do */
    by->u.i = (int64_t)((uint64_t)old->u.i + (uint64_t)by->u.i);
    return NULL;
  }
  double a = old->kind == SK_CELL_FLOAT ? old->u.d : (double)old->u.i;
  double b = by->kind == SK_CELL_FLOAT ? by->u.d : (double)by->u.i;
  by->kind = SK_CELL_FLOAT;
  by->u.d = a + b;
  return NULL;
}


/* Lua's ==, but for messages: those are compared by their bytes. */
static bool equals (const Content *a, Off aitem, const Content *b, Off bitem) {
  if (a->kind == SK_CELL_ITEM || b->kind == SK_CELL_ITEM) {
    if (a->kind != b->kind) return false;
    const Item *x = sk_at(Item, aitem), *y = sk_at(Item, bitem);
    return x->size == y->size && memcmp(x->bytes, y->bytes, x->size) == 0;
  }
  if (a->kind == b->kind)
    return a->kind == SK_CELL_INTEGER ? a->u.i == b->u.i : a->u.d == b->u.d;
  const Content *i = a->kind == SK_CELL_INTEGER ? a : b;
  double d = a->kind == SK_CELL_FLOAT ? a->u.d : b->u.d;
  return d >= -9223372036854775808.0 && d < 9223372036854775808.0 &&
         floor(d) == d && (int64_t)d == i->u.i;
}


/* Is there something to set, 'change->new', where 'old' was? For CAS, the
   messages to compare are in words of the cell and of 'm->slot'. */
static bool decide (const Member *m, const Cell *c, const Content *old,
                    Change *change) {
  switch (change->op) {
  case ADD:
    change->wrong = add(c->type, old, &change->new);
    return change->wrong == NULL;
  case CAS:
    change->done = equals(old, sk_cell_item(c), &change->old, m->slot->old);
    return change->done;
  default: return true;
  }
}


/* The cell is ours. */
static void apply (Member *m, Cell *c, Change *change) {
  Content old = sk_cell_content(c);
  if (decide(m, c, &old, change)) sk_cell_set(m, c, &change->new);
}


/* The same at once, where a number is in the word and the new one fits. */
static bool applied (const Member *m, Cell *c, Change *change) {
  const Content new = change->new; /* or what is to be added */
  uint64_t word = sk_cell_word(c), to;
  Content old;
  for (int tries = TRIES; tries > 0; tries--) {
    if (word & SK_CELL_SHUT || !sk_cell_parse(word, &old)) break;
    if (!decide(m, c, &old, change)) return true;
    to = sk_cell_format(&change->new);
    if (to == 0) break;
    if (sk_likely(sk_cell_change(c, &word, to))) return true;
    for (int i = PAUSE; i > 0; i--) sk_clock_relax();
    change->new = new;
  }
  change->new = new;
  return false;
}


/* ---- waiting for who is inside 'with' ---- */

/* Free the messages that it left over. */
static void tidy (Shared *s) {
  sk_cell_tidy(&s->m);
  sk_item_free(&s->m, &s->m.slot->out);
  sk_item_free(&s->m, &s->m.slot->old);
}


/* Push what the change returns. */
static int report (lua_State *L, Shared *s, const Change *change) {
  const Slot *slot = s->m.slot;
  if (slot->in != 0 || slot->out != 0 || slot->old != 0) tidy(s);
  if (change->wrong != NULL) return luaL_error(L, "%s", change->wrong);
  switch (change->op) {
  case SET: return 0;
  case ADD: pushnumber(L, &change->new); return 1;
  default: lua_pushboolean(L, change->done); return 1;
  }
}


/* It is ours now: prepare, change and let go. The arguments are still there. */
static void prepare (lua_State *L, Shared *s, Cell *c, Change *change);


/* (cell, its arguments, op, a Change to fill in) */
static int preparing (lua_State *L) {
  Change *change = lua_touserdata(L, -1);
  Sched *S = sk_upvalue(L);
  change->op = (int)lua_tointeger(L, -2);
  prepare(L, sk_shared_of(S), checkcell(L, S), change);
  return 0;
}


/* What it was prepared with is gone: once more, and let go if that fails. */
static void prepareagain (lua_State *L, Shared *s, Cell *c, Change *change) {
  int n = lua_gettop(L);
  lua_pushlightuserdata(L, s->S);
  lua_pushcclosure(L, preparing, 1);
  for (int i = 1; i <= n; i++) lua_pushvalue(L, i);
  lua_pushlightuserdata(L, change);
  if (lua_pcall(L, n + 1, 0, 0) != LUA_OK) {
    sk_cell_leave(&s->m, c, sk_shared_who(s), false);
    lua_error(L);
  }
}


static int locked (lua_State *L, int status, lua_KContext ctx) {
  Sched *S = sk_upvalue(L);
  Shared *s = sk_shared_of(S);
  (void)status;
  sk_shared_settle(L, S, ctx);
  Cell *c = checkcell(L, S);
  Change change;
  sk_cell_shut(c);
  prepareagain(L, s, c, &change);
  apply(&s->m, c, &change);
  sk_cell_leave(&s->m, c, sk_shared_who(s), false);
  return report(L, s, &change);
}


/* Take the argument(s) of 'op' at 2 (and 3) into the change. Raises. */
static void prepare (lua_State *L, Shared *s, Cell *c, Change *change) {
  change->wrong = NULL;
  if (change->op == ADD) {
    checkstep(L, c->type, &change->new);
    return;
  }
  if (s->m.slot->old != 0) tidy(s); /* a raise left it */
  if (change->op == CAS) {
    /* what is compared need not fit the type: then it is not equal */
    checkcontent(L, s, 2, SK_ANY, &change->old);
    if (change->old.kind == SK_CELL_ITEM)
      sk_arena_move(&s->m.slot->old, &s->m.slot->out);
  }
  checkcontent(L, s, change->op == CAS ? 3 : 2, c->type, &change->new);
}


static int alter (lua_State *L, int op, int nargs) {
  Sched *S = sk_upvalue(L);
  Cell *c = checkcell(L, S);
  Shared *s = sk_shared_of(S);
  lua_settop(L, 1 + nargs);
  Change change;
  change.op = op;
  prepare(L, s, c, &change);
  sk_sched_checkpoint(L, s->S);
  if (sk_likely(applied(&s->m, c, &change))) return report(L, s, &change);
  uint64_t who = sk_shared_who(s);
  bool had;
  if (sk_unlikely(sk_cell_enter(&s->m, c, who, NULL, &had) != 0)) {
    Petition *p = sk_shared_petition(L, s, SK_FOREVER);
    lua_pushinteger(L, op);
    if (sk_cell_enter(&s->m, c, who, p->seat, &had) != 0)
      return sk_shared_suspend(L, s, p, "value", locked);
    sk_shared_dismiss(s, p);
  }
  apply(&s->m, c, &change);
  sk_cell_leave(&s->m, c, who, had);
  return report(L, s, &change);
}


/* v:set(x) */
static int value_set (lua_State *L) {
  luaL_checkany(L, 2);
  return alter(L, SET, 1);
}


/* v:add(n) -> the new value */
static int value_add (lua_State *L) {
  return alter(L, ADD, 1);
}


/* v:cas(old, new) -> true: it was 'old' and is 'new' now | false */
static int value_cas (lua_State *L) {
  luaL_checkany(L, 3);
  return alter(L, CAS, 2);
}


/* Inside of the guard, which is left: push the bytes of a message. As a string,
   for decoding may run code that looks at another value. */
static void pushbytes (lua_State *L, Shared *s, Cell *c) {
  Off item = sk_cell_item(c);
  const Item *i = sk_at(Item, item);
  if (i->size > SK_ITEM_LARGE) {
    sk_item_borrow(&s->m.slot->loan, item);
    sk_object_leave(&s->m, &c->lock.o);
    lua_pushlstring(L, i->bytes, i->size);
    sk_item_return(&s->m, s->m.slot);
    return;
  }
  sk_buf_clear(&s->copy);
  sk_buf_add(&s->copy, i->bytes, i->size);
  sk_object_leave(&s->m, &c->lock.o);
  if (s->copy.failed) luaL_error(L, "not enough memory");
  lua_pushlstring(L, s->copy.data, s->copy.size);
}


/* v:get() -> value */
static int value_get (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Cell *c = checkcell(L, S);
  Shared *s = sk_shared_of(S);
  Content now;
  sk_item_return(&s->m, s->m.slot); /* a raise left it */
  if (sk_likely(!sk_cell_read(&s->m, c, &now))) {
    pushnumber(L, &now);
    return 1;
  }
  size_t size;
  pushbytes(L, s, c);
  const char *bytes = lua_tolstring(L, -1, &size);
  int n = sk_wire_decode(L, sk_wire_of(L), bytes, size,
                         SK_WIRE_TRUSTED | SK_WIRE_NOREFS);
  if (n < 0) return lua_error(L);
  return n;
}


static int value_tostring (lua_State *L) {
  Handle *h = luaL_checkudata(L, 1, CLASS);
  lua_pushfstring(L, "skein.Value: %I", (LUAI_UACINT)sk_off(h->o));
  return 1;
}


/* skein.value([type,] v) -> value */
static int newvalue (lua_State *L) {
  uint32_t type = lua_gettop(L) >= 2 ? sk_number_checktype(L, 1) : SK_ANY;
  int arg = type == SK_ANY ? 1 : 2;
  luaL_checkany(L, arg);
  lua_settop(L, arg);
  Shared *s = sk_shared_open(L, sk_upvalue(L));
  Handle *h = sk_shared_new(L, s, SK_CELL, 0, CLASS);
  Cell *c = (Cell *)h->o;
  c->type = type;
  Content first;
  checkcontent(L, s, arg, type, &first);
  sk_cell_set(&s->m, c, &first);
  sk_cell_open(c, 0); /* nobody has it yet */
  return 1;
}


/* core.misfit(value, x) -> why 'x' cannot be set, or nil */
static int core_misfit (lua_State *L) {
  const Cell *c = checkcell(L, sk_upvalue(L));
  Number n;
  lua_settop(L, 2);
  if (c->type == SK_ANY || sk_number_get(L, 2, c->type, &n))
    lua_pushnil(L);
  else
    sk_number_mismatch(L, 2, sk_number_types[c->type].name);
  return 1;
}


/* 'with' is added by lua/skein/value.lua. */
static const luaL_Reg methods[] = {{"get", value_get},
                                   {"set", value_set},
                                   {"add", value_add},
                                   {"cas", value_cas},
                                   {NULL, NULL}};

static const luaL_Reg meta[] = {{"__tostring", value_tostring}, {NULL, NULL}};

static const luaL_Reg functions[] = {
    {"value", newvalue}, {"misfit", core_misfit}, {NULL, NULL}};

static const SharedClass class = {
    .name = CLASS,
    .object = &sk_cell_class,
    .ref = {SK_CELL, "value", sk_shared_encode, sk_shared_decode,
            sk_shared_forget},
    .module = "skein.value",
    .methods = methods,
    .meta = meta,
    .functions = functions,
};


void sk_open_value (lua_State *L, Sched *S) {
  sk_shared_class(L, S, &class);
}
