/*
** lib_stream.c - The methods of streams (stream.h).
*/
#include <string.h>
#include <sys/socket.h>

#include "handover.h"
#include "lib.h"
#include "open.h"
#include "select.h"
#include "stream.h"


static Stream *check (lua_State *L) {
  return luaL_checkudata(L, 1, SK_STREAM);
}


/* ---- reading ---- */

/* Where arguments are: those of a method, or of a case of a select. */
typedef struct Place {
  int at;      /* the index of the first one */
  bool incase; /* the object is in front of it */
} Place;


/* The one at 'idx' is wrong, 'text' says why. */
static int complain (lua_State *L, Place p, int idx, const char *text) {
  return p.incase ? sk_select_error(L, p.at - 1, text)
                  : luaL_argerror(L, idx, text);
}


static int badformat (lua_State *L, Place p) {
  const char *got = lua_type(L, p.at) == LUA_TSTRING
                        ? lua_pushfstring(L, "'%s'", lua_tostring(L, p.at))
                        : sk_typename(L, p.at);
  lua_pushfstring(L, "\"l\", \"L\", \"a\" or a number expected, got %s", got);
  return complain(L, p, p.at, lua_tostring(L, -1));
}


static size_t checkcount (lua_State *L, Place p, int idx, const char *name,
                          lua_Integer least) {
  lua_Integer n;
  if (!sk_testcount(L, idx, name, least, &n))
    complain(L, p, idx, lua_tostring(L, -1));
  return (size_t)n;
}


static void askline (Ask *ask, AskKind kind) {
  ask->kind = (uint8_t)kind;
  ask->sep = "\n";
  ask->nsep = 1;
  ask->count = SIZE_MAX;
}


/* What argument 'what' of a read asks for. */
static void checkformat (lua_State *L, Place p, Ask *ask) {
  *ask = (Ask){.due = SK_FOREVER};
  if (lua_isnoneornil(L, p.at)) return;
  if (lua_type(L, p.at) == LUA_TNUMBER) {
    ask->kind = SK_ASK_COUNT;
    ask->count = checkcount(L, p, p.at, "number of bytes", 0);
    return;
  }
  size_t len = 0;
  const char *f =
      lua_type(L, p.at) == LUA_TSTRING ? lua_tolstring(L, p.at, &len) : "";
  switch (len == 1 ? *f : 0) {
  case 'l': askline(ask, SK_ASK_LINE); break;
  case 'L': askline(ask, SK_ASK_UNTIL); break;
  case 'a': ask->kind = SK_ASK_ALL; break;
  default: badformat(L, p);
  }
}


/* What 'separator' and 'max' ask for. */
static void checkuntil (lua_State *L, Place p, Ask *ask) {
  *ask = (Ask){.kind = SK_ASK_UNTIL, .count = SIZE_MAX, .due = SK_FOREVER};
  ask->sep = lua_tolstring(L, p.at, &ask->nsep);
  if (ask->sep == NULL || ask->nsep == 0) {
    const char *got = ask->sep != NULL ? "''" : sk_typename(L, p.at);
    complain(L, p, p.at, lua_pushfstring(L, "separator expected, got %s", got));
  }
  if (!lua_isnoneornil(L, p.at + 1))
    ask->count = checkcount(L, p, p.at + 1, "max", 1);
}


static const Place called = {.at = 2};


/* st:read(["l"|"L"|"a"|n, [timeout]]) -> string | nil, "closed"|"timeout" */
static int stream_read (lua_State *L) {
  Stream *st = check(L);
  Ask ask;
  checkformat(L, called, &ask);
  ask.due = sk_checkdeadline(L, 3);
  lua_settop(L, 2);
  return sk_stream_read(L, st, &ask);
}


/* st:read_until(separator, [max, [timeout]]) -> string | nil, "too long" */
static int stream_readuntil (lua_State *L) {
  Stream *st = check(L);
  Ask ask;
  checkuntil(L, called, &ask);
  ask.due = sk_checkdeadline(L, 4);
  lua_settop(L, 2);
  return sk_stream_read(L, st, &ask);
}


static int lines_next (lua_State *L) {
  Ask ask;
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(3));
  lua_pushvalue(L, lua_upvalueindex(2));
  checkformat(L, called, &ask);
  return sk_stream_read(L, lua_touserdata(L, 1), &ask);
}


/* for line in st:lines(["l"|"L"|n]) do */
static int stream_lines (lua_State *L) {
  Ask ask;
  check(L);
  lua_settop(L, 2);
  checkformat(L, called, &ask);
  if (lua_isnil(L, 2)) lua_pushliteral(L, "l"), lua_replace(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1); /* it, the format, the stream */
  lua_rotate(L, 2, 1);
  lua_pushcclosure(L, lines_next, 3);
  return 1;
}


