/*
** report.c - Failures that nobody asks for. See report.h.
*/
#include "lib.h"
#include "report.h"

#define CLASS "skein.report"

typedef struct Report {
  List link; /* in Sched.reports while nobody asked; must be first */
} Report;

static const char ONERROR = 'e'; /* of the function, in the registry */
static const char REPORTS = 'r'; /* of the boxes by Report, in the registry */


void sk_report_drop (Outcome *o) {
  o->asked = true;
  if (o->report != NULL) sk_list_remove(&o->report->link);
  o->report = NULL;
}


/* Push what is to be said of the box at the top. */
static void pushtext (lua_State *L, int box) {
  lua_getfield(L, box, "who");
  lua_rawgeti(L, box, 1);
  luaL_tolstring(L, -1, NULL);
  lua_remove(L, -2);
  lua_getfield(L, box, "trace");
  bool traced = lua_isstring(L, -1);
  lua_pushfstring(L, "%s failed: %s%s%s", lua_tostring(L, -3),
                  lua_tostring(L, -2), traced ? "\n" : "",
                  traced ? lua_tostring(L, -1) : "");
  lua_replace(L, -4);
  lua_pop(L, 2);
}


/* (err, text): tell of it, to on_error's function or on stderr. */
static int telltext (lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &ONERROR) == LUA_TFUNCTION) {
    lua_insert(L, 1);
    lua_call(L, 2, 0);
    return 0;
  }
  fprintf(stderr, "skein: %s\n", lua_tostring(L, 2));
  fflush(stderr);
  return 0;
}


/* (box): tell of what is in it. */
static int tell (lua_State *L) {
  lua_settop(L, 1);
  pushtext(L, 1);
  lua_rawgeti(L, 1, 1);
  lua_replace(L, 1);
  return telltext(L);
}


/* The same for the box at the top, which it pops; no error gets out. */
static void tellsafely (lua_State *L) {
  lua_pushcfunction(L, tell);
  lua_insert(L, -2);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) lua_pop(L, 1);
}


/* report:__gc() - nobody can ask any more. */
static int report_gc (lua_State *L) {
  Report *r = lua_touserdata(L, 1);
  if (sk_list_isidle(&r->link)) return 0;
  sk_list_remove(&r->link);
  lua_getiuservalue(L, 1, 1);
  tellsafely(L);
  return 0;
}


void sk_report_make (lua_State *L, Sched *S, int handle) {
  Outcome *o = lua_touserdata(L, handle);
  sk_outcome_pushbox(L, handle); /* box */
  sk_outcome_pushwho(L, handle);
  lua_setfield(L, -2, "who");
  Report *r = lua_newuserdatauv(L, sizeof *r, 1); /* box report */
  *r = (Report){0};
  lua_pushvalue(L, -2);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, CLASS);
  lua_setfield(L, -2, "report");
  lua_rawgetp(L, LUA_REGISTRYINDEX, &REPORTS);
  lua_insert(L, -2);
  lua_rawsetp(L, -2, r); /* reports[r] = box */
  lua_pop(L, 1);
  o->report = r;
  sk_list_add(&S->reports, &r->link);
}


/* (text): the error is known by its text only. */
static int tellof (lua_State *L) {
  const char *text = lua_touserdata(L, 1);
  sk_pusherror(L, "error", "%s", text);
  lua_replace(L, 1);
  lua_pushstring(L, text);
  return telltext(L);
}


void sk_report_text (lua_State *L, const char *text) {
  lua_pushcfunction(L, tellof);
  lua_pushlightuserdata(L, (void *)(uintptr_t)text);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) lua_pop(L, 1);
}


SK_BIRTH void sk_report_all (lua_State *L, Sched *S) {
  List *next, *end = &S->reports;
  bool dying = false;
  for (List *link = end->next; link != NULL && link != end; link = next) {
    next = link->next;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &REPORTS);
    lua_rawgetp(L, -1, link);
    lua_remove(L, -2);
    if (lua_isnil(L, -1)) { /* garbage, but its finalizer did not run yet */
      dying = true;
      lua_pop(L, 1);
      continue;
    }
    sk_list_remove(link);
    tellsafely(L);
  }
  if (dying) lua_gc(L, LUA_GCCOLLECT); /* it may have no other chance */
}


static void tellall (Sched *S) {
  sk_report_all(S->aux, S);
}


/* The program ends by 'exit' while states are open: the last chance. */
static void __attribute__((destructor)) atend(void) {
  sk_sched_each(tellall);
}


int sk_report_onerror (lua_State *L) {
  if (!lua_isnoneornil(L, 1)) luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &ONERROR);
  return 0;
}


void sk_report_open (lua_State *L) {
  if (!luaL_newmetatable(L, CLASS)) {
    lua_pop(L, 1);
    return;
  }
  lua_pushcfunction(L, report_gc);
  lua_setfield(L, -2, "__gc");
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &REPORTS);
  lua_pop(L, 1);
}
