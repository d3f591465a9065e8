/*
** lib_worker.c - What runs in the workers of a pool. See crew.h.
**
** A worker takes a job from the queue into the word 'job' of its slot, says
** in its berth what it does, runs it, and puts the result into the other
** queue; then it frees the job. Where it dies in between, whoever sweeps its
** slot sends the job home.
**
** The results of a map's items gather on the stack of a Lua thread, the bench:
** they outlive an error that a later item raises.
*/
#include <signal.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "crew.h"
#include "crossing.h"
#include "open.h"
#include "scope.h"
#include "shared.h"

#define CLASS "skein.Worker"
#define KEPT 256                        /* functions */
#define MOST 200000                     /* arguments */
#define ENOUGH (5 * (SK_SECOND / 1000)) /* a part gets, if others are hungry */

/* User values. */
#define CREW 1   /* anchors what 'crew' points to */
#define BENCH 2  /* anchors the bench */
#define KNOWN 3  /* functions by hash */
#define BYTES 4  /* what they were made from */
#define SENDER 5 /* sends what is on the bench */
#define VALUES 5

typedef struct Worker {
  Shared *s;
  Crew *crew;
  Berth *berth;
  lua_State *bench;
  Order order; /* the job's */
  uint64_t id; /* the job's */
  sk_time start;
  uint64_t left;  /* how many jobs and items it may still do */
  uint32_t at;    /* items of a map that are done */
  uint32_t known; /* functions kept */
  uint32_t how;   /* SK_JOB_* */
  int32_t number;
  bool apart; /* the job was taken apart */
} Worker;


static Item *job (const Worker *w) {
  return sk_at(Item, w->s->m.slot->job);
}


/* ---- taking a job apart ---- */

/* Keep no functions, as yet or any more; the worker is at 'idx'. */
static void forgetfunctions (lua_State *L, int idx) {
  lua_newtable(L);
  lua_setiuservalue(L, idx, KNOWN);
  lua_newtable(L);
  lua_setiuservalue(L, idx, BYTES);
}


/* Push the function that these bytes are; 'w' is at stack index 1. */
static void pushfunction (lua_State *L, Worker *w, const char *bytes) {
  size_t n = 0;
  lua_Integer hash = (lua_Integer)w->order.hash;
  lua_getiuservalue(L, 1, BYTES);
  lua_rawgeti(L, -1, hash);
  const char *old = lua_tolstring(L, -1, &n);
  lua_pop(L, 2);
  if (n == w->order.nfn && memcmp(old, bytes, n) == 0) {
    lua_getiuservalue(L, 1, KNOWN);
    lua_rawgeti(L, -1, hash);
    lua_remove(L, -2);
    return;
  }
  if (++w->known % KEPT == 0) forgetfunctions(L, 1);
  if (sk_wire_decode(L, sk_wire_of(L), bytes, w->order.nfn, SK_WIRE_TRUSTED) <
      0)
    sk_raise(L, "transfer", "%s", lua_tostring(L, -1));
  lua_getiuservalue(L, 1, KNOWN);
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, hash);
  lua_getiuservalue(L, 1, BYTES);
  lua_pushlstring(L, bytes, w->order.nfn);
  lua_rawseti(L, -2, hash);
  lua_pop(L, 2);
}


/* (worker) -> the job's function and its values */
static int unpack (lua_State *L) {
  Worker *w = lua_touserdata(L, 1);
  const char *bytes = job(w)->bytes + sizeof(Order);
  size_t size = job(w)->size - sizeof(Order), nfn = w->order.nfn;
  if (nfn > 0) pushfunction(L, w, bytes);
  if (sk_wire_decode(L, sk_wire_of(L), bytes + nfn, size - nfn,
                     SK_WIRE_TRUSTED) < 0)
    return sk_raise(L, "transfer", "%s", lua_tostring(L, -1));
  if (lua_type(L, 2) == LUA_TSTRING) { /* a name */
    if (sk_wire_lookup(L, lua_tostring(L, 2)) != 0) return lua_error(L);
    lua_replace(L, 2);
  }
  w->apart = true;
  return lua_gettop(L) - 1;
}


/* ---- sending what came out ---- */

