/*
** lib_lock.c - skein.lock: one task at a time, anywhere in the family.
*/
#include "lib_lock.h"
#include "lock.h"
#include "open.h"
#include "select.h"
#include "shared.h"

#define CLASS SK_LOCK_CLASS
#define HOLD "skein.Hold"


static Lock *checklock (lua_State *L, Sched *S) {
  return (Lock *)sk_shared_check(L, S, 1, SK_LOCK, CLASS)->o;
}


/* Push what an acquire returns. */
static int acquired (lua_State *L, Shared *s, int result) {
  if (result < 0) return sk_fail(L, result);
  s->held++;
  lua_pushboolean(L, 1);
  if (result != SK_ABANDONED) return 1;
  lua_pushliteral(L, "abandoned");
  return 2;
}


static int granted (lua_State *L, int status, lua_KContext ctx) {
  Sched *S = sk_upvalue(L);
  (void)status;
  return acquired(L, sk_shared_of(S), sk_shared_settle(L, S, ctx));
}


/* The task waits for itself: for ever is an error, a while is a timeout. */
static int invain (lua_State *L, Shared *s, sk_time due, int *result) {
  *result = -ETIMEDOUT;
  if (due == SK_NOW) return -1;
  if (due != SK_FOREVER)
    return sk_sched_park(L, s->S, NULL, due, "lock acquire");
  return sk_raise(L, "deadlock",
                  "this task has acquired the lock already"
                  " (use {reentrant = true} to allow that)");
}


/* Acquire 'l'; the continuation 'k' does what comes after a wait. */
static int acquire (lua_State *L, Shared *s, Lock *l, sk_time due,
                    lua_KFunction k, int *result) {
  uint64_t who = sk_shared_who(s);
  sk_sched_checkpoint(L, s->S);
  *result = sk_lock_try(&s->m, l, who);
  if (*result == -EAGAIN && due != SK_NOW) {
    Petition *p = sk_shared_petition(L, s, due);
    *result = sk_lock_acquire(&s->m, l, who, p->seat);
    if (*result == -EAGAIN)
      return sk_shared_suspend(L, s, p, "lock acquire", k);
    sk_shared_dismiss(s, p);
  }
  if (*result == -EDEADLK) return invain(L, s, due, result);
  if (*result == -EAGAIN) *result = -ETIMEDOUT;
  return -1;
}


/* l:acquire([timeout]) -> true | true, "abandoned" | nil, "timeout" */
int sk_liblock_acquire (lua_State *L) {
  int result;
  Sched *S = sk_upvalue(L);
  Lock *l = checklock(L, S);
  sk_time due = sk_checkdeadline(L, 2);
  lua_settop(L, 1);
  Shared *s = sk_shared_of(S);
  int n = acquire(L, s, l, due, granted, &result);
  if (n >= 0) return n;
  n = acquired(L, s, result);
  return result < 0 ? n : sk_sched_turn(L, s->S, n);
}


/* l:release() - raises if the running task does not hold it. */
int sk_liblock_release (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Lock *l = checklock(L, S);
  Shared *s = sk_shared_of(S);
  if (sk_lock_release(&s->m, l, sk_shared_who(s)) != 0)
    return sk_misuse(L, sk_lock_owner(l) == 0
                            ? "the lock is not acquired"
                            : "the lock belongs to another task");
  s->held--;
  return 0;
}


static int pushhold (lua_State *L) {
  lua_newuserdatauv(L, 0, 1);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, HOLD);
  return 1;
}


/* The hold, which was made before, is at the top. */
static int held (lua_State *L, Shared *s, int result) {
  s->held++;
  if (result != SK_ABANDONED) return 1;
  lua_pushliteral(L, "abandoned");
  return 2;
}


static int holdgranted (lua_State *L, int status, lua_KContext ctx) {
  Sched *S = sk_upvalue(L);
  (void)status;
  int result = sk_shared_settle(L, S, ctx);
  return held(L, sk_shared_of(S), result);
}


