/*
** select.c - Waiting for several things at once. See select.h.
**
** The stack of a call, from 1: the list of cases, a Select (once it has to
** wait), and the four slots of each case.
*/
#include <string.h>

#include "lib.h"
#include "select.h"

#define BASE 3                            /* the slots of the first case */
#define SLOTS 4                           /* of a case */
#define slot(i) (BASE + SLOTS * (int)(i)) /* cases count from 0 here */

static const char OPS = 'o'; /* of the operations, in a metatable */

typedef struct Case {
  Waiter waiter;
  const SelectOp *op;
  void *place; /* where it is told of what is shared, or NULL */
} Case;

typedef struct Select {
  Wait wait;
  sk_time due;
  int count;
  bool again; /* it was woken in vain */
  Case cases[];
} Select;


void sk_select_class (lua_State *L, const SelectOp *ops) {
  lua_pushlightuserdata(L, (void *)(uintptr_t)ops);
  lua_rawsetp(L, -2, &OPS);
}


/* ---- reading the cases ---- */

static int casefails (lua_State *L, int number, const char *text) {
  return luaL_argerror(L, 1, lua_pushfstring(L, "case %d: %s", number, text));
}


int sk_select_error (lua_State *L, int at, const char *text) {
  return casefails(L, (at - BASE) / SLOTS + 1, text);
}


static const SelectOp *opsof (lua_State *L, int idx) {
  if (!lua_getmetatable(L, idx)) return NULL;
  lua_rawgetp(L, -1, &OPS);
  const SelectOp *ops = lua_touserdata(L, -1);
  lua_pop(L, 2);
  return ops;
}


static const SelectOp *findop (lua_State *L, int at, const char *name,
                               int number) {
  const SelectOp *op = opsof(L, at);
  if (op == NULL)
    casefails(L, number,
              lua_pushfstring(L, "cannot wait for a %s", sk_typename(L, at)));
  if (name == NULL) return op;
  for (; op->name != NULL; op++)
    if (strcmp(op->name, name) == 0) return op;
  casefails(L, number,
            lua_pushfstring(L, "a %s has no '%s' to wait for",
                            sk_typename(L, at), name));
  return NULL;
}


bool sk_select_once (lua_State *L) {
  const Select *s = lua_touserdata(L, 2);
  return s->due == SK_NOW;
}


/* What the operation is given, from 'at' on: a value and a priority. */
static void checkgiven (lua_State *L, const SelectOp *op, int at, int number) {
  if (op->offers && lua_isnil(L, at))
    casefails(L, number, lua_pushfstring(L, "cannot %s nil", op->name));
  if (lua_isnil(L, at + 2)) return;
  lua_Number priority = lua_tonumber(L, at + 2);
  if (lua_type(L, at + 2) != LUA_TNUMBER || priority != priority)
    casefails(L, number,
              lua_pushfstring(L, "priority: number expected, got %s",
                              sk_describe(L, at + 2)));
}


/* Push the slots of the case at the top, which they replace. */
static const SelectOp *readcase (lua_State *L, int number, bool peek) {
  int at = lua_gettop(L);
  if (lua_type(L, at) != LUA_TTABLE || opsof(L, at) != NULL || peek) {
    lua_settop(L, at + SLOTS - 1);
    return findop(L, at, peek ? "ready" : NULL, number);
  }
  lua_rawgeti(L, at, 1);
  for (int i = 1; i < SLOTS; i++) lua_rawgeti(L, at, i + 2);
  lua_rawgeti(L, at, 2);
  const char *name = lua_tostring(L, -1); /* kept by the case */
  lua_pop(L, 1);
  const SelectOp *op = findop(L, at + 1, name, number);
  checkgiven(L, op, at + 2, number);
  lua_remove(L, at);
  return op;
}