/* Send the message in 'slot->out', or nothing if nobody wants it. */
static void post (Worker *w, uint32_t how, int64_t time) {
  Member *m = &w->s->m;
  Item *i = sk_at(Item, m->slot->out);
  i->tag = w->id;
  i->step = how;
  i->holder = w->number;
  i->priority = time;
  if (sk_queue_put(m, &w->crew->results, NULL) != 0) sk_shared_unsent(w->s);
}


/* Replace the error object at the top by the table that tells of it. */
static void tabulate (lua_State *L) {
  lua_createtable(L, 0, 4);
  lua_insert(L, -2);
  luaL_tolstring(L, -1, NULL);
  lua_setfield(L, -3, "message");
  lua_setfield(L, -2, "value");
}


/* Push who this is. */
static void pushsource (lua_State *L, const Worker *w) {
  const Sched *S = w->s->S;
  sk_crossing_pushself(L, S);
  lua_pushfstring(L, "%s '%s' (pid %d)", S->kind, lua_tostring(L, -1),
                  sk_slot_pid(w->s->m.slot));
  lua_remove(L, -2);
}


/* Complete the table of an error at the top, so that it can cross. */
static void finisherror (lua_State *L, const Worker *w) {
  static const WireWhat what = {.verb = "send", .noun = "error", .number = -1};
  pushsource(L, w);
  lua_setfield(L, -2, "source");
  Wire *wire = sk_wire_of(L);
  if (sk_wire_try(L, wire, lua_gettop(L), 1, &what) == 0) {
    sk_wire_cancel(wire);
    return;
  }
  lua_pop(L, 1); /* its value cannot: the text says what it was */
  lua_pushnil(L);
  lua_setfield(L, -2, "value");
}


/* The results from 'first' to the top cannot cross; why is at the top. Keep
   those in front of the first one that cannot, and the error. */
static void cut (lua_State *L, Worker *w, int first) {
  int last = lua_gettop(L) - 1;
  Wire *wire = sk_wire_of(L);
  for (int i = first; w->order.items > 0 && i <= last; i++) {
    WireWhat what = {"return", "result", -1, false};
    if (sk_wire_try(L, wire, i, 1, &what) != 0) {
      lua_replace(L, i);
      lua_settop(L, i);
      w->at = (uint32_t)(i - first);
      return;
    }
    sk_wire_cancel(wire);
  }
  w->at = 0;
  lua_replace(L, first);
  lua_settop(L, first);
}


/* Send the values from 'first' on. */
static void send (lua_State *L, Worker *w, int first) {
  if (w->how == SK_JOB_FAILED) finisherror(L, w);
  while (sk_shared_trypack(L, w->s, first, lua_gettop(L) - first + 1,
                           &sk_wire_result) != 0) {
    cut(L, w, first);
    tabulate(L);
    finisherror(L, w);
    w->how = SK_JOB_FAILED;
  }
  if (w->order.items > 0 && w->how == SK_JOB_FAILED)
    sk_crew_limit(w->crew, w->order.mark, w->order.first + w->at);
  post(w, w->how, sk_clock_now() - w->start);
}


/* (result ...) on the bench */
static int sendbench (lua_State *L) {
  send(L, lua_touserdata(L, lua_upvalueindex(1)), 1);
  return 0;
}


/* Raise here what was raised on the bench. */
static int raisebench (lua_State *L, lua_State *bench) {
  lua_xmove(bench, L, 1);
  return lua_error(L);
}


/* ---- running it ---- */

/* (worker) -> results: a single call */
static int runcall (lua_State *L) {
  int n = unpack(L);
  lua_call(L, n - 1, LUA_MULTRET);
  return lua_gettop(L) - 1;
}


/* Push the arguments for the item at 'i'. */
static int pushitem (lua_State *L, const Worker *w, int i) {
  lua_pushvalue(L, i);
  if (!w->order.lists) return 1;
  int list = lua_gettop(L);
  if (!lua_istable(L, list))
    luaL_error(L, "item %I is no list of arguments",
               (LUAI_UACINT)(w->order.first + w->at));
  if (lua_getfield(L, list, "n") == LUA_TNIL) {
    lua_pop(L, 1);
    lua_pushinteger(L, luaL_len(L, list));
  }
  lua_Integer n = lua_tointeger(L, -1);
  lua_pop(L, 1);
  if (n > MOST || !lua_checkstack(L, (int)n))
    luaL_error(L, "too many arguments");
  for (lua_Integer k = 1; k <= n; k++) lua_geti(L, list, k);
  lua_remove(L, list);
  return n > 0 ? (int)n : 0;
}


