/*
** lib_dict.c - skein.dict: a table that the whole family sees.
**
** What a change needs (a key's hash, an entry with its encoded value) is made
** before the guard, in the manner of lib_value.c. While another task is inside
** 'update', changes wait; looking never does.
*/
#include <math.h>
#include <string.h>

#include "dict.h"
#include "numbers.h"
#include "open.h"
#include "shared.h"

#define CLASS "skein.Dict"

static const WireWhat what = {
    .verb = "keep", .noun = "value", .number = -1, .norefs = true};


static Dict *checkdict (lua_State *L) {
  return (Dict *)sk_shared_check(L, sk_upvalue(L), 1, SK_DICT, CLASS)->o;
}


/* ---- keys and values ---- */

typedef union Scalar { /* room for the bytes of a number as a key */
  lua_Integer i;
  lua_Number d;
} Scalar;


/* The key at 'arg', in Lua's sense: 1.0 is 1. Raises. */
static Key checkkey (lua_State *L, int arg, Scalar *number) {
  Key k = {.bytes = (const char *)number, .size = sizeof *number};
  size_t size;
  int isint;
  switch (lua_type(L, arg)) {
  case LUA_TBOOLEAN:
    k.kind = lua_toboolean(L, arg) ? SK_KEY_TRUE : SK_KEY_FALSE;
    k.size = 0;
    break;
  case LUA_TNUMBER:
    k.kind = SK_KEY_INTEGER;
    number->i = lua_tointegerx(L, arg, &isint);
    if (isint) break;
    k.kind = SK_KEY_FLOAT;
    number->d = lua_tonumber(L, arg);
    if (!isnan(number->d)) break; /* fall through */
  default: sk_number_refuse(L, arg, "string, number or boolean as key"); break;
  case LUA_TSTRING:
    k.kind = SK_KEY_STRING;
    k.bytes = lua_tolstring(L, arg, &size);
    k.size = size;
  }
  sk_dict_hash(&k);
  return k;
}


static void pushkey (lua_State *L, const Entry *e, const char *bytes) {
  Scalar number = {0};
  if (e->keykind == SK_KEY_INTEGER || e->keykind == SK_KEY_FLOAT)
    memcpy(&number, bytes, sizeof number);
  switch (e->keykind) {
  case SK_KEY_FALSE:
  case SK_KEY_TRUE: lua_pushboolean(L, e->keykind == SK_KEY_TRUE); break;
  case SK_KEY_INTEGER: lua_pushinteger(L, number.i); break;
  case SK_KEY_FLOAT: lua_pushnumber(L, number.d); break;
  default: lua_pushlstring(L, bytes, e->keysize); break;
  }
}


static void pushnumber (lua_State *L, Amount a) {
  if (a.kind == SK_DICT_INTEGER)
    lua_pushinteger(L, (lua_Integer)a.u.i);
  else
    lua_pushnumber(L, a.u.d);
}


/* Push what a message says. Its bytes are in a Lua string on the stack. */
static void pushmessage (lua_State *L, const char *bytes, size_t n) {
  if (sk_wire_decode(L, sk_wire_of(L), bytes, n,
                     SK_WIRE_TRUSTED | SK_WIRE_NOREFS) < 0)
    lua_error(L);
}


static bool getnumber (lua_State *L, int idx, Amount *a) {
  if (lua_type(L, idx) != LUA_TNUMBER) return false;
  if (lua_isinteger(L, idx))
    *a = (Amount){.kind = SK_DICT_INTEGER, .u.i = lua_tointeger(L, idx)};
  else
    *a = (Amount){.kind = SK_DICT_FLOAT, .u.d = lua_tonumber(L, idx)};
  return true;
}


/* Make an entry of key 'k' and the value at 'arg' in 'm.slot->out'. Raises. */
static void makeentry (lua_State *L, Shared *s, const Key *k, int arg) {
  Amount a = {.kind = SK_DICT_MESSAGE};
  if (!getnumber(L, arg, &a))
    sk_shared_packafter(L, s, sk_dict_room(k), arg, 1, &what);
  else if (sk_item_new(&s->m, sk_dict_room(k), NULL, 0) != 0)
    luaL_error(L, "cannot keep value: not enough memory");
  sk_dict_prepare(&s->m, k, a);
}


/* ---- changes ---- */

/*
** The lock is ours: call the function at 1 again, with its arguments, and let
** go also if that raises.
*/
static int again (lua_State *L, Shared *s) {
  Lock *l = &((Dict *)((Handle *)lua_touserdata(L, 2))->o)->lock;
  lua_pushvalue(L, 2); /* keeps the dict */
  lua_insert(L, 1);
  int status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0);
  sk_lock_release(&s->m, l, sk_shared_who(s));
  if (status != LUA_OK) return lua_error(L);
  return lua_gettop(L) - 1;
}


