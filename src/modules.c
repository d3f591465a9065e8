/*
** modules.c - The Lua half of the library for fresh states. See modules.h.
*/
#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <string.h>

#include "buf.h"
#include "modules.h"

typedef struct Module {
  struct Module *next;
  size_t size; /* of the bytecode */
  char *code;  /* behind the name and the file's name */
  char *file;
  char name[];
} Module;

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER; /* process-wide, */
static Module *modules; /* as are these: added to, and never changed */


static const Module *find (const char *name) {
  pthread_mutex_lock(&guard);
  const Module *m = modules;
  while (m != NULL && strcmp(m->name, name) != 0) m = m->next;
  pthread_mutex_unlock(&guard);
  return m;
}


/* Two threads may come with the same one: both are right. */
static const Module *keep (const char *name, const char *file, const Buf *b) {
  size_t nname = strlen(name) + 1, nfile = strlen(file) + 1;
  Module *m = malloc(sizeof *m + nname + nfile + b->size);
  if (m == NULL) return NULL;
  m->file = m->name + nname;
  m->code = m->file + nfile;
  m->size = b->size;
  memcpy(m->name, name, nname);
  memcpy(m->file, file, nfile);
  memcpy(m->code, b->data, b->size);
  pthread_mutex_lock(&guard);
  m->next = modules;
  modules = m;
  pthread_mutex_unlock(&guard);
  return m;
}


static int writer (lua_State *L, const void *p, size_t n, void *to) {
  (void)L;
  sk_buf_add(to, p, n);
  return ((Buf *)to)->failed;
}


/* Push the name of the file that a module is in, or nil. */
static const char *pushfile (lua_State *L, const char *name) {
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, LUA_LOADLIBNAME);
  lua_getfield(L, -1, "searchpath");
  lua_pushstring(L, name);
  lua_getfield(L, -3, "path");
  lua_call(L, 2, 1);
  return lua_tostring(L, -1);
}


/* Compile it. NULL: others may look for it, and say what is wrong. */
static const Module *compile (lua_State *L, const char *name) {
  Buf b = {0};
  const Module *m = NULL;
  const char *file = pushfile(L, name);
  if (file == NULL || luaL_loadfilex(L, file, "t") != LUA_OK) return NULL;
  if (lua_dump(L, writer, &b, 0) == 0) m = keep(name, file, &b);
  sk_buf_fini(&b);
  return m;
}


/* Among package.searchers: (name) -> loader, file's name | nothing */
static int search (lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  if (strncmp(name, "skein", 5) != 0 || (name[5] != '\0' && name[5] != '.'))
    return 0;
  const Module *m = find(name);
  if (m == NULL) m = compile(L, name);
  if (m == NULL) return 0;
  if (luaL_loadbufferx(L, m->code, m->size, m->file, "b") != LUA_OK)
    return lua_error(L);
  lua_pushstring(L, m->file);
  return 2;
}


/* Behind the first of package.searchers, which looks into package.preload. */
static void addsearcher (lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, LUA_LOADLIBNAME);
  lua_getfield(L, -1, "searchers");
  for (lua_Integer i = (lua_Integer)lua_rawlen(L, -1); i >= 2; i--) {
    lua_rawgeti(L, -1, i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushcfunction(L, search);
  lua_rawseti(L, -2, 2);
  lua_pop(L, 3);
}


void sk_modules_serve (lua_State *L, lua_CFunction core) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, core);
  lua_setfield(L, -2, "skein.core");
  lua_pop(L, 1);
  addsearcher(L);
}