/* l:hold() -> hold [, "abandoned"]: acquires; the hold's __close releases */
static int lock_hold (lua_State *L) {
  int result;
  Sched *S = sk_upvalue(L);
  Lock *l = checklock(L, S);
  lua_settop(L, 1);
  pushhold(L); /* first, for it can raise */
  Shared *s = sk_shared_of(S);
  int n = acquire(L, s, l, SK_FOREVER, holdgranted, &result);
  if (n >= 0) return n;
  return sk_sched_turn(L, s->S, held(L, s, result));
}


static int hold_close (lua_State *L) {
  luaL_checkudata(L, 1, HOLD);
  lua_getiuservalue(L, 1, 1);
  if (lua_isnil(L, -1)) return 0; /* closed before */
  lua_pushnil(L);
  lua_setiuservalue(L, 1, 1);
  lua_replace(L, 1);
  lua_settop(L, 1);
  return sk_liblock_release(L);
}


/* ---- select ---- */

static Lock *caseof (lua_State *L, int at) {
  return (Lock *)((Handle *)lua_touserdata(L, at))->o;
}


static int tryacquire (lua_State *L, Sched *S, int at) {
  Shared *s = sk_shared_of(S);
  int result = sk_lock_acquire(&s->m, caseof(L, at), sk_shared_who(s), NULL);
  /* its own task cannot release it while it waits here: not this case */
  return result < 0 ? -EAGAIN : acquired(L, s, result);
}


static int tryready (lua_State *L, Sched *S, int at) {
  Shared *s = sk_shared_of(S);
  return sk_lock_poll(&s->m, caseof(L, at), sk_shared_who(s), NULL);
}


static bool watch (lua_State *L, Sched *S, int at, void *place) {
  Shared *s = sk_shared_of(S);
  return sk_lock_poll(&s->m, caseof(L, at), sk_shared_who(s),
                      sk_shared_seat(place)) == -EAGAIN;
}


static const SelectOp selects[] = {
    {.name = "acquire", .attempt = tryacquire, .watch = watch},
    {.name = "ready", .attempt = tryready, .watch = watch},
    {.name = NULL},
};


/* ---- making ---- */

static int lock_tostring (lua_State *L) {
  lua_pushfstring(L, "skein.Lock: %I",
                  (LUAI_UACINT)sk_off(checklock(L, sk_upvalue(L))));
  return 1;
}


/* skein.lock([{reentrant =}]) -> lock */
static int newlock (lua_State *L) {
  static const char *const options[] = {"reentrant", NULL};
  bool reentrant = false;
  if (!lua_isnoneornil(L, 1)) {
    sk_checkoptions(L, 1, options);
    reentrant = sk_optflag(L, 1, "reentrant", false);
  }
  Shared *s = sk_shared_open(L, sk_upvalue(L));
  Handle *h = sk_shared_new(L, s, SK_LOCK, 0, CLASS);
  ((Lock *)h->o)->reentrant = reentrant;
  return 1;
}


/* 'with' is added by lua/skein/lock.lua. */
static const luaL_Reg methods[] = {{"acquire", sk_liblock_acquire},
                                   {"release", sk_liblock_release},
                                   {"hold", lock_hold},
                                   {NULL, NULL}};

static const luaL_Reg meta[] = {{"__tostring", lock_tostring}, {NULL, NULL}};

static const luaL_Reg holdmeta[] = {{"__close", hold_close}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"lock", newlock}, {NULL, NULL}};

static void complete (lua_State *L, Sched *S) {
  sk_newclass(L, S, HOLD, NULL, holdmeta);
}


static const SharedClass class = {
    .name = CLASS,
    .object = &sk_lock_class,
    .ref = {SK_LOCK, "lock", sk_shared_encode, sk_shared_decode,
            sk_shared_forget},
    .module = "skein.lock",
    .methods = methods,
    .meta = meta,
    .selects = selects,
    .functions = functions,
    .complete = complete,
};


void sk_open_lock (lua_State *L, Sched *S) {
  sk_shared_class(L, S, &class);
}