static int locked (lua_State *L, int status, lua_KContext ctx) {
  Sched *S = sk_upvalue(L);
  (void)status;
  sk_shared_settle(L, S, ctx);
  return again(L, sk_shared_of(S));
}


/*
** Inside: is 'e' the entry of 'k' for sure? Else we are outside, and 'k' knows
** more: by an entry that is borrowed until the dict is left, so that it is no
** other one when it is seen again.
*/
static bool recognize (Shared *s, Dict *d, Key *k, Off e) {
  if (sk_likely(sk_dict_sure(e, k))) return true;
  bool first = s->m.slot->loan == 0;
  if (first) sk_item_borrow(&s->m.slot->loan, e);
  sk_object_leave(&s->m, &d->lock.o);
  if (first)
    sk_dict_learn(e, k);
  else
    k->seen = 0; /* it has been replaced meanwhile */
  if (k->seen == 0) sk_item_return(&s->m, s->m.slot);
  return false;
}


/* Outside: free what a change or a look left over. */
static void tidy (Shared *s) {
  sk_item_return(&s->m, s->m.slot);
  if (s->m.slot->in != 0) sk_item_free(&s->m, &s->m.slot->in);
}


/* Enter to change what is at the place of 'k'; false: another one holds the
   lock of 'd'. */
static bool enter (Shared *s, Dict *d, Key *k, Place *p) {
  tidy(s); /* a raise may have left something */
  do {
    if (!sk_lock_enter(&s->m, &d->lock, sk_shared_who(s))) {
      tidy(s);
      return false;
    }
    *p = sk_dict_find(d, k);
  } while (!recognize(s, d, k, p->item));
  return true;
}


static void leave (Shared *s, Dict *d) {
  sk_object_leave(&s->m, &d->lock.o);
  tidy(s);
}


/* It is another one's: get in line for the lock, then do 'fn' again. */
static int await (lua_State *L, Shared *s, Dict *d, lua_CFunction fn) {
  lua_pushlightuserdata(L, s->S);
  lua_pushcclosure(L, fn, 1);
  lua_insert(L, 1);
  Petition *p = sk_shared_petition(L, s, SK_FOREVER);
  int err = sk_lock_acquire(&s->m, &d->lock, sk_shared_who(s), p->seat);
  if (err == -EAGAIN) return sk_shared_suspend(L, s, p, "dict", locked);
  sk_shared_dismiss(s, p);
  return again(L, s);
}


/* d:delete(k) */
static int dict_delete (lua_State *L) {
  Dict *d = checkdict(L);
  Shared *s = sk_shared_of((Sched *)sk_upvalue(L));
  Scalar number;
  Place p;
  lua_settop(L, 2);
  sk_sched_checkpoint(L, s->S);
  Key k = checkkey(L, 2, &number);
  if (!enter(s, d, &k, &p)) return await(L, s, d, dict_delete);
  if (p.item != 0) sk_dict_remove(&s->m, d, p);
  leave(s, d);
  return 0;
}


/* d:set(k, v) */
static int dict_set (lua_State *L) {
  Dict *d = checkdict(L);
  Shared *s = sk_shared_of((Sched *)sk_upvalue(L));
  Scalar number;
  Place p;
  luaL_checkany(L, 3);
  lua_settop(L, 3);
  if (lua_isnil(L, 3)) {
    lua_settop(L, 2);
    return dict_delete(L);
  }
  sk_sched_checkpoint(L, s->S);
  Key k = checkkey(L, 2, &number);
  makeentry(L, s, &k, 3);
  if (!enter(s, d, &k, &p)) {
    sk_item_free(&s->m, &s->m.slot->out);
    return await(L, s, d, dict_set);
  }
  sk_dict_put(&s->m, d, p);
  leave(s, d);
  return 0;
}


static Amount plus (Amount a, Amount b) {
  if (a.kind == SK_DICT_INTEGER && b.kind == SK_DICT_INTEGER) {
    a.u.i = (int64_t)((uint64_t)a.u.i + (uint64_t)b.u.i); /* as Lua's */
    return a;
  }
  double x = a.kind == SK_DICT_FLOAT ? a.u.d : (double)a.u.i;
  double y = b.kind == SK_DICT_FLOAT ? b.u.d : (double)b.u.i;
  return (Amount){.kind = SK_DICT_FLOAT, .u.d = x + y};
}


