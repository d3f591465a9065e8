/*
** lib_pool.c - Pools: workers that take jobs from a shared queue.
**
** The class, and the table 'crew' with what lua/skein/pool.lua needs; there
** the other methods are.
*/
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib_task.h"
#include "open.h"
#include "pool.h"

#define CLASS "skein.Pool"
#define CREW "skein.Crew"


/* ---- jobs ---- */

typedef struct Wishes { /* options of a job */
  int name;             /* stack index, or 0 */
  bool limited;
  double timeout;
  int64_t priority;
} Wishes;


/* Option 'key', a number. False: it is absent. */
static bool getnumber (lua_State *L, int arg, const char *key, double *n) {
  bool there = lua_getfield(L, arg, key) != LUA_TNIL;
  if (there) {
    *n = lua_tonumber(L, -1);
    if (lua_type(L, -1) != LUA_TNUMBER || *n != *n)
      luaL_argerror(L, arg,
                    lua_pushfstring(L, "%s: number expected, got %s", key,
                                    lua_type(L, -1) == LUA_TNUMBER
                                        ? "NaN"
                                        : sk_typename(L, -1)));
  }
  lua_pop(L, 1);
  return there;
}


/* An integer for each number, in the same order. */
static int64_t rank (double n) {
  int64_t bits;
  n += 0.0; /* there is one zero */
  memcpy(&bits, &n, sizeof bits);
  return bits >= 0 ? bits : bits ^ INT64_MAX;
}


static void checkwishes (lua_State *L, int arg, Wishes *w) {
  static const char *const options[] = {"name", "timeout", "priority", NULL};
  double priority = 0;
  sk_checkoptions(L, arg, options);
  w->limited = getnumber(L, arg, "timeout", &w->timeout) && w->timeout < 1e9;
  if (w->timeout < 0) w->timeout = 0;
  if (getnumber(L, arg, "priority", &priority)) w->priority = rank(priority);
  if (lua_getfield(L, arg, "name") != LUA_TNIL &&
      lua_type(L, -1) != LUA_TSTRING)
    luaL_argerror(L, arg,
                  lua_pushfstring(L, "name: string expected, got %s",
                                  sk_typename(L, -1)));
  lua_replace(L, arg);
  w->name = arg;
}


static void checkfunction (lua_State *L, int arg) {
  int type = lua_type(L, arg);
  if (type != LUA_TFUNCTION && type != LUA_TSTRING)
    luaL_typeerror(L, arg, "function or its name");
}


/* Push field 'key' of the pool's state; is it there? */
static bool pushstate (lua_State *L, const Pool *p, const char *key) {
  sk_pool_push(L, p, SK_POOL_STATE);
  lua_getfield(L, -1, key);
  lua_remove(L, -2);
  return !lua_isnil(L, -1);
}


static void checkopen (lua_State *L, const Pool *p) {
  if (pushstate(L, p, "closed"))
    luaL_error(L, "the pool takes no more jobs: it was %s",
               lua_tostring(L, -1));
  lua_pop(L, 1);
}


/* A job that fails at once, because its pool did. */
static bool stillborn (lua_State *L, Pool *p, int job) {
  if (!pushstate(L, p, "failure")) {
    lua_pop(L, 1);
    return false;
  }
  sk_outcome_settle(L, p->s->S, job, SK_FAILED, 1);
  return true;
}


/* See to it that the job at 'idx' has only as much time as it may. */
static void limit (lua_State *L, const Pool *p, int idx) {
  lua_pushvalue(L, 1);
  lua_pushvalue(L, idx);
  sk_pool_call(L, p, "limit", 2);
}


/* ([opts,] fn, ...) from stack index 2 on: leaves the job at index 2. */
static void submit (lua_State *L, Sched *S, Pool *p) {
  Wishes w = {0};
  int fn = 2;
  if (lua_type(L, 2) == LUA_TTABLE) checkwishes(L, fn++, &w);
  checkfunction(L, fn);
  int nargs = lua_gettop(L) - fn;
  Job *j = sk_outcome_new(L, S, &sk_job_class, sizeof *j, w.name);
  j->pool = p;
  j->limit = w.timeout;
  lua_insert(L, fn++);
  if (!stillborn(L, p, fn - 1)) {
    if (w.limited) limit(L, p, fn - 1); /* can fail, so it comes first */
    Order order = {.tell = w.limited};
    sk_pool_revive(L, p, 1);
    if (pushstate(L, p, "retries"))
      order.tries = (uint32_t)lua_tointeger(L, -1);
    lua_pop(L, 1);
    Item *i = sk_pool_pack(L, p, fn, nargs, &order, sk_wire_call);
    i->priority = w.priority;
    sk_pool_post(L, p, 1, fn - 1, j->outcome.id);
    if (j->early) limit(L, p, fn - 1); /* what was sent has waited */
  }
  lua_copy(L, fn - 1, 2);
  lua_settop(L, 2);
}