/* Lay out all cases; returns the record of the wait, which is at 2. */
static Select *readcases (lua_State *L, bool peek) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_Integer n = luaL_len(L, 1);
  luaL_argcheck(L, n > 0, 1, "empty list");
  luaL_argcheck(L, n < 100000, 1, "too many cases");
  luaL_checkstack(L, SLOTS * (int)n + LUA_MINSTACK, "too many cases");
  lua_settop(L, 1);
  Select *s = lua_newuserdatauv(L, sizeof *s + (size_t)n * sizeof(Case), 0);
  memset(s, 0, sizeof *s + (size_t)n * sizeof(Case));
  s->count = (int)n;
  for (int i = 0; i < n; i++) {
    lua_geti(L, 1, i + 1);
    s->cases[i].op = readcase(L, i + 1, peek);
  }
  return s;
}


/* ---- waiting ---- */

/* Stand in no line any more. The place of 'but' stays reserved. */
static void leavelines (Sched *S, Select *s, const Waiter *but) {
  for (int i = 0; i < s->count; i++) /* to leave may deliver what is ours */
    if (s->cases[i].place != NULL) s->cases[i].waiter.task = NULL;
  for (int i = 0; i < s->count; i++) {
    Case *c = &s->cases[i];
    sk_list_remove(&c->waiter.link);
    if (c->place == NULL || &c->waiter == but) continue;
    S->family.vacate(S, c->place);
    c->place = NULL;
  }
}


static bool withdraw (Sched *S, Task *t, Wait *w) {
  (void)t;
  leavelines(S, sk_container(w, Select, wait), NULL);
  return true; /* who is told has got nothing yet */
}


static void drop (Wait *w) {
  Select *s = sk_container(w, Select, wait);
  for (int i = 0; i < s->count; i++) sk_list_remove(&s->cases[i].waiter.link);
}


static void granted (Sched *S, Task *t, Wait *w, Waiter *by) {
  (void)t;
  /* what it was given, if it was, is at its place */
  leavelines(S, sk_container(w, Select, wait), by);
}


static bool reserve (Sched *S, Select *s) {
  for (int i = 0; i < s->count; i++) {
    Case *c = &s->cases[i];
    c->waiter = (Waiter){.task = S->current, .value = slot(i) + 1, .tag = i};
    if (c->op->outside) s->wait.hope = true;
    if (c->op->watch == NULL) continue;
    s->wait.shared = true;
    c->place = S->family.reserve(S, &c->waiter);
    if (c->place == NULL) return false;
  }
  return true;
}


/* Those who are told first: meanwhile something may have come. */
static bool standinlines (lua_State *L, Sched *S, Select *s) {
  for (int i = 0; i < s->count; i++) {
    Case *c = &s->cases[i];
    if (c->place != NULL && !c->op->watch(L, S, slot(i), c->place))
      return false;
  }
  for (int i = 0; i < s->count; i++) {
    Case *c = &s->cases[i];
    if (c->place == NULL) c->op->enlist(L, S, slot(i), &c->waiter);
  }
  return true;
}


/*
** Stand in all lines: afterwards nothing can raise until the task is woken.
** False: in none, for one of the cases need not wait any more.
*/
static bool enlist (lua_State *L, Sched *S, Select *s) {
  sk_sched_prepare(L, S, s->due);
  s->wait = (Wait){.withdraw = withdraw, .granted = granted, .drop = drop};
  bool room = reserve(S, s);
  if (room && standinlines(L, S, s)) return true;
  leavelines(S, s, NULL);
  sk_sched_unprepare(S);
  if (!room) luaL_error(L, "cannot wait: not enough memory");
  return false;
}


/* A different beginning each time, so that no case is favoured. */
static int begin (Sched *S, int count) {
  S->dice ^= S->dice << 13;
  S->dice ^= S->dice >> 17;
  S->dice ^= S->dice << 5;
  return (int)(S->dice % (unsigned)count);
}


/* Put the number of the case below its 'n' results. */
static int number (lua_State *L, int i, int n) {
  lua_pushinteger(L, i + 1);
  lua_insert(L, -n - 1);
  return n + 1;
}


static int tryselect (lua_State *L, Sched *S);


/* What a case that was told has been given. 0: an item; or -EAGAIN. */
static int claim (Sched *S, Case *c) {
  void *place = c->place;
  c->place = NULL;
  return S->family.claim(S, place) ? 0 : -EAGAIN;
}


