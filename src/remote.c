/*
** remote.c - Handles of processes and threads. See remote.h.
*/
#include <string.h>

#include "remote.h"

static const char ANCHORS = 'a'; /* of a table, in the registry */


/* ---- anchors ---- */

void sk_remote_pushanchors (lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &ANCHORS);
}


static void unanchor (lua_State *L, const Remote *r) {
  sk_remote_pushanchors(L);
  lua_pushnil(L);
  lua_rawsetp(L, -2, r);
  lua_pop(L, 1);
}


/* ---- the parcel ---- */

void sk_remote_drop (Remote *r) {
  Shared *s = r->holds ? sk_shared_of(r->S) : NULL;
  if (s != NULL) sk_object_drop(&s->m, r->ref);
  r->holds = false;
}


Shared *sk_remote_pack (lua_State *L, int handle) {
  Object *o;
  Remote *r = lua_touserdata(L, handle);
  Shared *s = sk_shared_open(L, r->S);
  sk_remote_drop(r); /* of an attempt that failed */
  int err = sk_object_new(&s->m, SK_PARCEL, 0, &o, &r->ref);
  if (err != 0) sk_remote_refuse(L, handle, err, NULL);
  r->parcel = (Parcel *)o;
  r->holds = true;
  return s;
}


/* ---- handles ---- */

Remote *sk_remote_new (lua_State *L, Sched *S, const HandleClass *c,
                       size_t size) {
  bool daemon = sk_launch_flag(L, 1, "daemon");
  bool hidden = sk_launch_flag(L, 1, "_hidden");
  Remote *r = sk_launch_handle(L, S, 1, c, size);
  r->S = S;
  r->daemon = daemon;
  r->hidden = hidden;
  return r;
}


void sk_remote_checkmine (lua_State *L, int at) {
  const Remote *r = lua_touserdata(L, at);
  if (r->outcome.status == SK_RUNNING && r->epoch != r->S->epoch)
    sk_misuse(L, "only the process that started it can ask a %s how it is",
              sk_outcome_class(L, at)->kind);
}


void sk_remote_run (lua_State *L, int handle) {
  Remote *r = lua_touserdata(L, handle);
  sk_remote_pushanchors(L);
  lua_pushvalue(L, handle);
  lua_rawsetp(L, -2, r);
  lua_pop(L, 1);
  r->outcome.status = SK_RUNNING;
  r->epoch = r->S->epoch;
}


void sk_remote_stay (lua_State *L, int handle) {
  Remote *r = lua_touserdata(L, handle);
  r->outcome.status = SK_NEW;
  unanchor(L, r);
  sk_remote_drop(r);
}


int sk_remote_refuse (lua_State *L, int handle, int err, const char *what) {
  sk_remote_stay(L, handle);
  return luaL_error(L, "cannot start a %s: %s%s%s",
                    sk_outcome_class(L, handle)->kind, what != NULL ? what : "",
                    what != NULL ? ": " : "", strerror(-err));
}


/* ---- the end ---- */

/* (handle, err): what became of it cannot be told: that is told. */
static int settlebadly (lua_State *L) {
  sk_outcome_settle(L, sk_sched_of(L), 1, SK_FAILED, 1);
  return 0;
}


void sk_remote_settle (Remote *r, lua_CFunction settle) {
  lua_State *L = r->S->aux;
  int top = lua_gettop(L);
  sk_remote_pushanchors(L);
  lua_rawgetp(L, -1, r);
  lua_pushcfunction(L, settle);
  lua_pushvalue(L, top + 2);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    lua_pushcfunction(L, settlebadly);
    lua_pushvalue(L, top + 2);
    lua_rotate(L, -3, 2);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK) { /* without its error, if need be */
      r->outcome.status = SK_FAILED;
      sk_sched_wakeall(r->S, &r->outcome.waiters, 0);
    }
  }
  unanchor(L, r);
  sk_remote_drop(r);
  lua_settop(L, top);
}


void sk_remote_open (lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &ANCHORS) == LUA_TNIL) {
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ANCHORS);
  }
  lua_pop(L, 1);
}