/*
** Inside: add 'a' to the number at 'p', which is in 'a' then. -EINVAL: there is
** no number; -ENOENT: it takes a new entry, and there is none to put.
*/
static int add (Member *m, Dict *d, Place p, Amount *a) {
  Amount sum = *a;
  if (p.item != 0) {
    Amount old = sk_dict_entry(p.item)->amount;
    if (old.kind == SK_DICT_MESSAGE) return -EINVAL;
    sum = plus(old, *a);
    if (sum.kind == old.kind) {
      sk_dict_renumber(p.item, sum);
      *a = sum;
      return 0;
    }
  }
  if (m->slot->out == 0) return -ENOENT;
  sk_dict_amend(m, sum);
  sk_dict_put(m, d, p);
  *a = sum;
  return 0;
}


/* d:add(k, n) -> the new value */
static int dict_add (lua_State *L) {
  Dict *d = checkdict(L);
  Shared *s = sk_shared_of((Sched *)sk_upvalue(L));
  Scalar number;
  Amount a;
  Place p;
  lua_settop(L, 3);
  if (!getnumber(L, 3, &a)) sk_number_refuse(L, 3, "number");
  sk_sched_checkpoint(L, s->S);
  Key k = checkkey(L, 2, &number);
  int err = -ENOENT;
  sk_item_free(&s->m, &s->m.slot->out); /* a raise may have left it */
  for (int i = 0; i < 2 && err == -ENOENT; i++) {
    if (i > 0) makeentry(L, s, &k, 3);
    bool inside = enter(s, d, &k, &p);
    if (inside) {
      err = add(&s->m, d, p, &a);
      leave(s, d);
    }
    if (err != -ENOENT || !inside) sk_item_free(&s->m, &s->m.slot->out);
    if (!inside) return await(L, s, d, dict_add);
  }
  if (err != 0) return luaL_error(L, "the value is not a number");
  pushnumber(L, a);
  return 1;
}


/* ---- looking ---- */

/* Add the bytes of a message to what is copied. */
static void copy (Shared *s, Off item) {
  const Item *i = sk_at(Item, item);
  sk_buf_add(&s->copy, (const char *)&i->size, sizeof i->size);
  sk_buf_add(&s->copy, i->bytes, i->size);
}


/* Push what was copied, as a string: decoding it may copy other things. */
static void pushcopy (lua_State *L, Shared *s) {
  if (s->copy.failed) luaL_error(L, "not enough memory");
  lua_pushlstring(L, s->copy.data, s->copy.size);
}


/* Push key and value of the copied entry at 'bytes'; where the next one is. */
static const char *pushentry (lua_State *L, const char *bytes, bool key) {
  Entry e;
  uint64_t size;
  memcpy(&size, bytes, sizeof size);
  bytes += sizeof size;
  memcpy(&e, bytes, sizeof e);
  if (key) pushkey(L, &e, bytes + offsetof(Entry, key));
  if (e.amount.kind != SK_DICT_MESSAGE)
    pushnumber(L, e.amount);
  else {
    Key k = {.size = e.keysize};
    size_t room = sk_dict_room(&k);
    pushmessage(L, bytes + room, size - room);
  }
  return bytes + size;
}


/* Is it too much to be copied under the guard? */
static bool islarge (Off item) {
  return sk_at(Item, item)->size > SK_ITEM_LARGE;
}


/* Push what the borrowed entry says, as a string, and return it. */
static void pushborrowed (lua_State *L, Shared *s) {
  const Item *i = sk_at(Item, s->m.slot->loan);
  Key k = {.size = sk_dict_entry(s->m.slot->loan)->keysize};
  size_t room = sk_dict_room(&k);
  lua_pushlstring(L, i->bytes + room, i->size - room);
  sk_item_return(&s->m, s->m.slot);
}


/* d:get(k) -> value */
static int dict_get (lua_State *L) {
  Dict *d = checkdict(L);
  Shared *s = sk_shared_of((Sched *)sk_upvalue(L));
  Scalar number;
  Key k = checkkey(L, 2, &number);
  Amount a = {.kind = SK_DICT_MESSAGE};
  Off e;
  sk_item_return(&s->m, s->m.slot); /* a raise left it */
  do {
    sk_object_enter(&s->m, &d->lock.o);
    e = sk_dict_find(d, &k).item;
  } while (!recognize(s, d, &k, e));
  if (e != 0) a = sk_dict_entry(e)->amount;
  bool message = e != 0 && a.kind == SK_DICT_MESSAGE;
  if (message && islarge(e))
    sk_item_borrow(&s->m.slot->loan, e);
  else if (message) {
    sk_buf_clear(&s->copy);
    copy(s, e);
  }
  sk_object_leave(&s->m, &d->lock.o);
  if (message && s->m.slot->loan != 0) {
    size_t n;
    pushborrowed(L, s);
    const char *bytes = lua_tolstring(L, -1, &n);
    pushmessage(L, bytes, n);
    return 1;
  }
  sk_item_return(&s->m, s->m.slot);
  if (message) {
    pushcopy(L, s);
    pushentry(L, lua_tostring(L, -1), false);
  }
  else if (e != 0)
    pushnumber(L, a);
  else
    lua_pushnil(L);
  return 1;
}


