/*
** lib_semaphore.c - skein.semaphore: so many at a time.
*/
#include "open.h"
#include "select.h"
#include "semaphore.h"
#include "wish.h"

#define CLASS "skein.Semaphore"


static Semaphore *checksemaphore (lua_State *L) {
  return (Semaphore *)sk_shared_check(L, 1, SK_SEMAPHORE, CLASS)->o;
}


static int attempt (Member *m, Object *o, Seat *w) {
  return sk_semaphore_acquire(m, (Semaphore *)o, w);
}


static const Wish wish = {
    .what = "semaphore acquire", .attempt = attempt, .push = sk_wish_done};


/* s:acquire([timeout]) -> true | nil, "timeout" */
static int semaphore_acquire (lua_State *L) {
  Semaphore *s = checksemaphore(L);
  sk_time due = sk_checkdeadline(L, 2);
  lua_settop(L, 1);
  return sk_wish_wait(L, sk_shared_of((Sched *)sk_upvalue(L)), &s->o, &wish,
                      due);
}


/* s:release([n]) - raises if there would be more than 'max'. */
static int semaphore_release (lua_State *L) {
  Semaphore *s = checksemaphore(L);
  lua_Integer n = 1;
  if (!lua_isnoneornil(L, 2)) n = sk_checkcount(L, 2, 2, "n", 1);
  Shared *sh = sk_shared_of((Sched *)sk_upvalue(L));
  if (sk_semaphore_release(&sh->m, s, n) != 0)
    return luaL_error(L, "released too often: the semaphore has %I at most",
                      (LUAI_UACINT)s->max);
  return 0;
}


/* s:value() -> integer */
static int semaphore_value (lua_State *L) {
  lua_pushinteger(L, checksemaphore(L)->value);
  return 1;
}


/* ---- select ---- */

static Semaphore *caseof (lua_State *L, int at) {
  return (Semaphore *)((Handle *)lua_touserdata(L, at))->o;
}


static int tryacquire (lua_State *L, Sched *S, int at) {
  int err = attempt(&sk_shared_of(S)->m, &caseof(L, at)->o, NULL);
  return err == 0 ? sk_wish_done(L, 0) : err;
}


static int tryready (lua_State *L, Sched *S, int at) {
  return sk_semaphore_poll(&sk_shared_of(S)->m, caseof(L, at), NULL);
}


static bool watch (lua_State *L, Sched *S, int at, void *place) {
  return sk_semaphore_poll(&sk_shared_of(S)->m, caseof(L, at),
                           sk_shared_seat(place)) == -EAGAIN;
}


static const SelectOp selects[] = {
    {.name = "acquire", .attempt = tryacquire, .watch = watch},
    {.name = "ready", .attempt = tryready, .watch = watch},
    {.name = NULL},
};


/* ---- making ---- */

static int semaphore_tostring (lua_State *L) {
  const Semaphore *s = checksemaphore(L);
  lua_pushfstring(L, "skein.Semaphore: %I", (LUAI_UACINT)sk_off(s));
  return 1;
}


/* skein.semaphore(n, [max]) -> semaphore */
static int newsemaphore (lua_State *L) {
  lua_Integer n = sk_checkcount(L, 1, 1, "n", 0);
  lua_Integer max = LUA_MAXINTEGER;
  if (!lua_isnoneornil(L, 2))
    max = sk_checkcount(L, 2, 2, "max", n > 0 ? n : 1);
  Shared *s = sk_shared_open(L, sk_upvalue(L));
  Handle *h = sk_shared_new(L, s, SK_SEMAPHORE, 0, CLASS);
  Semaphore *sem = (Semaphore *)h->o;
  sem->value = n;
  sem->max = max;
  return 1;
}


static const luaL_Reg methods[] = {{"acquire", semaphore_acquire},
                                   {"release", semaphore_release},
                                   {"value", semaphore_value},
                                   {NULL, NULL}};

static const luaL_Reg meta[] = {{"__tostring", semaphore_tostring},
                                {NULL, NULL}};

static const luaL_Reg functions[] = {{"semaphore", newsemaphore}, {NULL, NULL}};

static const SharedClass class = {
    .name = CLASS,
    .object = &sk_semaphore_class,
    .ref = {SK_SEMAPHORE, "semaphore", sk_shared_encode, sk_shared_decode,
            sk_shared_forget},
    .methods = methods,
    .meta = meta,
    .selects = selects,
    .functions = functions,
};


void sk_open_semaphore (lua_State *L, Sched *S) {
  sk_shared_class(L, S, &class);
}
