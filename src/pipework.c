/*
** pipework.c - What a program reads from and writes to. See pipework.h.
*/
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fdio.h"
#include "lib.h"
#include "pipework.h"

const char *const sk_pipework_names[] = {"stdin", "stdout", "stderr"};


/* ---- reading the wish ---- */

static How checkhow (lua_State *L) {
  static const char *const hows[] = {"null", "inherit", "text", "take",
                                     "pipe", "file",    "fd",   "merge"};
  lua_getfield(L, -1, "how");
  const char *how = lua_tostring(L, -1);
  size_t i = 0;
  while (i < SK_COUNT(hows) - 1 && strcmp(hows[i], how) != 0) i++;
  lua_pop(L, 1);
  return (How)i;
}


static void readfile (lua_State *L, Pipework *w, int i) {
  lua_getfield(L, -1, "path");
  w->path[i] = lua_tostring(L, -1);
  lua_getfield(L, -2, "mode");
  switch (*lua_tostring(L, -1)) {
  case 'r': w->flags[i] = O_RDONLY; break;
  case 'a': w->flags[i] = O_WRONLY | O_CREAT | O_APPEND; break;
  default: w->flags[i] = O_WRONLY | O_CREAT | O_TRUNC;
  }
  lua_pop(L, 2); /* the table has them */
}


/* What a stream has read ahead, the program would miss. */
static int fdofstream (lua_State *L, const Stream *st, int i) {
  if (!st->open)
    luaL_error(L, "%s: an open stream expected, got a closed one",
               sk_pipework_names[i]);
  if (sk_inbuf_size(&st->in) > 0)
    luaL_error(L,
               "%s: a stream with nothing read ahead expected, this one has "
               "%d bytes",
               sk_pipework_names[i], (int)sk_inbuf_size(&st->in));
  return st->watch.fd;
}


static void readfd (lua_State *L, Pipework *w, int i) {
  lua_getfield(L, -1, "file");
  w->stream[i] = luaL_testudata(L, -1, SK_STREAM);
  const luaL_Stream *file = lua_touserdata(L, -1);
  if (w->stream[i] != NULL)
    w->theirs[i] = fdofstream(L, w->stream[i], i);
  else if (file->closef != NULL)
    w->theirs[i] = fileno(file->f);
  else
    luaL_error(L, "%s: an open file expected, got a closed one",
               sk_pipework_names[i]);
  lua_pop(L, 1);
}


/* The table at the top says what stream 'i' is to be. */
static void readone (lua_State *L, Sched *S, Pipework *w, int i) {
  w->theirs[i] = w->ours[i] = -1;
  w->how[i] = checkhow(L);
  switch (w->how[i]) {
  case SK_HOW_FILE: readfile(L, w, i); break;
  case SK_HOW_FD: readfd(L, w, i); break;
  case SK_HOW_TEXT:
    lua_getfield(L, -1, "text");
    w->text = lua_tolstring(L, -1, &w->size);
    lua_pop(L, 1);
    break;
  case SK_HOW_PIPE:
    w->stream[i] = sk_stream_new(L, S);
    lua_insert(L, -2);
    break;
  default: break;
  }
}


void sk_pipework_read (lua_State *L, Sched *S, int spec, Pipework *w) {
  *w = (Pipework){0};
  for (int i = 0; i < 3; i++) {
    lua_getfield(L, spec, sk_pipework_names[i]);
    readone(L, S, w, i);
    lua_pop(L, 1);
  }
}


/* ---- opening ---- */

/* Our end does not block, theirs does. */
static int makepipe (Pipework *w, int i) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  w->ours[i] = ends[i == 0 ? 1 : 0];
  w->theirs[i] = ends[i == 0 ? 0 : 1];
  return fcntl(w->ours[i], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}


/* Most texts fit into the pipe: then there is nothing to do later. */
static int maketext (Pipework *w, int i) {
  int err = makepipe(w, i);
  if (err != 0) return err;
  ssize_t n = w->size > 0 ? sk_fdio_write(w->ours[i], w->text, w->size) : 0;
  if (n < 0 && n != -EAGAIN) return (int)n;
  if (n > 0) {
    w->text += n;
    w->size -= (size_t)n;
  }
  if (w->size > 0) return 0;
  close(w->ours[i]);
  w->ours[i] = -1;
  return 0;
}


static int openfile (Pipework *w, int i, const char *path, int flags) {
  w->theirs[i] = open(path, flags | O_CLOEXEC | O_NOCTTY, 0666);
  return w->theirs[i] < 0 ? -errno : 0;
}


static int openone (Pipework *w, int i) {
  switch (w->how[i]) {
  case SK_HOW_NULL:
    return openfile(w, i, "/dev/null", i == 0 ? O_RDONLY : O_WRONLY);
  case SK_HOW_FILE: return openfile(w, i, w->path[i], w->flags[i]);
  case SK_HOW_TEXT: return maketext(w, i);
  case SK_HOW_TAKE:
  case SK_HOW_PIPE: return makepipe(w, i);
  case SK_HOW_MERGE:
    w->theirs[i] = w->theirs[1] >= 0 ? w->theirs[1] : 1;
    return 0;
  default: return 0;
  }
}


/* What the program gets of a stream must wait as it expects, not as ours. */
static int block (const Pipework *w, int i, bool on) {
  if (w->how[i] != SK_HOW_FD || w->stream[i] == NULL) return 0;
  int flags = fcntl(w->theirs[i], F_GETFL);
  if (flags < 0) return -errno;
  flags = on ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
  return fcntl(w->theirs[i], F_SETFL, flags) < 0 ? -errno : 0;
}


int sk_pipework_open (Pipework *w, int *which) {
  for (int i = 0; i < 3; i++) {
    int err = openone(w, i);
    if (err == 0) err = block(w, i, true);
    if (err == 0 && w->how[i] == SK_HOW_PIPE) {
      err = sk_stream_adopt(w->stream[i], w->ours[i]);
      w->ours[i] = -1; /* the stream's */
    }
    if (err == 0) continue;
    sk_pipework_close(w, false);
    *which = i;
    return err;
  }
  return 0;
}


/* ---- closing ---- */

static void discard (int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}


void sk_pipework_close (Pipework *w, bool started) {
  for (int i = 0; i < 3; i++) {
    if (w->how[i] == SK_HOW_FD) {
      if (!started)
        block(w, i, false);
      else if (w->stream[i] != NULL)
        sk_stream_close(w->stream[i]);
    }
    else if (w->how[i] != SK_HOW_MERGE)
      discard(&w->theirs[i]);
    if (started) continue;
    discard(&w->ours[i]);
    if (w->how[i] == SK_HOW_PIPE) sk_stream_close(w->stream[i]);
  }
}
