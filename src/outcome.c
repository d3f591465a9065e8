/*
** outcome.c - How a task, thread, process or job ended. See outcome.h.
**
** The user value of a handle holds its single result, or nil while there is
** none; or, if 'boxed', a table: [1 .. count] the results or [1] the error,
** and the fields "name", "done" (callbacks), "trace" and "report".
*/
#include <string.h>

#include "lib.h"
#include "outcome.h"
#include "report.h"

static const char CLASS = 'c'; /* of the HandleClass, in a metatable */


/* ---- handles ---- */

const HandleClass *sk_outcome_class (lua_State *L, int idx) {
  if (lua_type(L, idx) != LUA_TUSERDATA || !lua_getmetatable(L, idx))
    return NULL;
  lua_rawgetp(L, -1, &CLASS);
  const HandleClass *c = lua_touserdata(L, -1);
  lua_pop(L, 2);
  return c;
}


void sk_outcome_setclass (lua_State *L, const HandleClass *c) {
  lua_pushlightuserdata(L, (void *)(uintptr_t)c);
  lua_rawsetp(L, -2, &CLASS);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, c);
}


void sk_outcome_pushbox (lua_State *L, int handle) {
  Outcome *o = lua_touserdata(L, handle);
  lua_getiuservalue(L, handle, 1);
  if (o->boxed) return;
  lua_newtable(L); /* value box */
  lua_rotate(L, -2, 1);
  lua_rawseti(L, -2, 1); /* a single result, or nil */
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, handle, 1);
  o->boxed = true;
}


void sk_outcome_setfield (lua_State *L, int handle, const char *key) {
  handle = lua_absindex(L, handle);
  sk_outcome_pushbox(L, handle);
  lua_insert(L, -2);
  lua_setfield(L, -2, key);
  lua_pop(L, 1);
}


void *sk_outcome_new (lua_State *L, Sched *S, const HandleClass *c, size_t size,
                      int name) {
  if (name != 0) name = lua_absindex(L, name);
  Outcome *o = lua_newuserdatauv(L, size, 1);
  memset(o, 0, size);
  o->id = sk_sched_newid(S);
  lua_rawgetp(L, LUA_REGISTRYINDEX, c);
  lua_setmetatable(L, -2);
  if (name != 0 && !lua_isnil(L, name)) {
    lua_pushvalue(L, name);
    sk_outcome_setfield(L, -2, "name");
  }
  return o;
}


void sk_outcome_pushname (lua_State *L, int handle) {
  handle = lua_absindex(L, handle);
  const HandleClass *c = sk_outcome_class(L, handle);
  Outcome *o = lua_touserdata(L, handle);
  if (o->boxed) {
    lua_getiuservalue(L, handle, 1);
    lua_getfield(L, -1, "name");
    lua_remove(L, -2);
    if (!lua_isnil(L, -1)) return;
    lua_pop(L, 1);
  }
  lua_pushfstring(L, "%s %I", c->kind, (LUAI_UACINT)o->id);
}


void sk_outcome_pushwho (lua_State *L, int handle) {
  const HandleClass *c = sk_outcome_class(L, handle);
  const Outcome *o = lua_touserdata(L, handle);
  sk_outcome_pushname(L, handle);
  const char *name = lua_tostring(L, -1);
  const char *made = lua_pushfstring(L, "%s %I", c->kind, (LUAI_UACINT)o->id);
  if (strcmp(name, made) != 0)
    lua_pushfstring(L, "%s '%s'", c->kind, name);
  else
    lua_pushvalue(L, -1);
  lua_replace(L, -3);
  lua_pop(L, 1);
}


/* ---- the end ---- */

/* Pop the top 'n' values and keep them as what came out. */
static void store (lua_State *L, const Outcome *o, int handle, int n) {
  if (n == 0 && !o->boxed) return;
  if (n == 1 && !o->boxed) {
    lua_setiuservalue(L, handle, 1);
    return;
  }
  sk_outcome_pushbox(L, handle);
  lua_insert(L, -n - 1);
  for (int i = n; i >= 1; i--) lua_rawseti(L, -i - 1, i);
  lua_pop(L, 1);
}


static bool isawaited (Outcome *o) {
  List *end = &o->waiters;
  for (List *l = end->next; l != NULL && l != end; l = l->next)
    if (sk_container(l, Waiter, link)->value == SK_GETS) return true;
  return false;
}


void sk_outcome_rundone (lua_State *L, Sched *S, int handle) {
  lua_getiuservalue(L, handle, 1);
  if (lua_getfield(L, -1, "done") == LUA_TTABLE) {
    lua_Integer n = luaL_len(L, -1);
    for (lua_Integer i = 1; i <= n; i++) {
      lua_rawgeti(L, -1, i);
      lua_pushvalue(L, handle);
      S->spawn(L, S, 1);
      lua_pop(L, 1);
    }
    lua_pushnil(L);
    lua_setfield(L, -3, "done");
  }
  lua_pop(L, 2);
}


void sk_outcome_settle (lua_State *L, Sched *S, int handle, Status status,
                        int n) {
  if (handle < 0) handle = lua_absindex(L, handle);
  Outcome *o = lua_touserdata(L, handle);
  if (sk_unlikely(sk_outcome_ended(o))) {
    lua_pop(L, n);
    return;
  }
  store(L, o, handle, n);
  if (status == SK_FAILED && !o->asked && !isawaited(o))
    sk_report_make(L, S, handle);
  o->status = (uint8_t)status;
  o->count = n;
  sk_sched_wakeall(S, &o->waiters, 0);
  if (o->boxed) sk_outcome_rundone(L, S, handle);
}


static int pushresults (lua_State *L, int handle) {
  const Outcome *o = lua_touserdata(L, handle);
  int n = o->count;
  if (n == 0) return 0;
  if (!o->boxed) {
    lua_getiuservalue(L, handle, 1);
    return 1;
  }
  luaL_checkstack(L, n + 1, "too many results");
  lua_getiuservalue(L, handle, 1);
  int box = lua_gettop(L);
  for (int i = 1; i <= n; i++) lua_rawgeti(L, box, i);
  return n;
}


void sk_outcome_pusherror (lua_State *L, int handle) {
  handle = lua_absindex(L, handle);
  Outcome *o = lua_touserdata(L, handle);
  sk_report_drop(o);
  lua_getiuservalue(L, handle, 1);
  if (o->boxed) {
    lua_rawgeti(L, -1, 1);
    lua_remove(L, -2);
  }
  if (o->status == SK_CANCELLED && lua_isnil(L, -1)) { /* by a fork */
    lua_pop(L, 1);
    sk_pusherror(L, "cancelled", "cancelled: it runs in the parent process");
  }
  if (o->status == SK_FAILED && o->count == 0) { /* nor to keep its error */
    lua_pop(L, 1);
    lua_pushliteral(L, "not enough memory");
  }
}


int sk_outcome_push (lua_State *L, int handle) {
  const Outcome *o = lua_touserdata(L, handle);
  if (o->status == SK_FINISHED) return pushresults(L, handle);
  sk_outcome_pusherror(L, handle);
  return lua_error(L);
}
