/*
** crossing.c - A function runs elsewhere. See crossing.h.
*/
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "clock.h"
#include "crossing.h"

static const WireWhat error_what = {
    .verb = "send", .noun = "error", .number = -1};


static int totext (lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  return 1;
}


static bool speaks (lua_State *L, int idx) {
  int type = lua_type(L, idx);
  if (type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN ||
      type == LUA_TNIL)
    return true;
  if (luaL_getmetafield(L, idx, "__tostring") == LUA_TNIL) return false;
  lua_pop(L, 1);
  return true;
}


/* Push the text that tells of the error at 'idx', in its own words if it has
   any. */
static void describe (lua_State *L, int idx) {
  idx = lua_absindex(L, idx);
  if (sk_iserror(L, idx, NULL)) {
    lua_getfield(L, idx, "message");
    if (lua_isstring(L, -1)) return;
    lua_pop(L, 1);
  }
  if (speaks(L, idx)) {
    lua_pushcfunction(L, totext);
    lua_pushvalue(L, idx);
    if (lua_pcall(L, 1, 1, 0) == LUA_OK) return;
    lua_pop(L, 1);
  }
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


/* (error): the same table without a traceback. */
static int asitcame (lua_State *L) {
  lua_createtable(L, 0, 2);
  lua_pushvalue(L, 1);
  lua_setfield(L, -2, "message");
  lua_pushvalue(L, 1);
  lua_setfield(L, -2, "value");
  return 1;
}


SK_BIRTH int sk_crossing_call (lua_State *L, int nargs) {
  int fn = lua_gettop(L) - nargs;
  lua_pushcfunction(L, onerror);
  lua_insert(L, fn);
  int status = lua_pcall(L, nargs, LUA_MULTRET, fn);
  lua_remove(L, fn);
  if (status == LUA_OK || status == LUA_ERRRUN) return status;
  /* no memory, or an error in the handler */
  lua_pushcfunction(L, asitcame);
  lua_insert(L, -2);
  lua_pcall(L, 1, 1, 0); /* still no memory: it stays a text */
  return status;
}


/* A name at 1 becomes the function. */
static SK_BIRTH void lookup (lua_State *L) {
  if (lua_type(L, 1) != LUA_TSTRING) return;
  if (sk_wire_lookup(L, lua_tostring(L, 1)) != 0) lua_error(L);
  lua_replace(L, 1);
}


int sk_crossing_begin (lua_State *L) {
  lookup(L);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}


/* (crossing, fn, ...): the same, and note that it begins. */
static SK_BIRTH int begin (lua_State *L) {
  Crossing *c = lua_touserdata(L, 1);
  lua_remove(L, 1);
  lookup(L);
  c->begun = true;
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}


/* (crossing): take the call out of the parcel, and make it. */
static int takecall (lua_State *L) {
  Crossing *c = lua_touserdata(L, 1);
  if (!sk_parcel_take(&c->s->m, c->p, &c->p->input))
    return luaL_error(L, "no function was sent");
  sk_shared_unpack(L, c->s);
  return begin(L);
}


int sk_crossing_pushcall (lua_State *L, Crossing *c) {
  lua_pushcfunction(L, takecall);
  lua_pushlightuserdata(L, c);
  return 1;
}


SK_BIRTH int sk_crossing_wrapcall (lua_State *L, Crossing *c, int nargs) {
  lua_pushcfunction(L, begin);
  lua_insert(L, 1);
  lua_pushlightuserdata(L, c);
  lua_insert(L, 2);
  return nargs + 2;
}


void sk_crossing_pushself (lua_State *L, const Sched *S) {
  lua_pushstring(L, S->name != NULL ? S->name : "main");
}


const char *sk_crossing_pushpath (lua_State *L, const char *key) {
  int at = lua_gettop(L) + 1;
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushliteral(L, "package");
  if (lua_rawget(L, at) == LUA_TTABLE) {
    lua_pushstring(L, key);
    lua_rawget(L, -2);
  }
  if (lua_type(L, -1) != LUA_TSTRING) lua_pushliteral(L, "");
  lua_replace(L, at);
  lua_settop(L, at);
  return lua_tostring(L, at);
}


/* Push the global 'arg', whatever stands guard over globals. */
static void pusharg (lua_State *L) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  lua_pushliteral(L, "arg");
  lua_rawget(L, -2);
  lua_remove(L, -2);
}


