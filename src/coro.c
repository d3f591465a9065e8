/*
** coro.c - Tasks and the coroutines they run in. See coro.h.
*/
#include "coro.h"
#include "lib.h"
#include "scope.h"

#define IDLE 1024 /* coroutines kept for later */

/* Where things are in a coroutine's stack. */
#define PLACE 1   /* of the coroutine in the anchoring table */
#define HANDLER 2 /* the message handler */
#define BOTTOM 2  /* the top while it idles */
#define TASK 3    /* the handle */
#define GROUP 4   /* userdata of the group, or nil */
#define BASE 5    /* the function; afterwards its results */

static const char ANCHORS = 'a'; /* of the table, in the registry */
static const char TRACES = 't';  /* tracebacks by task, in the registry */

/* In the anchoring table, before the coroutines. */
#define A_BODY 1
#define A_HANDLER 2
#define A_FIRST 2


/* ---- tracebacks ---- */

/* Does the entry at the top belong to the error at 1? */
static bool istraceof (lua_State *L) {
  if (lua_type(L, -1) != LUA_TTABLE) return false;
  lua_rawgeti(L, -1, 1);
  bool same = lua_rawequal(L, -1, 1);
  lua_pop(L, 1);
  return same;
}


/* Message handler: keep where the error was raised, pass the error on. */
static int onerror (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Task *t = S->current;
  bool rethrown = t->rethrown;
  t->rethrown = false;
  if (sk_iserror(L, 1, "cancelled")) return 1;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &TRACES);
  if (rethrown) {
    lua_rawgetp(L, -1, t);
    if (istraceof(L)) { /* the place of the first raise counts */
      lua_settop(L, 1);
      return 1;
    }
    lua_pop(L, 1);
  }
  lua_createtable(L, 2, 0);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, 1);
  luaL_traceback(L, L, NULL, 1);
  lua_rawseti(L, -2, 2);
  lua_rawsetp(L, -2, t);
  t->traced = true;
  lua_settop(L, 1);
  return 1;
}


void sk_coro_pushhandler (lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &ANCHORS);
  lua_rawgeti(L, -1, A_HANDLER);
  lua_remove(L, -2);
}


/* Give the traceback kept for 't' to its handle, or forget it. */
static void taketrace (lua_State *L, Task *t, bool failed) {
  t->traced = false;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &TRACES);
  if (failed && lua_rawgetp(L, -1, t) == LUA_TTABLE) {
    lua_rawgeti(L, -1, 2);
    sk_outcome_setfield(L, TASK, "trace");
    lua_pop(L, 1);
  }
  lua_pushnil(L);
  lua_rawsetp(L, -2, t);
  lua_pop(L, 1);
}


/* ---- the life of a coroutine ---- */

static int begin (lua_State *L, Sched *S);


/* The coroutine is resumed with a new task. */
static int again (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  Sched *S = (Sched *)ctx;
  if (S->current == NULL || S->current->co != L)
    return luaL_error(L, "cannot resume a coroutine of skein's");
  return begin(L, S);
}


/* The coroutine at 'place' is not needed any more. Never raises. */
static void vacate (lua_State *L, Sched *S, lua_Integer place) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &ANCHORS);
  lua_pushinteger(L, S->gap);
  lua_rawseti(L, -2, place);
  lua_pop(L, 1);
  S->gap = place;
}


/* The coroutine ends. */
static int leave (lua_State *L, Sched *S) {
  lua_Integer place = lua_tointeger(L, PLACE);
  lua_settop(L, 0);
  vacate(L, S, place);
  return 0;
}


/* Push what is at 'i' of the bottom of 'co', as its body sees it. */
static bool pushbottom (lua_State *L, lua_State *co, int i) {
  lua_Debug ar, outermost;
  int level = 0;
  while (lua_getstack(co, level, &ar)) {
    outermost = ar;
    level++;
  }
  if (level == 0) /* not begun, in a new coroutine: its body is below */
    lua_pushvalue(co, i + 1);
  else if (lua_getlocal(co, &outermost, i) == NULL)
    return false;
  lua_xmove(co, L, 1);
  return true;
}


/* Coroutine 'co' is broken. */
static void discard (lua_State *L, Sched *S, lua_State *co) {
  if (!pushbottom(L, co, PLACE)) return;
  lua_Integer place = lua_tointeger(L, -1);
  lua_pop(L, 1);
  if (place != 0) vacate(L, S, place);
}


/* Idle until there is another task, or end if enough others idle. */
static int rest (lua_State *L, Sched *S) {
  S->current = NULL;
  if (S->nidle < IDLE) {
    lua_settop(L, BOTTOM);
    S->idle[S->nidle++] = L;
    return lua_yieldk(L, 0, (lua_KContext)S, again);
  }
  return leave(L, S);
}


/* (list, error) */
static int append (lua_State *L) {
  lua_rawseti(L, 1, (lua_Integer)lua_rawlen(L, 1) + 1);
  return 0;
}