/* Is the next item not for us? */
static bool isover (const Worker *w) {
  const Order *o = &w->order;
  if (w->at == w->left || !sk_crew_iswanted(w->crew, o->mark, o->first + w->at))
    return true;
  return o->loose && w->at > 0 && sk_crew_ishungry(w->crew) &&
         sk_clock_now() - w->start > ENOUGH;
}


/* (worker): a call for each item; the results go to the bench, which holds the
   sender. */
static int runitems (lua_State *L) {
  Worker *w = lua_touserdata(L, 1);
  uint32_t n = (uint32_t)unpack(L) - 1;
  if (!lua_checkstack(w->bench, (int)n + LUA_MINSTACK))
    luaL_error(L, "no room for the results");
  volatile uint32_t *step = &job(w)->step;
  while (w->at < n) {
    if (isover(w)) {
      w->how = SK_JOB_STOPPED;
      break;
    }
    *step = w->at + 1;
    lua_pushvalue(L, 2);
    lua_call(L, pushitem(L, w, (int)w->at + 3), 1);
    lua_xmove(L, w->bench, 1);
    w->at++;
  }
  return 0;
}


/* A signal is on its way here: it must not meet the next job. */
static void meetsignal (Sched *S) {
  static const struct timespec ms = {0, 1000000};
  for (int i = 0; i < 5000 && !S->top.cancelled; i++)
    if (!(S->alerts & SK_ALERT_CANCEL))
      nanosleep(&ms, NULL);
    else
      sk_sched_attend(S);
  S->top.cancelled = S->top.raised = false;
  sk_scope_refresh(&S->top);
}


/* Is the error, whose table is at the top, that of a cancel? While the job is
   taken apart, whatever it interrupts makes an error of its own of that. */
static bool wascancelled (lua_State *L, const Worker *w) {
  if (!w->s->S->top.cancelled) return false;
  if (!w->apart) return true;
  lua_getfield(L, -1, "value");
  bool is = sk_iserror(L, -1, "cancelled");
  lua_pop(L, 1);
  return is;
}


/* Run it: what came out is on top of 'base', or on the bench. */
static void run (lua_State *L, Worker *w) {
  lua_pushcfunction(L, w->order.items > 0 ? runitems : runcall);
  lua_pushvalue(L, 1);
  w->how = SK_JOB_DONE;
  w->apart = false;
  if (sk_crossing_call(L, 1) == LUA_OK) return;
  w->how = SK_JOB_FAILED;
  if (!wascancelled(L, w)) return;
  if (!(__atomic_load_n(&w->berth->work, __ATOMIC_ACQUIRE) & 1))
    sk_sched_checkpoint(L, w->s->S); /* it is all of the worker that stops */
  w->how = SK_JOB_CANCELLED;
  lua_pop(L, 1);
}


static void sendresults (lua_State *L, Worker *w) {
  if (w->order.items == 0) {
    send(L, w, 2);
    return;
  }
  if (w->how == SK_JOB_FAILED) lua_xmove(L, w->bench, 1); /* behind those */
  if (lua_pcall(w->bench, lua_gettop(w->bench) - 1, 0, 0) != LUA_OK)
    raisebench(L, w->bench);
}


static void setbench (lua_State *L, Worker *w) {
  lua_settop(w->bench, 0);
  lua_getiuservalue(L, 1, SENDER);
  lua_xmove(L, w->bench, 1);
  w->at = 0;
}


/* The owner wants to know that it begins. */
static void tell (Worker *w) {
  if (sk_item_new(&w->s->m, 0, NULL, 0) == 0) post(w, SK_JOB_BEGUN, w->start);
}


/* Deal with the job in 'slot->in'. */
static int perform (lua_State *L, Worker *w) {
  Sched *S = w->s->S;
  Slot *slot = w->s->m.slot;
  sk_arena_move(&slot->job, &slot->in);
  job(w)->holder = w->number;
  memcpy(&w->order, job(w)->bytes, sizeof w->order);
  w->id = job(w)->tag;
  w->start = sk_clock_now();
  sk_crew_begin(w->berth, w->id);
  if (w->order.tell) tell(w);
  if (w->order.items > 0) setbench(L, w);
  run(L, w);
  bool broke = w->how == SK_JOB_FAILED || w->how == SK_JOB_CANCELLED;
  uint64_t done = w->order.items > 0 ? w->at + broke : 1;
  w->left -= done < w->left ? done : w->left;
  w->berth->done += done; /* before anybody knows the result */
  sendresults(L, w);
  sk_item_free(&w->s->m, &slot->job);
  if (sk_crew_end(w->berth)) meetsignal(S);
  lua_settop(L, 1);
  lua_pushboolean(L, w->left > 0);
  return sk_sched_turn(L, S, 1);
}


