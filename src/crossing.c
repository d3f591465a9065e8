/*
** crossing.c - A function runs elsewhere. See crossing.h.
*/
#include <string.h>

#include "crossing.h"

static const WireWhat error_what = {
    .verb = "send", .noun = "error", .number = -1};


/* Push the text that tells of the error at 'idx'. */
static void describe (lua_State *L, int idx) {
  idx = lua_absindex(L, idx);
  if (sk_iserror(L, idx, NULL)) {
    lua_getfield(L, idx, "message");
    if (lua_isstring(L, -1)) return;
    lua_pop(L, 1);
  }
  if (lua_type(L, idx) == LUA_TSTRING ||
      luaL_getmetafield(L, idx, "__tostring") != LUA_TNIL)
    luaL_tolstring(L, idx, NULL);
  else if (lua_isnil(L, idx) || lua_isboolean(L, idx) || lua_isnumber(L, idx))
    luaL_tolstring(L, idx, NULL);
  else
    lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, idx));
}


/* Message handler: {value, traceback, message} of the error. */
static int onerror (lua_State *L) {
  lua_settop(L, 1);
  lua_createtable(L, 0, 4);
  lua_pushvalue(L, 1);
  lua_setfield(L, 2, "value");
  describe(L, 1);
  lua_setfield(L, 2, "message");
  luaL_traceback(L, L, NULL, 1);
  if (sk_iserror(L, 1, NULL)) { /* it may know better where it was raised */
    lua_getfield(L, 1, "traceback");
    if (lua_isnil(L, -1)) lua_pop(L, 1);
  }
  lua_setfield(L, 2, "traceback");
  lua_settop(L, 2);
  return 1;
}


int sk_crossing_call (lua_State *L, int nargs) {
  int fn = lua_gettop(L) - nargs;
  lua_pushcfunction(L, onerror);
  lua_insert(L, fn);
  int status = lua_pcall(L, nargs, LUA_MULTRET, fn);
  lua_remove(L, fn);
  if (status == LUA_OK || lua_istable(L, -1)) return status;
  /* no memory, or an error in the handler: a plain string */
  lua_createtable(L, 0, 2);
  lua_insert(L, -2);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "message");
  lua_setfield(L, -2, "value");
  return status;
}


int sk_crossing_begin (lua_State *L) {
  if (lua_type(L, 1) == LUA_TSTRING) {
    if (sk_wire_lookup(L, lua_tostring(L, 1)) != 0) return lua_error(L);
    lua_replace(L, 1);
  }
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}


/* (parcel): take the call out of it, and make it. */
static int takecall (lua_State *L) {
  Parcel *p = lua_touserdata(L, 1);
  Shared *s = sk_shared_of(sk_sched_of(L));
  lua_settop(L, 0);
  if (!sk_parcel_take(&s->m, p, &p->input))
    return luaL_error(L, "no function was sent");
  sk_shared_unpack(L, s);
  return sk_crossing_begin(L);
}


int sk_crossing_pushcall (lua_State *L, Parcel *p) {
  lua_pushcfunction(L, takecall);
  lua_pushlightuserdata(L, p);
  return 1;
}


void sk_crossing_pushself (lua_State *L, const Sched *S) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &S->kind) != LUA_TNIL) return;
  lua_pop(L, 1);
  lua_pushliteral(L, "main");
}


void sk_crossing_packsetup (lua_State *L, Shared *s, Parcel *p,
                            const char *name) {
  static const WireWhat what = {.verb = "send", .noun = "arg", .number = -1};
  lua_createtable(L, 0, 3);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "name");
  sk_crossing_pushself(L, s->S);
  lua_setfield(L, -2, "parent");
  lua_getglobal(L, "arg");
  lua_setfield(L, -2, "arg");
  sk_shared_pack(L, s, lua_gettop(L), 1, &what);
  lua_pop(L, 1);
  sk_parcel_put(&s->m, p, &p->setup);
}


/* Encode the error's table at the top; a value that cannot cross is left
   out, for its text says what it was. */
static void packerror (lua_State *L, Shared *s) {
  int idx = lua_gettop(L);
  if (sk_shared_trypack(L, s, idx, 1, &error_what) == 0) return;
  lua_pop(L, 1);
  lua_createtable(L, 0, 4);
  static const char *const keep[] = {"message", "traceback", "source", NULL};
  for (int i = 0; keep[i] != NULL; i++) {
    lua_getfield(L, idx, keep[i]);
    lua_setfield(L, -2, keep[i]);
  }
  sk_shared_pack(L, s, lua_gettop(L), 1, &error_what);
  lua_pop(L, 1);
}


static bool wascancelled (lua_State *L, const Sched *S) {
  if (!S->top.cancelled) return false;
  lua_getfield(L, -1, "value");
  bool is = sk_iserror(L, -1, "cancelled");
  lua_pop(L, 1);
  return is;
}


/* The results cannot cross: that is the error. */
static void replaceerror (lua_State *L, int base) {
  lua_insert(L, base);
  lua_settop(L, base);
  lua_createtable(L, 0, 4);
  lua_insert(L, base);
  describe(L, -1);
  lua_setfield(L, base, "message");
  lua_setfield(L, base, "value");
}


int sk_crossing_run (lua_State *L, Shared *s, Parcel *p, int nargs,
                     const char *source) {
  int base = lua_gettop(L) - nargs;
  int outcome = SK_RESULTS;
  if (sk_crossing_call(L, nargs) != LUA_OK)
    outcome = wascancelled(L, s->S) ? SK_STOPPED : SK_RAISED;
  else if (sk_shared_trypack(L, s, base, lua_gettop(L) - base + 1,
                             &sk_wire_result) != 0) {
    replaceerror(L, base);
    outcome = SK_RAISED;
  }
  if (outcome != SK_RESULTS) {
    lua_pushstring(L, source);
    lua_setfield(L, -2, "source");
    packerror(L, s);
  }
  p->outcome = (uint32_t)outcome;
  sk_parcel_put(&s->m, p, &p->output);
  return outcome;
}


void sk_crossing_pusherror (lua_State *L) {
  lua_pushliteral(L, "error");
  lua_setfield(L, -2, "kind");
  sk_seterror(L);
}


int sk_crossing_collect (lua_State *L, Shared *s, Parcel *p, Status *status) {
  if (!sk_parcel_take(&s->m, p, &p->output)) return -1;
  int n = sk_shared_unpack(L, s);
  *status = SK_FINISHED;
  if (p->outcome == SK_RESULTS) return n;
  *status = SK_FAILED;
  if (p->outcome == SK_STOPPED) {
    lua_getfield(L, -1, "value");
    if (sk_iserror(L, -1, "cancelled")) {
      *status = SK_CANCELLED;
      lua_remove(L, -2);
      return 1;
    }
    lua_pop(L, 1);
  }
  sk_crossing_pusherror(L);
  return 1;
}
