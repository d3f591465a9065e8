/*
** lib_condition.c - skein.condition: to wait for what a lock guards.
**
** The user value of a handle is the handle of its lock, made on first need:
** whoever acquires the lock refers to it, so that its death is noticed.
*/
#include "condition.h"
#include "lib_lock.h"
#include "open.h"
#include "shared.h"

#define CLASS "skein.Condition"


/* The condition at 1; the handle of its lock is pushed. */
static Condition *checkcondition (lua_State *L) {
  Condition *c = (Condition *)sk_shared_check(L, 1, SK_CONDITION, CLASS)->o;
  if (lua_getiuservalue(L, 1, 1) == LUA_TUSERDATA) return c;
  lua_pop(L, 1);
  sk_shared_push(L, sk_shared_of((Sched *)sk_upvalue(L)),
                 sk_at(Object, c->lock), 0, SK_LOCK_CLASS);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, 1, 1);
  return c;
}


static int notmine (lua_State *L, const char *verb) {
  return luaL_error(L,
                    "cannot %s: this task has not acquired the lock of the "
                    "condition",
                    verb);
}


/* c:acquire([timeout]) -> true | true, "abandoned" | nil, "timeout" */
static int condition_acquire (lua_State *L) {
  checkcondition(L);
  lua_replace(L, 1);
  return sk_liblock_acquire(L);
}


/* c:release() */
static int condition_release (lua_State *L) {
  checkcondition(L);
  lua_replace(L, 1);
  return sk_liblock_release(L);
}


/* The lock is ours again, or it was not to be had. */
static int returned (lua_State *L, int status, lua_KContext ctx) {
  Sched *S = sk_upvalue(L);
  const Seat *w = ((Petition *)ctx)->seat;
  uint32_t wish = w->wish;
  uint64_t times = (uint64_t)w->amount + 1;
  (void)status;
  int result = sk_shared_settle(L, S, ctx);
  sk_shared_of(S)->held += times;
  if (wish == ETIMEDOUT) return sk_fail(L, -ETIMEDOUT);
  if (wish != SK_CALLED) return sk_sched_raise(L, S, -(int)wish);
  lua_pushboolean(L, 1);
  if (result != SK_ABANDONED) return 1;
  lua_pushliteral(L, "abandoned");
  return 2;
}


/* c:wait([timeout]) -> true | true, "abandoned" | nil, "timeout" */
static int condition_wait (lua_State *L) {
  sk_shared_check(L, 1, SK_CONDITION, CLASS);
  sk_time due = sk_checkdeadline(L, 2);
  lua_settop(L, 1);
  Condition *c = checkcondition(L);
  Lock *l = sk_condition_lock(c);
  Shared *s = sk_shared_of((Sched *)sk_upvalue(L));
  uint64_t who = sk_shared_who(s);
  if (sk_lock_owner(l) != who) return notmine(L, "wait");
  sk_sched_checkpoint(L, s->S);
  Petition *p = sk_shared_petition(L, s, due);
  sk_lock_wait(&s->m, l, &c->room, who, p->seat);
  s->held -= (uint64_t)p->seat->amount + 1;
  return sk_shared_suspend(L, s, p, "condition wait", returned);
}


static int call (lua_State *L, Condition *c, uint64_t n) {
  Shared *s = sk_shared_of((Sched *)sk_upvalue(L));
  if (sk_lock_call(&s->m, sk_condition_lock(c), &c->room, sk_shared_who(s),
                   n) != 0)
    return notmine(L, "notify");
  return 0;
}


/* c:notify([n]) - those n that have waited longest; one by default */
static int condition_notify (lua_State *L) {
  sk_shared_check(L, 1, SK_CONDITION, CLASS);
  lua_Integer n = 1;
  if (!lua_isnoneornil(L, 2)) n = sk_checkcount(L, 2, 2, "n", 1);
  return call(L, checkcondition(L), (uint64_t)n);
}


/* c:notify_all() */
static int condition_notify_all (lua_State *L) {
  return call(L, checkcondition(L), UINT64_MAX);
}


static int condition_tostring (lua_State *L) {
  Handle *h = luaL_checkudata(L, 1, CLASS);
  lua_pushfstring(L, "skein.Condition: %I", (LUAI_UACINT)sk_off(h->o));
  return 1;
}


/* skein.condition([lock]) -> condition */
static int newcondition (lua_State *L) {
  Shared *s = sk_shared_open(L, sk_upvalue(L));
  lua_settop(L, 1);
  if (lua_isnil(L, 1)) {
    sk_shared_new(L, s, SK_LOCK, 0, SK_LOCK_CLASS);
    lua_replace(L, 1);
  }
  Handle *lock = luaL_checkudata(L, 1, SK_LOCK_CLASS);
  Handle *h = sk_shared_new(L, s, SK_CONDITION, 0, CLASS);
  if (sk_condition_init(&s->m, (Condition *)h->o, (Lock *)lock->o) != 0)
    return luaL_error(L, "cannot make a condition: not enough memory");
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, 2, 1);
  return 1;
}


static const luaL_Reg methods[] = {{"acquire", condition_acquire},
                                   {"release", condition_release},
                                   {"wait", condition_wait},
                                   {"notify", condition_notify},
                                   {"notify_all", condition_notify_all},
                                   {NULL, NULL}};

static const luaL_Reg meta[] = {{"__tostring", condition_tostring},
                                {NULL, NULL}};

static const luaL_Reg functions[] = {{"condition", newcondition}, {NULL, NULL}};

static const SharedClass class = {
    .name = CLASS,
    .object = &sk_condition_class,
    .ref = {SK_CONDITION, "condition", sk_shared_encode, sk_shared_decode,
            sk_shared_forget},
    .methods = methods,
    .meta = meta,
    .functions = functions,
};


void sk_open_condition (lua_State *L, Sched *S) {
  sk_shared_class(L, S, &class);
}
