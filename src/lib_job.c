/*
** lib_job.c - Jobs: the handles of what a pool was asked to do.
*/
#include "handle.h"
#include "launch.h"
#include "lib.h"
#include "open.h"
#include "pool.h"


static Job *checkjob (lua_State *L) {
  return luaL_checkudata(L, 1, sk_job_class.name);
}


/* As it is by now. */
static void look (lua_State *L, Sched *S, int at) {
  Job *j = lua_touserdata(L, at);
  (void)S;
  if (sk_job_isopen(j)) sk_pool_look(j->pool);
  if (sk_job_isopen(j) && sk_crew_find(j->pool->crew, j->outcome.id) != NULL)
    j->outcome.status = SK_RUNNING;
}


/* (pool, job): what the policy does about it. */
static int dostop (lua_State *L) {
  sk_pool_call(L, lua_touserdata(L, 1), "stop", 2);
  return 0;
}


/* Ask the job at 1 to stop, because of 'why', unless it is asked already. Where
   that raises it may be asked again. */
static void ask (lua_State *L, Job *j, uint8_t why) {
  if (j->stop != SK_STAY) return;
  lua_pushcfunction(L, dostop);
  lua_rawgetp(L, LUA_REGISTRYINDEX, j->pool);
  lua_pushvalue(L, 1);
  j->stop = why;
  if (lua_pcall(L, 2, 0, 0) == LUA_OK) return;
  j->stop = SK_STAY;
  lua_error(L);
}


static void stop (lua_State *L, Sched *S) {
  Job *j = lua_touserdata(L, 1);
  (void)S;
  if (j->stop == SK_STAY) sk_launch_keepreason(L);
  ask(L, j, SK_CANCEL);
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
   it ended before, or is not there yet */
static int crew_due (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Job *j = checkjob(L);
  lua_settop(L, 1);
  j->early = j->outcome.status == SK_NEW;
  if (j->since != 0 || !sk_job_isopen(j))
    return begun(L, LUA_OK, (lua_KContext)S);
  return sk_sched_parkk(L, S, &j->begun, SK_FOREVER, "job begin",
                        (lua_KContext)S, begun);
}


/* crew.overdue(job): its time is over */
static int crew_overdue (lua_State *L) {
  Job *j = checkjob(L);
  if (sk_job_isopen(j)) ask(L, j, SK_LIMIT);
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


/* crew.discard(pool, job) -> boolean: it had not begun, and ended like that */
static int crew_discard (lua_State *L) {
  Pool *p = sk_pool_check(L, 1);
  const Job *j = luaL_checkudata(L, 2, sk_job_class.name);
  lua_pushboolean(L, sk_job_isopen(j) && sk_pool_discard(L, p, 2));
  return 1;
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
    .look = look,
    .stop = stop,
};

static const luaL_Reg crew[] = {
    {"due", crew_due},
    {"overdue", crew_overdue},
    {"overran", crew_overran},
    {"fail", crew_fail},
    {"stopped", crew_stopped},
    {"discard", crew_discard},
    {"isstopping", crew_isstopping},
    {NULL, NULL},
};


/* The table 'crew' of the module holds what the Lua side of pools needs. */
void sk_open_job (lua_State *L, Sched *S) {
  sk_handle_open(L, S, &sk_job_class, NULL, NULL);
  sk_addbelow(L, S, "crew", crew);
}