static int begin (lua_State *L, int status, lua_KContext ctx) {
  Worker *w = lua_touserdata(L, 1);
  (void)status;
  w->s->unemployed = false;
  if (sk_shared_settle(L, w->s->S, ctx) == 0) return perform(L, w);
  lua_pushboolean(L, 0);
  return 1;
}


/* ---- the class ---- */

/* worker:step() -> true | false: there are no more jobs, or it did enough */
static int worker_step (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Worker *w = luaL_checkudata(L, 1, CLASS);
  lua_settop(L, 1);
  sk_sched_checkpoint(L, S);
  int err = sk_queue_get(&w->s->m, &w->crew->jobs, NULL);
  if (err == -EAGAIN) {
    Petition *p = sk_shared_petition(L, w->s, SK_FOREVER);
    err = sk_queue_get(&w->s->m, &w->crew->jobs, p->seat);
    if (err == -EAGAIN) {
      w->s->unemployed = true;
      return sk_shared_suspend(L, w->s, p, "a job", begin);
    }
    sk_shared_dismiss(w->s, p);
  }
  if (err == 0) return perform(L, w);
  lua_pushboolean(L, 0);
  return 1;
}


/* worker:prepare(init, ...) -> boolean: false: it raised, the owner knows */
static int worker_prepare (lua_State *L) {
  Worker *w = luaL_checkudata(L, 1, CLASS);
  lua_pushcfunction(L, sk_crossing_begin);
  lua_insert(L, 2);
  bool ok = sk_crossing_call(L, lua_gettop(L) - 2) == LUA_OK;
  if (!ok) {
    sk_sched_checkpoint(L, w->s->S); /* it was told to stop */
    finisherror(L, w);
    sk_shared_pack(L, w->s, lua_gettop(L), 1, &sk_wire_result);
    w->id = 0;
    post(w, SK_JOB_UNREADY, 0);
  }
  lua_pushboolean(L, ok);
  return 1;
}


/* worker:ready() - it begins to take jobs */
static int worker_ready (lua_State *L) {
  Worker *w = luaL_checkudata(L, 1, CLASS);
  __atomic_store_n(&w->berth->ready, 1, __ATOMIC_RELEASE);
  return 0;
}


/* core.worker(crew, number, berth, limit or nil) -> worker */
static int newworker (lua_State *L) {
  Sched *S = sk_upvalue(L);
  Handle *h = luaL_checkudata(L, 1, "skein.Crew");
  Worker *w = lua_newuserdatauv(L, sizeof *w, VALUES);
  *w = (Worker){.s = sk_shared_of(S), .crew = (Crew *)h->o};
  luaL_setmetatable(L, CLASS);
  w->number = (int32_t)luaL_checkinteger(L, 2);
  w->berth = sk_crew_berth(w->crew, (uint32_t)luaL_checkinteger(L, 3));
  w->left = (uint64_t)luaL_optinteger(L, 4, LUA_MAXINTEGER);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, CREW);
  forgetfunctions(L, lua_gettop(L));
  w->bench = lua_newthread(L);
  lua_setiuservalue(L, -2, BENCH);
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, sendbench, 1);
  lua_setiuservalue(L, -2, SENDER);
  if (strcmp(S->kind, "process") == 0)
    signal(SIGINT, SIG_IGN); /* the owner decides */
  return 1;
}


static const luaL_Reg methods[] = {{"step", worker_step},
                                   {"prepare", worker_prepare},
                                   {"ready", worker_ready},
                                   {NULL, NULL}};

static const luaL_Reg functions[] = {{"worker", newworker}, {NULL, NULL}};


void sk_open_worker (lua_State *L, Sched *S) {
  sk_newclass(L, S, CLASS, methods, NULL);
  sk_addfunctions(L, S, functions);
}