static int finishselect (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  Sched *S = (Sched *)ctx;
  int n = sk_sched_woken(L, S);
  if (n == -ETIMEDOUT) return sk_fail(L, n);
  Select *s = lua_touserdata(L, 2);
  int i = S->current->self.tag;
  const SelectOp *op = s->cases[i].op;
  if (s->cases[i].place != NULL) n = claim(S, &s->cases[i]);
  if (op->finish != NULL)
    n = op->finish(L, S, slot(i), n);
  else if (n < 0 && n != -EAGAIN)
    n = sk_fail(L, n);
  if (n >= 0) return number(L, i, n);
  sk_sched_checkpoint(L, S);
  s->again = true;
  return tryselect(L, S); /* another one may have been faster */
}


static int tryselect (lua_State *L, Sched *S) {
  Select *s = lua_touserdata(L, 2);
  do {
    lua_settop(L, slot(s->count) - 1);
    int first = begin(S, s->count);
    for (int k = 0; k < s->count; k++) {
      int i = (first + k) % s->count;
      int n = s->cases[i].op->attempt(L, S, slot(i));
      if (n >= 0) return sk_sched_turn(L, S, number(L, i, n));
    }
    if (s->due == SK_NOW) return sk_fail(L, -ETIMEDOUT);
  } while (!enlist(L, S, s));
  if (s->again) sk_sched_again(S);
  return sk_sched_suspend(L, S, NULL, &s->wait, "select", (lua_KContext)S,
                          finishselect);
}


/* core.select(cases, [timeout]) -> index, results... | nil, "timeout" */
static int core_select (lua_State *L) {
  Sched *S = sk_upvalue(L);
  sk_time due = sk_checkdeadline(L, 2);
  readcases(L, false)->due = due;
  sk_sched_checkpoint(L, S);
  return tryselect(L, S);
}


/* ---- skein.wait ---- */

/* Push the list of those that are ready; false: none is. */
static bool pushready (lua_State *L, Sched *S, const Select *s) {
  lua_Integer found = 0;
  lua_newtable(L);
  for (int i = 0; i < s->count; i++) {
    if (s->cases[i].op->attempt(L, S, slot(i)) < 0) continue;
    lua_pushvalue(L, slot(i));
    lua_rawseti(L, -2, ++found);
  }
  if (found == 0) lua_pop(L, 1);
  return found > 0;
}


static int waitready (lua_State *L, Sched *S);


static int finishwait (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  Sched *S = (Sched *)ctx;
  int n = sk_sched_woken(L, S);
  Select *s = lua_touserdata(L, 2);
  lua_settop(L, slot(s->count) - 1);
  for (int i = 0; i < s->count; i++)
    if (s->cases[i].place != NULL) claim(S, &s->cases[i]);
  if (n == -ETIMEDOUT) return sk_fail(L, n);
  sk_sched_checkpoint(L, S);
  s->again = true;
  return waitready(L, S); /* unless it is gone again */
}


static int waitready (lua_State *L, Sched *S) {
  Select *s = lua_touserdata(L, 2);
  do {
    if (pushready(L, S, s)) return sk_sched_turn(L, S, 1);
    if (s->due == SK_NOW) return sk_fail(L, -ETIMEDOUT);
  } while (!enlist(L, S, s));
  if (s->again) sk_sched_again(S);
  return sk_sched_suspend(L, S, NULL, &s->wait, "any of a list",
                          (lua_KContext)S, finishwait);
}


/* core.wait(list, [timeout]) -> those that are ready | nil, "timeout" */
static int core_wait (lua_State *L) {
  Sched *S = sk_upvalue(L);
  sk_time due = sk_checkdeadline(L, 2);
  readcases(L, true)->due = due;
  sk_sched_checkpoint(L, S);
  return waitready(L, S);
}


static const luaL_Reg functions[] = {
    {"select", core_select},
    {"wait", core_wait},
    {NULL, NULL},
};


void sk_open_select (lua_State *L, Sched *S) {
  S->dice = (uint32_t)(uintptr_t)S | 1u;
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, functions, 1);
}