/* ---- select ---- */

/* What a case asks for, by the one of the two that reads it. */
typedef void (*Formats)(lua_State *L, Place p, Ask *ask);


static void askcase (lua_State *L, int at, Formats formats, Ask *ask) {
  formats(L, (Place){.at = at + 1, .incase = true}, ask);
  if (sk_select_once(L)) ask->due = SK_NOW;
}


static int trycase (lua_State *L, int at, Formats formats) {
  Ask ask;
  askcase(L, at, formats, &ask);
  return sk_stream_tryread(L, lua_touserdata(L, at), &ask);
}


static void enlistcase (lua_State *L, int at, Formats formats, Waiter *w) {
  Ask ask;
  askcase(L, at, formats, &ask);
  sk_stream_enlist(lua_touserdata(L, at), &ask, w);
}


static int finishcase (lua_State *L, int at, Formats formats) {
  Ask ask;
  askcase(L, at, formats, &ask);
  return sk_stream_finishread(L, lua_touserdata(L, at), &ask);
}


static int tryread (lua_State *L, Sched *S, int at) {
  (void)S;
  return trycase(L, at, checkformat);
}


static void enlistread (lua_State *L, Sched *S, int at, Waiter *w) {
  (void)S;
  enlistcase(L, at, checkformat, w);
}


static int finishread (lua_State *L, Sched *S, int at, int n) {
  (void)S, (void)n;
  return finishcase(L, at, checkformat);
}


static int tryuntil (lua_State *L, Sched *S, int at) {
  (void)S;
  return trycase(L, at, checkuntil);
}


static void enlistuntil (lua_State *L, Sched *S, int at, Waiter *w) {
  (void)S;
  enlistcase(L, at, checkuntil, w);
}


static int finishuntil (lua_State *L, Sched *S, int at, int n) {
  (void)S, (void)n;
  return finishcase(L, at, checkuntil);
}


static int tryready (lua_State *L, Sched *S, int at) {
  (void)S;
  return sk_stream_tryready(lua_touserdata(L, at),
                            sk_select_once(L) ? SK_NOW : SK_FOREVER);
}


static void enlistready (lua_State *L, Sched *S, int at, Waiter *w) {
  (void)S;
  Stream *st = lua_touserdata(L, at);
  sk_list_add(&st->watchers, &w->link);
}


static const SelectOp selects[] = {
    {.name = "read",
     .attempt = tryread,
     .enlist = enlistread,
     .finish = finishread,
     .outside = true},
    {.name = "read_until",
     .attempt = tryuntil,
     .enlist = enlistuntil,
     .finish = finishuntil,
     .outside = true},
    {.name = "ready",
     .attempt = tryready,
     .enlist = enlistready,
     .outside = true},
    {.name = NULL},
};


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
  sk_handover_end(L, 1);
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


/* (st) - what crosses in its stead: its descriptor, and what it has read */
static int stream_transfer (lua_State *L) {
  const Stream *st = check(L);
  if (!st->open) return luaL_error(L, "the stream is closed");
  lua_pushliteral(L, "skein.core.receive_stream");
  sk_handover_begin(L, 1, st->watch.fd);
  lua_pushlstring(L, sk_inbuf_size(&st->in) > 0 ? sk_inbuf_bytes(&st->in) : "",
                  sk_inbuf_size(&st->in));
  return 3;
}


/* core.receive_stream(descriptor, bytes) -> stream */
static int core_receivestream (lua_State *L) {
  size_t size, room;
  const char *bytes = luaL_checklstring(L, 2, &size);
  Stream *st = sk_stream_new(L, sk_upvalue(L));
  int err = sk_stream_adopt(st, sk_handover_take(L, 1));
  if (err < 0) luaL_error(L, "cannot receive a stream: %s", strerror(-err));
  while (size > 0) {
    char *to = sk_inbuf_room(&st->in, NULL, &room);
    if (to == NULL) return luaL_error(L, "not enough memory");
    if (room > size) room = size;
    memcpy(to, bytes, room);
    sk_inbuf_grow(&st->in, room);
    bytes += room;
    size -= room;
  }
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
    {"__transfer", stream_transfer},
    {NULL, NULL},
};


static const luaL_Reg functions[] = {{"receive_stream", core_receivestream},
                                     {NULL, NULL}};


void sk_open_stream (lua_State *L, Sched *S) {
  sk_handover_open(L, S);
  sk_newclass(L, S, SK_STREAM, methods, meta);
  luaL_getmetatable(L, SK_STREAM);
  sk_select_class(L, selects);
  lua_pop(L, 1);
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, functions, 1);
}
