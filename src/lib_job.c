/*
** lib_job.c - Jobs: the handles of what a pool was asked to do.
*/
#include "lib.h"
#include "open.h"
#include "pool.h"


static Job *checkjob (lua_State *L) {
  return luaL_checkudata(L, 1, sk_job_class.name);
}


static bool isopen (const Job *j) {
  return j->outcome.status == SK_PENDING || j->outcome.status == SK_RUNNING;
}


/* The same, as it is by now. */
static Job *lookat (lua_State *L) {
  Job *j = checkjob(L);
  if (isopen(j)) sk_pool_look(j->pool);
  if (isopen(j) && sk_crew_find(j->pool->crew, j->outcome.id) != NULL)
    j->outcome.status = SK_RUNNING;
  return j;
}


/* job:done() -> boolean */
static int job_done (lua_State *L) {
  lookat(L);
  return sk_outcome_done(L);
}


/* job:status() -> string */
static int job_status (lua_State *L) {
  lookat(L);
  return sk_outcome_status(L);
}


/* job:error() -> error | nil */
static int job_error (lua_State *L) {
  lookat(L);
  return sk_outcome_error(L);
}


/* job:start() - it began when it was submitted */
static int job_start (lua_State *L) {
  checkjob(L);
  return luaL_error(L, "the job was started already");
}


/* Ask it to stop, because of 'why'. False: it has ended. */
static bool stop (lua_State *L, Job *j, uint8_t why) {
  if (!isopen(j)) return false;
  if (j->stop != SK_STAY) return true;
  j->stop = why;
  lua_rawgetp(L, LUA_REGISTRYINDEX, j->pool);
  lua_pushvalue(L, 1);
  sk_pool_call(L, j->pool, "stop", 2);
  return true;
}


/* job:cancel([reason]) -> true | false: it had ended */
static int job_cancel (lua_State *L) {
  Job *j = lookat(L);
  lua_settop(L, 2);
  if (!lua_isnil(L, 2) && isopen(j) && j->stop == SK_STAY) {
    sk_outcome_pushbox(L, 1);
    lua_pushvalue(L, 2);
    lua_setfield(L, -2, "reason");
  }
  lua_pushboolean(L, stop(L, j, SK_CANCEL));
  return 1;
}


/* local j <close> = ...: cancel what still runs, and wait for it */
static int job_close (lua_State *L) {
  Job *j = checkjob(L);
  lua_settop(L, 1);
  stop(L, j, SK_CANCEL);
  return sk_outcome_await(L);
}


/* ---- timeouts ---- */

static int begun (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  sk_sched_woken(L, (Sched *)ctx);
  const Job *j = checkjob(L);
  if (j->since == 0) return 0;
  lua_pushnumber(L, (lua_Number)j->since / 1e9 + j->limit);
  return 1;
}


/* crew.due(job): waits until it has begun -> when its time is over | nothing:
   it ended before */
static int crew_due (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Job *j = checkjob(L);
  lua_settop(L, 1);
  if (j->since != 0 || !isopen(j)) return begun(L, LUA_OK, (lua_KContext)S);
  return sk_sched_parkk(L, S, &j->begun, SK_FOREVER, "job begin",
                        (lua_KContext)S, begun);
}


/* crew.overdue(job): its time is over */
static int crew_overdue (lua_State *L) {
  stop(L, checkjob(L), SK_LIMIT);
  return 0;
}


/* crew.overran(job) -> boolean: does it stop for that? */
static int crew_overran (lua_State *L) {
  lua_pushboolean(L, checkjob(L)->stop == SK_LIMIT);
  return 1;
}


/* crew.fail(pool, job, err) */
static int crew_fail (lua_State *L) {
  Pool *p = sk_pool_check(L, 1);
  luaL_checkudata(L, 2, sk_job_class.name);
  lua_settop(L, 3);
  sk_pool_fail(L, p, 2);
  return 0;
}


/* crew.stopped(pool, job): it ends as cancelled, or as timed out */
static int crew_stopped (lua_State *L) {
  Pool *p = sk_pool_check(L, 1);
  luaL_checkudata(L, 2, sk_job_class.name);
  sk_pool_stopped(L, p, 2);
  return 0;
}


/* crew.isstopping(job) -> boolean */
static int crew_isstopping (lua_State *L) {
  lua_pushboolean(L, checkjob(L)->stop != SK_STAY);
  return 1;
}


const HandleClass sk_job_class = {
    .name = "skein.Job",
    .kind = "job",
    .what = "job end",
    .close = job_close,
};

static const luaL_Reg methods[] = {
    {"done", job_done},   {"status", job_status}, {"error", job_error},
    {"start", job_start}, {"cancel", job_cancel}, {NULL, NULL},
};

static const luaL_Reg crew[] = {
    {"due", crew_due},
    {"overdue", crew_overdue},
    {"overran", crew_overran},
    {"fail", crew_fail},
    {"stopped", crew_stopped},
    {"isstopping", crew_isstopping},
    {NULL, NULL},
};


/* The table 'crew' of the module holds what the Lua side of pools needs. */
void sk_open_job (lua_State *L, Sched *S) {
  sk_outcome_class(L, S, &sk_job_class, methods);
  luaL_getsubtable(L, -1, "crew");
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, crew, 1);
  lua_pop(L, 1);
}