/* (entries as a string, where the next one is) -> key, value */
static int step (lua_State *L) {
  size_t size;
  const char *all = lua_tolstring(L, lua_upvalueindex(2), &size);
  lua_Integer at = lua_tointeger(L, lua_upvalueindex(3));
  if ((size_t)at >= size) return 0;
  const char *next = pushentry(L, all + at, true);
  lua_pushinteger(L, next - all);
  lua_replace(L, lua_upvalueindex(3));
  return 2;
}


/* Copy all entries, but borrow large ones, if there is room for 'most': how many
   those are. All at one instant. */
static size_t copyall (Shared *s, Dict *d, Off *loans, size_t most) {
  size_t large = 0;
  sk_buf_clear(&s->copy);
  sk_object_enter(&s->m, &d->lock.o);
  for (Off e = sk_dict_next(d, 0); e != 0; e = sk_dict_next(d, e)) {
    if (!islarge(e))
      copy(s, e);
    else if (large++ < most)
      sk_item_borrow(&loans[large - 1], e);
  }
  sk_object_leave(&s->m, &d->lock.o);
  return large;
}


/* d:pairs() -> iterator: key, value */
static int dict_pairs (lua_State *L) {
  Dict *d = checkdict(L);
  Shared *s = sk_shared_of((Sched *)sk_upvalue(L));
  Off *loans = NULL;
  size_t most = 0, n;
  sk_item_return(&s->m, s->m.slot);
  while ((n = copyall(s, d, loans, most)) > most) {
    loans = sk_item_loans(&s->m, n);
    if (loans == NULL) return luaL_error(L, "not enough memory");
    most = n;
  }
  for (size_t i = 0; i < n; i++) copy(s, loans[i]);
  sk_item_return(&s->m, s->m.slot);
  lua_pushlightuserdata(L, s->S);
  pushcopy(L, s);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, step, 3);
  return 1;
}


/* #d */
static int dict_len (lua_State *L) {
  const Dict *d = checkdict(L);
  uint64_t n = __atomic_load_n(&d->count, __ATOMIC_ACQUIRE);
  lua_pushinteger(L, (lua_Integer)n);
  return 1;
}


/* ---- making ---- */

static int dict_tostring (lua_State *L) {
  const Dict *d = checkdict(L);
  lua_pushfstring(L, "skein.Dict: %I", (LUAI_UACINT)sk_off(d));
  return 1;
}


/* skein.dict([opts]) -> dict; there are no options yet */
static int newdict (lua_State *L) {
  static const char *const options[] = {NULL};
  if (!lua_isnoneornil(L, 1)) sk_checkoptions(L, 1, options);
  Shared *s = sk_shared_open(L, sk_upvalue(L));
  Dict *d = (Dict *)sk_shared_new(L, s, SK_DICT, 0, CLASS)->o;
  if (sk_dict_make(d) != 0)
    return luaL_error(L, "cannot make a dict: not enough memory");
  return 1;
}


/* 'update' is added by lua/skein/dict.lua. */
static const luaL_Reg methods[] = {{"get", dict_get},       {"set", dict_set},
                                   {"delete", dict_delete}, {"add", dict_add},
                                   {"pairs", dict_pairs},   {NULL, NULL}};

static const luaL_Reg meta[] = {{"__len", dict_len},
                                {"__pairs", dict_pairs},
                                {"__tostring", dict_tostring},
                                {NULL, NULL}};

static const luaL_Reg functions[] = {{"dict", newdict}, {NULL, NULL}};

static const SharedClass class = {
    .name = CLASS,
    .object = &sk_dict_class,
    .ref = {SK_DICT, "dict", sk_shared_encode, sk_shared_decode,
            sk_shared_forget},
    .module = "skein.dict",
    .methods = methods,
    .meta = meta,
    .functions = functions,
};


void sk_open_dict (lua_State *L, Sched *S) {
  sk_shared_class(L, S, &class);
}
