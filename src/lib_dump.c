/*
** lib_dump.c - What every task does, or waits for, and who else is in the
** family: the facts for skein.dump.
*/
#include <string.h>

#include "clock.h"
#include "coro.h"
#include "crossing.h"
#include "handle.h"
#include "lib.h"
#include "lock.h"
#include "open.h"
#include "report.h"


#define DUMP "skein.dump" /* the module that lays it out: a function */


/* The level of the innermost function of 'at' that is not of the dump: in 'L'
   there are core.tasks and who lays it out. */
static int innermost (lua_State *L, lua_State *at) {
  return at == L ? 2 : 0;
}


/* Push "file:line" of the innermost function of the user's in 'at', or nil. */
static void pushplace (lua_State *L, lua_State *at) {
  lua_Debug ar;
  int level = innermost(L, at);
  for (; at != NULL && lua_getstack(at, level, &ar); level++) {
    lua_getinfo(at, "Sl", &ar);
    if (ar.currentline < 0 || sk_isours(L, ar.source)) continue;
    lua_pushfstring(L, "%s:%d", ar.short_src, ar.currentline);
    return;
  }
  lua_pushnil(L);
}


static void setstring (lua_State *L, const char *key, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}


static void setinteger (lua_State *L, const char *key, lua_Integer n) {
  lua_pushinteger(L, n);
  lua_setfield(L, -2, key);
}


static void setseconds (lua_State *L, const char *key, int64_t ns) {
  lua_pushnumber(L, (lua_Number)(ns > 0 ? ns : 0) / 1e9);
  lua_setfield(L, -2, key);
}


static void pushtaskname (lua_State *L, Sched *S, Task *t) {
  if (t != &S->top && sk_coro_pushhandle(L, t)) {
    sk_outcome_pushname(L, -1);
    lua_remove(L, -2);
  }
  else
    sk_crossing_pushself(L, S);
}


/* Push what the text calls the handle that 't' waits for, or nil. */
static void pushawaited (lua_State *L, const Task *t) {
  lua_Debug ar;
  if (t->wait == NULL && lua_getstack(t->at, innermost(L, t->at), &ar) &&
      lua_getlocal(t->at, &ar, 1) != NULL) {
    lua_xmove(t->at, L, 1);
    if (sk_handle_test(L, -1) != NULL)
      sk_outcome_pushwho(L, lua_absindex(L, -1));
    else
      lua_pushnil(L);
    lua_remove(L, -2);
  }
  else
    lua_pushnil(L);
}


/* Who has the lock that 't' waits for: set 'slot' and 'task' of it in the
   table at the top. */
static void addholder (lua_State *L, const Task *t) {
  Object *o = sk_shared_awaited(t);
  if (o == NULL || !sk_lock_is(o)) return;
  uint64_t owner = sk_lock_owner((Lock *)o);
  if (owner == 0) return;
  setinteger(L, "slot", (lua_Integer)(owner >> SK_LOCKSLOT));
  setinteger(L, "holder",
             (lua_Integer)(owner & ((UINT64_C(1) << SK_LOCKSLOT) - 1)));
}


/* What the parked task 't' waits for, to the table at the top. */
static void addwhat (lua_State *L, const Task *t) {
  setstring(L, "what", t->what);
  setseconds(L, "since", sk_clock_now() - t->since);
  pushawaited(L, t);
  lua_setfield(L, -2, "awaited");
  addholder(L, t);
}


/* Push {id, name, state, what, since, awaited, slot, holder, where, parent} of
   a live task; of the top level its 'kind' as well. */
static void pushtask (lua_State *L, Sched *S, Task *t, const Task *parent) {
  lua_createtable(L, 0, 7);
  lua_pushinteger(L, (lua_Integer)t->outcome.id);
  lua_setfield(L, -2, "id");
  pushtaskname(L, S, t);
  lua_setfield(L, -2, "name");
  bool begun = t->outcome.status >= SK_RUNNING;
  bool waits = t->state == SK_PARKED;
  lua_pushstring(L, waits ? "waiting" : begun ? "running" : "pending");
  lua_setfield(L, -2, "state");
  if (waits && t->what != NULL) addwhat(L, t);
  pushplace(L, t->at);
  lua_setfield(L, -2, "where");
  if (parent != NULL) {
    lua_pushinteger(L, (lua_Integer)parent->outcome.id);
    lua_setfield(L, -2, "parent");
  }
  else {
    lua_pushstring(L, S->kind);
    lua_setfield(L, -2, "kind");
  }
}