static const char *const pathnames[] = {"path", "cpath"};


void sk_crossing_packsetup (lua_State *L, Shared *s, Parcel *p,
                            const char *name, bool paths) {
  static const WireWhat what = {.verb = "send", .noun = "arg", .number = -1};
  lua_pushstring(L, name);
  lua_setfield(L, -2, "name");
  pusharg(L);
  lua_setfield(L, -2, "arg");
  for (int i = 0; paths && i < 2; i++) {
    sk_crossing_pushpath(L, pathnames[i]);
    lua_setfield(L, -2, pathnames[i]);
  }
  sk_shared_pack(L, s, lua_gettop(L), 1, &what);
  lua_pop(L, 1);
  sk_parcel_put(&s->m, p, &p->setup);
}


/*
** Lua's own seed is the second and the address of the state: the states of
** threads that follow each other have one address.
*/
void sk_crossing_reseed (lua_State *L) {
  int top = lua_gettop(L);
  uint64_t seed[2];
  sk_sched_random(seed, 2);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushliteral(L, "math");
  if (lua_rawget(L, -2) == LUA_TTABLE) {
    lua_pushliteral(L, "randomseed");
    if (lua_rawget(L, -2) == LUA_TFUNCTION) {
      lua_pushinteger(L, (lua_Integer)seed[0]);
      lua_pushinteger(L, (lua_Integer)seed[1]);
      lua_call(L, 2, 0);
    }
  }
  lua_settop(L, top);
}


void sk_crossing_unpacksetup (lua_State *L, Shared *s, Parcel *p) {
  sk_crossing_reseed(L);
  sk_parcel_take(&s->m, p, &p->setup);
  sk_shared_unpack(L, s);
  lua_getfield(L, -1, "arg");
  lua_setglobal(L, "arg");
  lua_getglobal(L, "package");
  for (int i = 0; i < 2; i++)
    if (lua_getfield(L, -2, pathnames[i]) != LUA_TNIL)
      lua_setfield(L, -2, pathnames[i]);
    else
      lua_pop(L, 1);
  lua_pop(L, 1);
}


/* ---- running ---- */

/* Encode the error's table at 'idx'; a value that cannot cross is left out,
   for its text says what it was. */
static void packerror (lua_State *L, Shared *s, int idx) {
  static const char *const keep[] = {"message", "traceback", "source", NULL};
  if (sk_shared_trypack(L, s, idx, 1, &error_what) == 0) return;
  lua_createtable(L, 0, 4);
  for (int i = 0; keep[i] != NULL; i++) {
    lua_getfield(L, idx, keep[i]);
    lua_setfield(L, -2, keep[i]);
  }
  sk_shared_pack(L, s, lua_gettop(L), 1, &error_what);
}


static void sendout (Crossing *c) {
  c->p->outcome = (uint32_t)c->outcome;
  sk_parcel_put(&c->s->m, c->p, &c->p->output);
}


/* (crossing, results ...): they are what is sent back. */
static SK_BIRTH int sendresults (lua_State *L) {
  Crossing *c = lua_touserdata(L, 1);
  if (lua_gettop(L) == 1) { /* there is nothing to send */
    c->p->outcome = SK_RESULTS;
    return 0;
  }
  if (sk_shared_trypack(L, c->s, 2, lua_gettop(L) - 1, &sk_wire_result) != 0)
    return lua_error(L);
  sendout(c);
  return 0;
}


/*
** What kind of error is the one whose table is at 2? A cancel that came before
** the function began has interrupted whatever was loaded for it, which may
** have made an error of its own of that.
*/
static void classify (lua_State *L, Crossing *c) {
  if (!c->begun && c->s->S->top.cancelled) {
    sk_pusherror(L, "cancelled", "cancelled");
    lua_setfield(L, 2, "value");
  }
  lua_getfield(L, 2, "value");
  bool cancelled = sk_iserror(L, -1, "cancelled");
  c->outcome = cancelled && c->s->S->top.cancelled ? SK_STOPPED : SK_RAISED;
  c->interrupted = sk_iserror(L, -1, "interrupted");
  lua_pop(L, 1);
}


/* Push who runs it. The first one to need it makes the text: in a forked
   child every page that is touched costs. */