void sk_coro_blame (lua_State *L, int group) {
  lua_getiuservalue(L, group, 1);
  lua_insert(L, -2);
  if (lua_rawlen(L, -2) == 0) {
    lua_rawseti(L, -2, 1);
    lua_pop(L, 1);
    return;
  }
  lua_pushcfunction(L, append);
  lua_insert(L, -3);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) lua_pop(L, 1);
}


/*
** The group hears of a failure of its member: it collects, and cancels. The
** traceback goes to its owner, who will raise the error.
*/
static void blame (lua_State *L, Sched *S, Task *t) {
  Nursery *group = t->nursery;
  sk_coro_blame(L, GROUP);
  sk_sched_cancelall(S, group);
  if (t->traced) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &TRACES);
    lua_rawgetp(L, -1, t);
    lua_rawsetp(L, -2, group->scope->task);
    lua_pop(L, 1);
  }
}


/* Leave the scheduler's books; the handle may live on. */
static void retire (Sched *S, Task *t) {
  Nursery *n = t->nursery;
  if (S->family.ended != NULL) S->family.ended(S, t);
  sk_list_remove(&t->sibling);
  t->nursery = t->home = NULL;
  t->co = t->at = NULL;
  t->state = SK_ENDED;
  S->live--;
  if (--n->live == 0) sk_sched_wakeall(S, &n->idle, 0);
}


/* Take a task that does not end in the usual way out of all lists. */
static void detach (Sched *S, Task *t) {
  sk_list_remove(&t->self.link);
  sk_timers_remove(&S->timers, &t->timer);
  if (t->wait != NULL) {
    t->woken = -EOWNERDEAD;
    t->wait->withdraw(S, t, t->wait);
    if (t->wait->shared) S->shared--;
    t->wait = NULL;
  }
  sk_sched_disown(S, t);
  sk_scope_drop(S, t);
}


/* Settle the task whose function returned, or raised what is at the top. */
static void settle (lua_State *L, Sched *S, Task *t, bool ok) {
  if (ok) {
    sk_outcome_settle(L, S, TASK, SK_FINISHED, lua_gettop(L) - BASE + 1);
    return;
  }
  bool own = t->cancelled && sk_scope_owns(L, -1, t->outcome.id);
  if (!own && t->nursery->group) {
    lua_pushvalue(L, -1);
    blame(L, S, t);
  }
  if (t->traced) taketrace(L, t, !own);
  sk_outcome_settle(L, S, TASK, own ? SK_CANCELLED : SK_FAILED, 1);
}


static int finish (lua_State *L, int status, lua_KContext ctx) {
  Sched *S = (Sched *)ctx;
  Task *t = S->current;
  bool ours = t->co == L;
  if (sk_unlikely(!ours)) { /* a stranger resumed it */
    t = lua_touserdata(L, TASK);
    detach(S, t);
  }
  if (sk_unlikely(t->strays)) sk_sched_disown(S, t);
  if (sk_unlikely(t->cancelled)) {
    lua_pushnil(L);
    sk_scope_setreason(L, t);
  }
  settle(L, S, t, status == LUA_OK || status == LUA_YIELD);
  retire(S, t);
  return ours ? rest(L, S) : leave(L, S);
}


static int begin (lua_State *L, Sched *S) {
  Task *t = S->current;
  if (sk_unlikely(t->cancelled)) { /* before it began */
    sk_scope_pusherror(L, t);
    return finish(L, LUA_ERRRUN, (lua_KContext)S);
  }
  t->outcome.status = SK_RUNNING;
  int nargs = lua_gettop(L) - BASE;
  int status =
      lua_pcallk(L, nargs, LUA_MULTRET, HANDLER, (lua_KContext)S, finish);
  return finish(L, status, (lua_KContext)S);
}


static int body (lua_State *L) {
  return again(L, LUA_OK, (lua_KContext)sk_upvalue(L));
}


/* ---- starting ---- */

/* A new coroutine, anchored, with its bottom in place. */
static lua_State *newcoro (lua_State *L, Sched *S) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &ANCHORS);
  lua_State *co = lua_newthread(L);
  lua_Integer place = S->gap, gap = 0;
  if (place != 0) {
    lua_rawgeti(L, -2, place);
    gap = lua_tointeger(L, -1);
    lua_pop(L, 1);
  }
  else
    place = S->slots + 1;
  lua_rawgeti(L, -2, A_BODY);
  lua_pushinteger(L, place);
  lua_rawgeti(L, -4, A_HANDLER);
  lua_xmove(L, co, 3);
  lua_rawseti(L, -2, place);
  lua_pop(L, 1);
  if (S->gap != 0)
    S->gap = gap;
  else
    S->slots = place;
  return co;
}