/* pool:submit([opts,] fn, ...) -> job */
static int pool_submit (lua_State *L) {
  Pool *p = sk_pool_check(L, 1);
  checkopen(L, p);
  submit(L, sk_upvalue(L), p);
  return 1;
}


/* crew.submit(pool, fn, ...) -> job: even if the pool was closed meanwhile */
static int crew_submit (lua_State *L) {
  submit(L, sk_upvalue(L), sk_pool_check(L, 1));
  return 1;
}


static int finishapply (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  sk_sched_woken(L, (Sched *)ctx);
  return sk_outcome_push(L, 2);
}


/* pool:apply(fn, ...) -> what fn returned. Left early, the job is cancelled. */
static int pool_apply (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Pool *p = sk_pool_check(L, 1);
  checkfunction(L, 2);
  checkopen(L, p);
  sk_sched_checkpoint(L, S);
  submit(L, S, p);
  Job *j = lua_touserdata(L, 2);
  if (sk_outcome_ended(&j->outcome)) return sk_outcome_push(L, 2);
  lua_toclose(L, 2);
  j->outcome.asked = true;
  return sk_sched_parkk(L, S, &j->outcome.waiters, SK_FOREVER,
                        sk_job_class.what, (lua_KContext)S, finishapply);
}


/* ---- the crew ---- */

/* crew.drop(pool, id) -> boolean: the part of a map was not begun, and never will
   be; that is all that is to be heard of it */
static int crew_drop (lua_State *L) {
  Pool *p = sk_pool_check(L, 1);
  uint64_t id = (uint64_t)luaL_checkinteger(L, 2);
  bool dropped = sk_pool_drop(p, id);
  if (dropped) sk_pool_forget(p, id);
  lua_pushboolean(L, dropped);
  return 1;
}


/* crew.working(pool, id) -> berth where it is being worked on | nil */
static int crew_working (lua_State *L) {
  Pool *p = sk_pool_check(L, 1);
  Berth *b = sk_crew_find(p->crew, (uint64_t)luaL_checkinteger(L, 2));
  if (b == NULL) return 0;
  lua_pushinteger(L, b - sk_crew_berth(p->crew, 0));
  return 1;
}


/* crew.cancel(pool, id) -> berth whose worker is to stop with it, whether that one
   must be told | nil: none works on it */
static int crew_cancel (lua_State *L) {
  Pool *p = sk_pool_check(L, 1);
  uint64_t id = (uint64_t)luaL_checkinteger(L, 2);
  Berth *b = sk_crew_find(p->crew, id);
  if (b == NULL) return 0;
  bool first = sk_crew_cancel(b, id);
  if (!first && sk_crew_find(p->crew, id) != b) return 0;
  lua_pushinteger(L, b - sk_crew_berth(p->crew, 0));
  lua_pushboolean(L, first);
  return 2;
}


/* crew.forget(pool, id): nobody waits for the part of a map any more */
static int crew_forget (lua_State *L) {
  Pool *p = sk_pool_check(L, 1);
  sk_pool_forget(p, (uint64_t)luaL_checkinteger(L, 2));
  return 0;
}


/* crew.clear(pool): drop all jobs that were not begun */
static int crew_clear (lua_State *L) {
  Pool *p = sk_pool_check(L, 1);
  Member *m = &p->s->m;
  while (sk_queue_get(m, &p->crew->jobs, NULL) == 0)
    sk_item_free(m, &m->slot->in);
  return 0;
}


/* crew.close(pool): workers end when there are no more jobs */
static int crew_close (lua_State *L) {
  Pool *p = sk_pool_check(L, 1);
  sk_queue_close(&p->s->m, &p->crew->jobs);
  p->closing = true;
  sk_pool_hope(p);
  return 0;
}


