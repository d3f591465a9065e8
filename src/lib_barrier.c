/*
** lib_barrier.c - skein.barrier: nobody goes on before all have come.
*/
#include "barrier.h"
#include "open.h"
#include "wish.h"

#define CLASS "skein.Barrier"


static Barrier *checkbarrier (lua_State *L) {
  return (Barrier *)sk_shared_check(L, 1, SK_BARRIER, CLASS)->o;
}


static Member *member (lua_State *L) {
  return &sk_shared_of((Sched *)sk_upvalue(L))->m;
}


/* Who gave up has broken it as well, so it is told the same as all. */
static int push (lua_State *L, int result) {
  if (result > 0) {
    lua_pushinteger(L, result);
    return 1;
  }
  luaL_pushfail(L);
  lua_pushliteral(L, "broken");
  return 2;
}


static int attempt (Member *m, Object *o, Seat *w) {
  return sk_barrier_wait(m, (Barrier *)o, w);
}


/* Come, and do not wait: unless this was the last, that breaks it. */
static int rush (Member *m, Object *o, Seat *w) {
  int result = attempt(m, o, w);
  if (result == -EAGAIN) sk_barrier_abort(m, (Barrier *)o);
  return result;
}


static const Wish wish = {
    .what = "barrier wait", .attempt = attempt, .push = push};
static const Wish hasty = {
    .what = "barrier wait", .attempt = rush, .push = push};


/* b:wait([timeout]) -> 1 ... n | nil, "broken" */
static int barrier_wait (lua_State *L) {
  Barrier *b = checkbarrier(L);
  sk_time due = sk_checkdeadline(L, 2);
  lua_settop(L, 1);
  return sk_wish_wait(L, sk_shared_of((Sched *)sk_upvalue(L)), &b->o,
                      due == SK_NOW ? &hasty : &wish, due);
}


/* b:abort() - breaks it. */
static int barrier_abort (lua_State *L) {
  Barrier *b = checkbarrier(L);
  sk_barrier_abort(member(L), b);
  return 0;
}


/* b:reset() - makes it new; who waits is told that it was broken. */
static int barrier_reset (lua_State *L) {
  Barrier *b = checkbarrier(L);
  sk_barrier_reset(member(L), b);
  return 0;
}


static int barrier_tostring (lua_State *L) {
  const Barrier *b = checkbarrier(L);
  lua_pushfstring(L, "skein.Barrier: %I", (LUAI_UACINT)sk_off(b));
  return 1;
}


/* skein.barrier(n) -> barrier */
static int newbarrier (lua_State *L) {
  lua_Integer n = sk_checkcount(L, 1, 1, "n", 1);
  luaL_argcheck(L, n <= INT32_MAX, 1, "n: too large");
  Shared *s = sk_shared_open(L, sk_upvalue(L));
  Handle *h = sk_shared_new(L, s, SK_BARRIER, 0, CLASS);
  ((Barrier *)h->o)->parties = (int32_t)n;
  return 1;
}


static const luaL_Reg methods[] = {{"wait", barrier_wait},
                                   {"abort", barrier_abort},
                                   {"reset", barrier_reset},
                                   {NULL, NULL}};

static const luaL_Reg meta[] = {{"__tostring", barrier_tostring}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"barrier", newbarrier}, {NULL, NULL}};

static const SharedClass class = {
    .name = CLASS,
    .object = &sk_barrier_class,
    .ref = {SK_BARRIER, "barrier", sk_shared_encode, sk_shared_decode,
            sk_shared_forget},
    .methods = methods,
    .meta = meta,
    .functions = functions,
};


void sk_open_barrier (lua_State *L, Sched *S) {
  sk_shared_class(L, S, &class);
}
