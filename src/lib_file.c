/*
** lib_file.c - Files as streams: skein.open.
*/
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "errand.h"
#include "lib.h"
#include "open.h"
#include "stream.h"

typedef struct Opening {
  Awaited a; /* must be first */
  int flags;
  int fd; /* or -errno */
  char path[];
} Opening;


static void run (Errand *e) {
  Opening *o = sk_container(e, Opening, a.errand);
  do o->fd = open(o->path, o->flags | O_CLOEXEC | O_NOCTTY, 0666);
  while (o->fd < 0 && errno == EINTR);
  if (o->fd < 0) o->fd = -errno;
}


static void giveback (Awaited *a) {
  Opening *o = sk_container(a, Opening, a);
  if (o->fd >= 0) close(o->fd);
  free(o);
}


/* nil, "path: message", errno, as io.open does it */
static int fail (lua_State *L, int err) {
  if (err == -ETIMEDOUT) return sk_fail(L, err);
  luaL_pushfail(L);
  lua_pushfstring(L, "%s: %s", lua_tostring(L, 1), strerror(-err));
  lua_pushinteger(L, -err);
  return 3;
}


/* The stream is at 3. */
static int openk (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  Opening *o = (Opening *)ctx;
  int rc = sk_errand_outcome(L, &o->a);
  if (rc < 0) return fail(L, rc);
  int fd = o->fd;
  o->fd = -1;
  free(o);
  if (fd >= 0) fd = sk_stream_adopt(lua_touserdata(L, 3), fd);
  if (fd < 0) return fail(L, fd);
  lua_settop(L, 3);
  return 1;
}


/* As in C, a 'b' changes nothing here. */
static int checkmode (lua_State *L) {
  static const char *const names[] = {"r",  "rb",  "w",   "wb", "a",
                                      "ab", "r+",  "r+b", "w+", "w+b",
                                      "a+", "a+b", NULL};
  static const int flags[] = {
      O_RDONLY, O_WRONLY | O_CREAT | O_TRUNC, O_WRONLY | O_CREAT | O_APPEND,
      O_RDWR,   O_RDWR | O_CREAT | O_TRUNC,   O_RDWR | O_CREAT | O_APPEND};
  return flags[luaL_checkoption(L, 2, "r", names) / 2];
}


/* core.open(path, [mode, [timeout]]) -> stream | nil, message, errno */
static int core_open (lua_State *L) {
  Sched *S = sk_upvalue(L);
  size_t n;
  const char *path = luaL_checklstring(L, 1, &n);
  luaL_argcheck(L, strlen(path) == n, 1, "path with a zero in it");
  int flags = checkmode(L);
  sk_time due = sk_checkdeadline(L, 3);
  lua_settop(L, 2);
  sk_sched_checkpoint(L, S);
  sk_stream_new(L, S);
  sk_sched_prepare(L, S, due);
  Opening *o = malloc(sizeof *o + n + 1);
  if (o == NULL) {
    sk_sched_unprepare(S);
    return fail(L, -ENOMEM);
  }
  *o = (Opening){.flags = flags, .fd = -1};
  memcpy(o->path, path, n + 1);
  o->a.errand.run = run;
  o->a.free = giveback;
  int rc = sk_errand_await(L, S, &o->a, "open", openk);
  if (rc >= 0) return rc;
  giveback(&o->a);
  return fail(L, rc);
}


/* st:seek(["set"|"cur"|"end", [offset]]) -> place | nil, message, errno */
static int stream_seek (lua_State *L) {
  static const char *const names[] = {"set", "cur", "end", NULL};
  static const int whence[] = {SEEK_SET, SEEK_CUR, SEEK_END};
  Stream *st = luaL_checkudata(L, 1, SK_STREAM);
  int i = luaL_checkoption(L, 2, "cur", names);
  int64_t at = sk_stream_seek(st, luaL_optinteger(L, 3, 0), whence[i]);
  if (at < 0) return sk_fail(L, (int)at);
  lua_pushinteger(L, at);
  return 1;
}


static const luaL_Reg methods[] = {{"seek", stream_seek}, {NULL, NULL}};
static const luaL_Reg functions[] = {{"open", core_open}, {NULL, NULL}};


void sk_open_file (lua_State *L, Sched *S) {
  luaL_getmetatable(L, SK_STREAM);
  lua_getfield(L, -1, "__index");
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, methods, 1);
  lua_pop(L, 2);
  lua_pushlightuserdata(L, S);
  luaL_setfuncs(L, functions, 1);
}