/* A coroutine that idles, or NULL. */
static lua_State *obtain (Sched *S) {
  while (S->nidle > 0) {
    lua_State *co = S->idle[--S->nidle];
    if (sk_likely(lua_status(co) == LUA_YIELD)) return co;
  } /* else a stranger resumed it, which broke it */
  return NULL;
}


static void enlist (Sched *S, Task *t, Nursery *in) {
  if (in == NULL) in = S->current->home;
  if (in == NULL) in = &S->loose;
  t->nursery = in;
  t->home = in->run;
  sk_list_add(&in->members, &t->sibling);
  in->live++;
  S->live++;
}


/* A coroutine with room for the function and its arguments. */
static lua_State *prepare (lua_State *L, Sched *S, int nargs, bool *fresh) {
  lua_State *co = obtain(S);
  *fresh = co == NULL;
  if (co == NULL) co = newcoro(L, S);
  if (nargs < LUA_MINSTACK / 2) return co; /* it always has */
  if (lua_checkstack(co, nargs + LUA_MINSTACK)) return co;
  if (!*fresh) S->idle[S->nidle++] = co;
  luaL_error(L, "too many arguments");
  return NULL;
}


void sk_coro_start (lua_State *L, Sched *S, int handle, int nargs, Nursery *in,
                    int group) {
  bool fresh; /* the function of its body is still below */
  Task *t = lua_touserdata(L, handle);
  lua_State *co = prepare(L, S, nargs, &fresh);
  lua_pushvalue(L, handle);
  lua_xmove(L, co, 1);
  if (group == 0)
    lua_pushnil(co);
  else {
    lua_pushvalue(L, group);
    lua_xmove(L, co, 1);
    t->outcome.asked = true; /* the group will know */
  }
  lua_xmove(L, co, nargs + 1);
  t->co = t->at = co;
  t->woken = nargs + 3 + (fresh ? BOTTOM : 0);
  t->outcome.status = SK_PENDING;
  enlist(S, t, in);
  sk_sched_ready(S, t);
}


Task *sk_coro_spawn (lua_State *L, Sched *S, int nargs) {
  Task *t = sk_outcome_new(L, S, &sk_coro_class, sizeof *t, 0);
  lua_insert(L, -nargs - 2);
  sk_coro_start(L, S, lua_absindex(L, -nargs - 2), nargs, NULL, 0);
  return t;
}


static void spawn (lua_State *L, Sched *S, int nargs) {
  sk_coro_spawn(L, S, nargs);
}


/* ---- the rest ---- */

bool sk_coro_pushhandle (lua_State *L, Task *t) {
  return t->co != NULL && pushbottom(L, t->co, TASK);
}


/* (task, err): the error broke the coroutine itself. */
static int bury (lua_State *L) {
  Sched *S = sk_sched_of(L);
  sk_outcome_settle(L, S, 1, SK_FAILED, 1);
  return 0;
}


/* The error at the top of its coroutine broke member 't' of a group. */
static void blamebroken (lua_State *L, Sched *S, const Task *t) {
  if (!pushbottom(L, t->co, GROUP)) return;
  if (lua_type(L, -1) == LUA_TUSERDATA) {
    int group = lua_gettop(L);
    lua_pushvalue(t->co, -1);
    lua_xmove(t->co, L, 1);
    sk_coro_blame(L, group);
    sk_sched_cancelall(S, t->nursery);
  }
  lua_pop(L, 1);
}


/*
** The coroutine of 't' broke outside of the task's function: memory ended
** while the task did, or a stranger resumed it.
*/
static void died (Sched *S, Task *t) {
  lua_State *L = S->aux, *co = t->co;
  detach(S, t);
  if (!lua_checkstack(L, LUA_MINSTACK)) return;
  if (t->nursery->group) blamebroken(L, S, t);
  lua_pushcfunction(L, bury);
  if (!sk_coro_pushhandle(L, t)) {
    lua_pop(L, 1);
    retire(S, t);
    return;
  }
  lua_pushvalue(co, -1);
  lua_xmove(co, L, 1);
  retire(S, t);
  discard(L, S, co);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
    lua_pop(L, 1);
    t->outcome.status = SK_FAILED; /* without its error, if need be */
    sk_sched_wakeall(S, &t->outcome.waiters, 0);
  }
}


void sk_coro_open (lua_State *L, Sched *S) {
  S->idle = malloc(IDLE * sizeof *S->idle);
  if (S->idle == NULL) luaL_error(L, "not enough memory");
  S->slots = A_FIRST;
  S->died = died;
  S->spawn = spawn;
  lua_newtable(L);
  lua_pushlightuserdata(L, S);
  lua_pushcclosure(L, body, 1);
  lua_rawseti(L, -2, A_BODY);
  lua_pushlightuserdata(L, S);
  lua_pushcclosure(L, onerror, 1);
  lua_rawseti(L, -2, A_HANDLER);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &ANCHORS);
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &TRACES);
}