/* Append the tasks of a nursery to the list at the top. */
static void addmembers (lua_State *L, Sched *S, Nursery *n,
                        const Task *parent) {
  List *end = &n->members;
  for (List *l = end->next; l != NULL && l != end; l = l->next) {
    pushtask(L, S, sk_container(l, Task, sibling), parent);
    lua_rawseti(L, -2, luaL_len(L, -2) + 1);
  }
}


/* core.tasks() -> list: the top level, then all live tasks */
static int core_tasks (lua_State *L) {
  Sched *S = sk_upvalue(L);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_settop(L, 0);
  lua_newtable(L);
  pushtask(L, S, &S->top, NULL);
  lua_rawseti(L, 1, 1);
  addmembers(L, S, &S->loose, &S->top);
  List *end = &S->nurseries;
  for (List *l = end->next; l != NULL && l != end; l = l->next) {
    Nursery *n = sk_container(l, Nursery, peer);
    addmembers(L, S, n, n->scope->task);
  }
  return 1;
}


/* ---- the family ---- */

static const char *stateof (const Slot *s) {
  if (sk_slot_state(s) == SK_SLOT_NEW) return "starting";
  if (sk_slot_state(s) == SK_SLOT_DEAD || sk_slot_fate(s) == 1) return "ended";
  return __atomic_load_n(&s->asleep, __ATOMIC_RELAXED) != SK_AWAKE ? "waiting"
                                                                   : "running";
}


/* What it said before it fell asleep, to the table at the top. */
static void addwait (lua_State *L, const Slot *s) {
  Doing heard;
  sk_slot_hear(s, &heard);
  char what[sizeof heard.what];
  memcpy(what, heard.what, sizeof what);
  what[sizeof what - 1] = '\0';
  if (what[0] != '\0') setstring(L, "what", what);
  setseconds(L, "since", sk_clock_now() - heard.since);
  setinteger(L, "tasks", heard.tasks);
}


/* Push {slot, maker, pid, kind, name, state, age, what, since, tasks}. */
static void pushmember (lua_State *L, uint32_t index, sk_time now) {
  const Slot *s = sk_slot(index);
  lua_createtable(L, 0, 10);
  setinteger(L, "slot", index);
  setinteger(L, "maker", sk_slot_maker(s));
  int pid = sk_slot_pid(s);
  if (pid != 0) setinteger(L, "pid", pid);
  setstring(L, "kind", s->kind);
  setstring(L, "name", s->name);
  const char *state = stateof(s);
  setstring(L, "state", state);
  setseconds(L, "age", now - sk_slot_born(s));
  if (strcmp(state, "waiting") == 0) addwait(L, s);
}


/* core.members() -> list of all of the family, the slot of this one */
static int core_members (lua_State *L) {
  Sched *S = sk_upvalue(L);
  lua_settop(L, 0);
  lua_newtable(L);
  if (sk_shared_of(S) == NULL) return 1;
  sk_time now = sk_slot_clock();
  for (uint32_t i = 1; i < sk_slot_reached(); i++) {
    if (sk_slot_state(sk_slot(i)) == SK_SLOT_FREE ||
        sk_slot(i)->kind[0] == '\0')
      continue;
    pushmember(L, i, now);
    lua_rawseti(L, 1, luaL_len(L, 1) + 1);
  }
  lua_pushinteger(L, sk_shared_of(S)->m.index);
  return 2;
}


/* ---- the text ---- */

/* () -> the text of skein.dump() */
static int compose (lua_State *L) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, DUMP);
  lua_call(L, 1, 1);
  lua_call(L, 0, 1);
  return 1;
}


/* For a deadlock: what failed before may be the reason. */
static void dump (lua_State *L, Sched *S) {
  sk_report_all(L, S);
  lua_pushcfunction(L, compose);
  if (lua_pcall(L, 0, 1, 0) == LUA_OK && lua_type(L, -1) == LUA_TSTRING) return;
  lua_pop(L, 1);
  lua_pushliteral(L, "");
}


static const luaL_Reg functions[] = {
    {"tasks", core_tasks},
    {"members", core_members},
    {NULL, NULL},
};


void sk_open_dump (lua_State *L, Sched *S) {
  S->dump = dump;
  sk_addfunctions(L, S, functions);
}