static const char *pushsource (lua_State *L, const Crossing *c) {
  const char *kind = c->s->S->kind;
  if (strcmp(kind, "process") != 0)
    return lua_pushfstring(L, "%s '%s'", kind, c->name);
  return lua_pushfstring(L, "%s '%s' (pid %d)", kind, c->name, (int)getpid());
}


/* The same as a text. */
static void tellstory (lua_State *L, Crossing *c, const char *source) {
  lua_getfield(L, 2, "message");
  lua_getfield(L, 2, "traceback");
  const char *trace = lua_tostring(L, -1);
  lua_pushcfunction(L, sk_innererrors);
  lua_getfield(L, 2, "value");
  bool told = lua_pcall(L, 1, 1, 0) == LUA_OK;
  const char *text =
      lua_pushfstring(L, "%s failed: %s%s%s%s", source, lua_tostring(L, -3),
                      trace != NULL ? "\n" : "", trace != NULL ? trace : "",
                      told ? lua_tostring(L, -1) : "");
  c->story = strdup(text);
  lua_pop(L, 4);
}


/* (crossing, table): the error is what is sent back. */
static int senderror (lua_State *L) {
  Crossing *c = lua_touserdata(L, 1);
  classify(L, c);
  const char *source = pushsource(L, c);
  lua_setfield(L, 2, "source"); /* which keeps it */
  if (c->outcome == SK_RAISED && !c->interrupted) tellstory(L, c, source);
  packerror(L, c->s, 2);
  sendout(c);
  return 0;
}


/* Put C function 'f' and 'c' below the top 'n' values. */
static SK_BIRTH void under (lua_State *L, int n, lua_CFunction f, Crossing *c) {
  lua_pushcfunction(L, f);
  lua_pushlightuserdata(L, c);
  lua_rotate(L, -n - 2, 2);
}


SK_BIRTH void sk_crossing_run (lua_State *L, Crossing *c, int nargs) {
  int base = lua_gettop(L) - nargs;
  c->outcome = SK_RESULTS;
  int status = sk_crossing_call(L, nargs);
  lua_checkstack(L, LUA_MINSTACK);
  if (status == LUA_OK) {
    int n = lua_gettop(L) - base + 1;
    under(L, n, sendresults, c);
    status = sk_crossing_call(L, n + 1);
    if (status != LUA_OK && lua_istable(L, -1)) { /* raised by nobody's line */
      lua_pushnil(L);
      lua_setfield(L, -2, "traceback");
    }
  }
  if (status != LUA_OK) {
    c->outcome = SK_RAISED;
    under(L, 1, senderror, c);
    lua_pcall(L, 2, 0, 0);
  }
}


/* In a signal handler. */
void sk_crossing_stop (Sched *S, Prod *prod, int signo, bool again) {
  /* That the loop has seen it is not enough: who does not wait again has to
     be interrupted. But a worker may be done with the job that was meant. */
  bool open = S->top.cancelled || S->alerts & SK_ALERT_CANCEL;
  if (again && (S->top.raised || !open)) return;
  sk_sched_alert(S, SK_ALERT_CANCEL | (again ? SK_ALERT_AGAIN : 0));
  sk_prod_again(prod, signo);
}


/* ---- what came back ---- */

void sk_crossing_pusherror (lua_State *L) {
  lua_pushliteral(L, "error");
  lua_setfield(L, -2, "kind");
  sk_seterror(L);
}


int sk_crossing_collect (lua_State *L, Shared *s, Parcel *p, Status *status) {
  bool some = sk_parcel_take(&s->m, p, &p->output);
  if (!some && p->outcome != SK_RESULTS) return -1;
  int n = some ? sk_shared_unpack(L, s) : 0;
  *status = SK_FINISHED;
  if (p->outcome == SK_RESULTS) return n;
  *status = SK_FAILED;
  if (p->outcome == SK_STOPPED) {
    lua_getfield(L, -1, "value");
    if (sk_iserror(L, -1, "cancelled")) {
      *status = SK_CANCELLED;
      lua_getfield(L, -2, "source");
      lua_setfield(L, -2, "source");
      lua_remove(L, -2);
      return 1;
    }
    lua_pop(L, 1);
  }
  sk_crossing_pusherror(L);
  return 1;
}
