/*
** lib_event.c - skein.event: a flag that everybody can wait for.
*/
#include "event.h"
#include "open.h"
#include "select.h"
#include "wish.h"

#define CLASS "skein.Event"


static Event *checkevent (lua_State *L) {
  return (Event *)sk_shared_check(L, 1, SK_EVENT, CLASS)->o;
}


static Member *member (lua_State *L) {
  return &sk_shared_of((Sched *)sk_upvalue(L))->m;
}


/* e:set() - everybody who waits goes on. */
static int event_set (lua_State *L) {
  Event *e = checkevent(L);
  sk_event_set(member(L), e);
  return 0;
}


/* e:clear() */
static int event_clear (lua_State *L) {
  Event *e = checkevent(L);
  sk_event_clear(member(L), e);
  return 0;
}


/* e:is_set() -> boolean */
static int event_is_set (lua_State *L) {
  lua_pushboolean(L, checkevent(L)->isset != 0);
  return 1;
}


static int attempt (Member *m, Object *o, Seat *w) {
  return sk_event_wait(m, (Event *)o, w);
}


static const Wish wish = {
    .what = "event wait", .attempt = attempt, .push = sk_wish_done};


/* e:wait([timeout]) -> true | nil, "timeout" */
static int event_wait (lua_State *L) {
  Event *e = checkevent(L);
  sk_time due = sk_checkdeadline(L, 2);
  lua_settop(L, 1);
  return sk_wish_wait(L, sk_shared_of((Sched *)sk_upvalue(L)), &e->o, &wish,
                      due);
}


/* ---- select ---- */

static Event *caseof (lua_State *L, int at) {
  return (Event *)((Handle *)lua_touserdata(L, at))->o;
}


static int tryready (lua_State *L, Sched *S, int at) {
  return sk_event_wait(&sk_shared_of(S)->m, caseof(L, at), NULL);
}


static int trywait (lua_State *L, Sched *S, int at) {
  int err = tryready(L, S, at);
  return err == 0 ? sk_wish_done(L, 0) : err;
}


static bool watch (lua_State *L, Sched *S, int at, void *place) {
  return sk_event_wait(&sk_shared_of(S)->m, caseof(L, at),
                       sk_shared_seat(place)) == -EAGAIN;
}


/* It was set while we waited: that counts, though it be clear again. */
static int finishwait (lua_State *L, Sched *S, int at, int n) {
  (void)S, (void)at, (void)n;
  return sk_wish_done(L, 0);
}


static const SelectOp selects[] = {
    {.name = "wait", .attempt = trywait, .watch = watch, .finish = finishwait},
    {.name = "ready", .attempt = tryready, .watch = watch},
    {.name = NULL},
};


/* ---- making ---- */

static int event_tostring (lua_State *L) {
  const Event *e = checkevent(L);
  lua_pushfstring(L, "skein.Event: %I", (LUAI_UACINT)sk_off(e));
  return 1;
}


/* skein.event() -> event */
static int newevent (lua_State *L) {
  Shared *s = sk_shared_open(L, sk_upvalue(L));
  sk_shared_new(L, s, SK_EVENT, 0, CLASS);
  return 1;
}


static const luaL_Reg methods[] = {{"set", event_set},
                                   {"clear", event_clear},
                                   {"is_set", event_is_set},
                                   {"wait", event_wait},
                                   {NULL, NULL}};

static const luaL_Reg meta[] = {{"__tostring", event_tostring}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"event", newevent}, {NULL, NULL}};

static const SharedClass class = {
    .name = CLASS,
    .object = &sk_event_class,
    .ref = {SK_EVENT, "event", sk_shared_encode, sk_shared_decode,
            sk_shared_forget},
    .methods = methods,
    .meta = meta,
    .selects = selects,
    .functions = functions,
};


void sk_open_event (lua_State *L, Sched *S) {
  sk_shared_class(L, S, &class);
}