/* crew.staff(pool, n): so many workers there are now */
static int crew_staff (lua_State *L) {
  Pool *p = sk_pool_check(L, 1);
  p->staff = (uint32_t)luaL_checkinteger(L, 2);
  sk_pool_hope(p);
  return 0;
}


/* crew.drain(pool): take what has come */
static int crew_drain (lua_State *L) {
  sk_pool_drain(sk_pool_check(L, 1));
  return 0;
}


static Berth *checkberth (lua_State *L, const Pool *p) {
  lua_Integer n = luaL_checkinteger(L, 2);
  luaL_argcheck(L, n >= 0 && n < p->crew->nberths, 2, "no such berth");
  return sk_crew_berth(p->crew, (uint32_t)n);
}


/* crew.vacate(pool, berth): for the next worker */
static int crew_vacate (lua_State *L) {
  *checkberth(L, sk_pool_check(L, 1)) = (Berth){0};
  return 0;
}


/* crew.berth(pool, berth) -> "starting" | "idle" | "busy", jobs done, its job */
static int crew_berth (lua_State *L) {
  const Berth *b = checkberth(L, sk_pool_check(L, 1));
  uint64_t work = b->work;
  lua_pushstring(L, !b->ready ? "starting" : work != 0 ? "busy" : "idle");
  lua_pushinteger(L, (lua_Integer)b->done);
  lua_pushinteger(L, (lua_Integer)(work >> 1));
  return 3;
}


/* crew.stray(pool, berth) -> id of what is worked on there, though nobody waits for
   it | nil */
static int crew_stray (lua_State *L) {
  const Pool *p = sk_pool_check(L, 1);
  lua_Integer id = (lua_Integer)sk_crew_job(checkberth(L, p));
  if (id == 0) return 0;
  sk_pool_push(L, p, SK_POOL_OPEN);
  if (lua_rawgeti(L, -1, id) != LUA_TNIL) return 0;
  lua_pushinteger(L, id);
  return 1;
}


/* crew.counts(pool) -> finished, failed */
static int crew_counts (lua_State *L) {
  const Pool *p = sk_pool_check(L, 1);
  lua_pushinteger(L, (lua_Integer)p->finished);
  lua_pushinteger(L, (lua_Integer)p->failed);
  return 2;
}


/* crew.own(pool) -> its state, open jobs and parts, lost ones, crew */
static int crew_own (lua_State *L) {
  const Pool *p = sk_pool_check(L, 1);
  sk_pool_push(L, p, SK_POOL_STATE);
  sk_pool_push(L, p, SK_POOL_OPEN);
  sk_pool_push(L, p, SK_POOL_LOST);
  sk_pool_push(L, p, SK_POOL_CREW);
  return 4;
}


/* crew.aside(opts, fn, ...) -> task that belongs to no run and no group, and has
   taken its first step: that one needs memory */
static int crew_aside (lua_State *L) {
  Sched *S = sk_upvalue(L);
  sk_libtask_start(L, S, 1, &S->loose, 0);
  if (!sk_sched_begin(S, L, lua_touserdata(L, 1)))
    return luaL_error(L, "not enough memory");
  return 1;
}


/* crew.falter(): who waits for the end of the running task looks at it anew */
static int crew_falter (lua_State *L) {
  Sched *S = sk_upvalue(L);
  sk_sched_wakeall(S, &S->current->outcome.waiters, 0);
  return 0;
}


/* crew.recall(pool): who watches the workers looks what they do: it may be
   something that nobody waits for any more. Needs no memory. */
static int crew_recall (lua_State *L) {
  Sched *S = sk_upvalue(L);
  pushstate(L, sk_pool_check(L, 1), "workers");
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 2)) {
    lua_getfield(L, -1, "handle");
    Outcome *o = lua_touserdata(L, -1);
    if (o != NULL) sk_sched_wakeall(S, &o->waiters, 0);
  }
  return 0;
}


/* crew.giveup(pool): all that is open fails, for want of memory */
static int crew_giveup (lua_State *L) {
  sk_pool_giveupall(sk_pool_check(L, 1));
  return crew_recall(L);
}


/* crew.checkinit(init, ...): raises if they could not cross to a worker */
static int crew_checkinit (lua_State *L) {
  static const WireWhat fn = {.verb = "send", .noun = "init", .number = -1};
  static const WireWhat args = {"send", "init argument", 1, false};
  Wire *w = sk_wire_of(L);
  sk_wire_encode(L, w, 1, 1, &fn);
  sk_wire_encode(L, w, 2, lua_gettop(L) - 1, &args);
  sk_wire_cancel(w);
  return 0;
}


