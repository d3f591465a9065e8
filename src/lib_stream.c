/*
** lib_stream.c - The methods of streams (stream.h).
*/
#include <sys/socket.h>

#include "lib.h"
#include "open.h"
#include "stream.h"


static Stream *check (lua_State *L) {
  return luaL_checkudata(L, 1, SK_STREAM);
}


/* ---- reading ---- */

static int badformat (lua_State *L) {
  const char *got = lua_type(L, 2) == LUA_TSTRING
                        ? lua_pushfstring(L, "'%s'", lua_tostring(L, 2))
                        : sk_typename(L, 2);
  lua_pushfstring(L, "\"l\", \"L\", \"a\" or a number expected, got %s", got);
  return luaL_argerror(L, 2, lua_tostring(L, -1));
}


static void askline (Ask *ask, AskKind kind) {
  ask->kind = (uint8_t)kind;
  ask->sep = "\n";
  ask->nsep = 1;
  ask->count = SIZE_MAX;
}


/* What argument 'arg' asks for. */
static void checkformat (lua_State *L, Ask *ask) {
  *ask = (Ask){.due = SK_FOREVER};
  if (lua_isnoneornil(L, 2)) return;
  if (lua_type(L, 2) == LUA_TNUMBER) {
    ask->kind = SK_ASK_COUNT;
    ask->count = (size_t)sk_checkcount(L, 2, 2, "number of bytes", 0);
    return;
  }
  size_t len = 0;
  const char *f =
      lua_type(L, 2) == LUA_TSTRING ? lua_tolstring(L, 2, &len) : "";
  switch (len == 1 ? *f : 0) {
  case 'l': askline(ask, SK_ASK_LINE); break;
  case 'L': askline(ask, SK_ASK_UNTIL); break;
  case 'a': ask->kind = SK_ASK_ALL; break;
  default: badformat(L);
  }
}


/* st:read(["l"|"L"|"a"|n, [timeout]]) -> string | nil, "closed"|"timeout" */
static int stream_read (lua_State *L) {
  Stream *st = check(L);
  Ask ask;
  checkformat(L, &ask);
  ask.due = sk_checkdeadline(L, 3);
  lua_settop(L, 2);
  return sk_stream_read(L, st, &ask);
}


/* st:read_until(separator, [max, [timeout]]) -> string | nil, "too long" */
static int stream_readuntil (lua_State *L) {
  Stream *st = check(L);
  Ask ask = {.kind = SK_ASK_UNTIL, .count = SIZE_MAX};
  ask.sep = luaL_checklstring(L, 2, &ask.nsep);
  luaL_argcheck(L, ask.nsep > 0, 2, "separator expected, got ''");
  if (!lua_isnoneornil(L, 3))
    ask.count = (size_t)sk_checkcount(L, 3, 3, "max", 1);
  ask.due = sk_checkdeadline(L, 4);
  lua_settop(L, 2);
  return sk_stream_read(L, st, &ask);
}


static int lines_next (lua_State *L) {
  Stream *st = check(L);
  Ask ask;
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(2));
  checkformat(L, &ask);
  return sk_stream_read(L, st, &ask);
}


/* for line in st:lines(["l"|"L"|n]) do */
static int stream_lines (lua_State *L) {
  Ask ask;
  check(L);
  lua_settop(L, 2);
  checkformat(L, &ask);
  if (lua_isnil(L, 2)) lua_pushliteral(L, "l"), lua_replace(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_rotate(L, 2, 1);
  lua_pushcclosure(L, lines_next, 2);
  lua_insert(L, 1);
  return 2;
}


/* ---- writing ---- */

/* st:write(data, [timeout]) -> true | nil, "closed" | nil, "timeout", n */
static int stream_write (lua_State *L) {
  Stream *st = check(L);
  luaL_checkstring(L, 2);
  sk_time due = sk_checkdeadline(L, 3);
  lua_settop(L, 2);
  return sk_stream_write(L, st, due);
}


/* st:shutdown(["read"|"write"|"both"]) -> true | nil, message, errno */
static int stream_shutdown (lua_State *L) {
  static const char *const names[] = {"read", "write", "both", NULL};
  static const int how[] = {SHUT_RD, SHUT_WR, SHUT_RDWR};
  Stream *st = check(L);
  int i = luaL_checkoption(L, 2, "write", names);
  int rc = sk_stream_shutdown(st, how[i]);
  if (rc < 0) return sk_fail(L, rc);
  lua_pushboolean(L, 1);
  return 1;
}


/* ---- the rest ---- */

/* st:close() - again: does nothing. Who waits is told "closed". */
static int stream_close (lua_State *L) {
  sk_stream_close(check(L));
  return 0;
}


/* st:closed() -> boolean: was it closed here? */
static int stream_closed (lua_State *L) {
  lua_pushboolean(L, !check(L)->open);
  return 1;
}


/* st:fileno() -> descriptor | nil, "closed" */
static int stream_fileno (lua_State *L) {
  const Stream *st = check(L);
  if (!st->open) return sk_fail(L, -EPIPE);
  lua_pushinteger(L, st->watch.fd);
  return 1;
}


static int stream_tostring (lua_State *L) {
  const Stream *st = check(L);
  if (st->open)
    lua_pushfstring(L, "skein.Stream: %d", st->watch.fd);
  else
    lua_pushliteral(L, "skein.Stream (closed)");
  return 1;
}


static const luaL_Reg methods[] = {
    {"read", stream_read},
    {"read_until", stream_readuntil},
    {"lines", stream_lines},
    {"write", stream_write},
    {"shutdown", stream_shutdown},
    {"close", stream_close},
    {"closed", stream_closed},
    {"fileno", stream_fileno},
    {NULL, NULL},
};

static const luaL_Reg meta[] = {
    {"__close", stream_close},
    {"__gc", stream_close},
    {"__tostring", stream_tostring},
    {NULL, NULL},
};


void sk_open_stream (lua_State *L, Sched *S) {
  sk_newclass(L, S, SK_STREAM, methods, meta);
}