/* crew.terminal() -> columns of the terminal that stderr is, 0: not known |
   nil: it is none */
static int crew_terminal (lua_State *L) {
  struct winsize size;
  if (!isatty(STDERR_FILENO)) return 0;
  bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0;
  lua_pushinteger(L, known ? size.ws_col : 0);
  return 1;
}


/* ---- the pool ---- */

static void newtable (lua_State *L, lua_State *to, const char *mode) {
  lua_newtable(L);
  if (mode != NULL) {
    lua_createtable(L, 0, 1);
    lua_pushstring(L, mode);
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
  }
  lua_xmove(L, to, 1);
}


/* crew.new(state, policy, n) -> pool for n workers, as yet without */
static int crew_new (lua_State *L) {
  Sched *S = sk_upvalue(L);
  uint32_t n = (uint32_t)luaL_checkinteger(L, 3);
  lua_settop(L, 2);
  Shared *s = sk_shared_open(L, S);
  Handle *h = sk_shared_new(L, s, SK_CREW, 0, CREW); /* at 3 */
  Pool *p = lua_newuserdatauv(L, sizeof *p, 1);
  *p = (Pool){.s = s, .crew = (Crew *)h->o, .epoch = S->epoch};
  p->own = lua_newthread(L);
  lua_setiuservalue(L, 4, 1);
  newtable(L, p->own, NULL);
  newtable(L, p->own, NULL);
  newtable(L, p->own, "k");
  lua_pushvalue(L, 2);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 3);
  p->decoder = lua_newthread(L);
  lua_xmove(L, p->own, 4);
  int err = sk_crew_init(p->crew, n);
  if (err == 0 && (p->ear = sk_shared_watcher(s, sk_pool_hear)) == NULL)
    err = -ENOMEM;
  if (err != 0) return luaL_error(L, "cannot make a pool: not enough memory");
  p->ear->arg = p;
  lua_pushboolean(L,
                  0); /* the place of its anchor, which then needs no memory */
  lua_rawsetp(L, LUA_REGISTRYINDEX, p);
  luaL_setmetatable(L, CLASS);
  return 1;
}


/* No pool, no jobs: the workers end. */
static int pool_gc (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Pool *p = lua_touserdata(L, 1);
  Shared *s = sk_shared_of(S);
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, p);
  if (s == NULL || p->ear == NULL || p->epoch != S->epoch) return 0;
  if (p->listening) S->shared--;
  if (p->hoping) S->expecting--;
  p->listening = p->hoping = false;
  sk_shared_unwatch(s, p->ear);
  p->ear = NULL;
  sk_queue_close(&s->m, &p->crew->jobs);
  return 0;
}


static const luaL_Reg methods[] = {
    {"submit", pool_submit}, {"apply", pool_apply}, {NULL, NULL}};

static const luaL_Reg meta[] = {{"__gc", pool_gc}, {NULL, NULL}};

static const luaL_Reg crew[] = {
    {"new", crew_new},
    {"submit", crew_submit},
    {"checkinit", crew_checkinit},
    {"terminal", crew_terminal},
    {"drop", crew_drop},
    {"working", crew_working},
    {"cancel", crew_cancel},
    {"forget", crew_forget},
    {"clear", crew_clear},
    {"close", crew_close},
    {"staff", crew_staff},
    {"drain", crew_drain},
    {"vacate", crew_vacate},
    {"berth", crew_berth},
    {"stray", crew_stray},
    {"counts", crew_counts},
    {"own", crew_own},
    {"aside", crew_aside},
    {"falter", crew_falter},
    {"recall", crew_recall},
    {"giveup", crew_giveup},
    {NULL, NULL},
};

static const SharedClass crewclass = {
    .name = CREW,
    .object = &sk_crew_class,
    .ref = {SK_CREW, "pool", sk_shared_encode, sk_shared_decode,
            sk_shared_forget},
};


void sk_open_pool (lua_State *L, Sched *S) {
  sk_shared_class(L, S, &crewclass);
  sk_newclass(L, S, CLASS, methods, meta);
  sk_addbelow(L, S, "crew", crew);
  luaL_getsubtable(L, -1, "crew");
  luaL_getmetatable(L, CLASS);
  lua_setfield(L, -2, "meta");
  lua_pop(L, 1);
}
