/*
** counting.c - Counts what a program asks of the allocator.
**
** Preloaded into an interpreter, it sees the requests of Lua and those of the
** library alike. It is a Lua module as well: count() says how many there have
** been since the start.
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

static unsigned long requests;

static void *(*takes)(size_t);
static void *(*grows)(void *, size_t);
static void (*gives)(void *);

/* What 'dlsym' takes while it looks for the real ones. Never given back. */
static _Alignas(16) char early[1 << 14];
static size_t used;


static int isearly (const void *p) {
  return (uintptr_t)p - (uintptr_t)early < sizeof early;
}


static void *takeearly (size_t n) {
  char *p = early + used;
  used += (n + 15) & ~(size_t)15;
  return used <= sizeof early ? p : NULL;
}


static void find (void) {
  static int looking;
  if (looking) return;
  looking = 1;
  *(void **)&takes = dlsym(RTLD_NEXT, "malloc");
  *(void **)&grows = dlsym(RTLD_NEXT, "realloc");
  *(void **)&gives = dlsym(RTLD_NEXT, "free");
}


void *malloc (size_t n) {
  requests++;
  if (takes == NULL) find();
  return takes != NULL ? takes(n) : takeearly(n);
}


void *calloc (size_t n, size_t size) {
  if (size != 0 && n > SIZE_MAX / size) return NULL;
  void *p = malloc(n * size);
  return p != NULL ? memset(p, 0, n * size) : NULL;
}


void *realloc (void *p, size_t n) {
  requests++;
  if (grows == NULL) find();
  if (!isearly(p)) return grows(p, n);
  size_t there = sizeof early - ((uintptr_t)p - (uintptr_t)early);
  void *to = takes(n);
  return to != NULL ? memcpy(to, p, n < there ? n : there) : NULL;
}


void free (void *p) {
  if (p == NULL || isearly(p)) return;
  if (gives == NULL) find();
  gives(p);
}


static int count (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)requests);
  return 1;
}


int luaopen_counting (lua_State *L) {
  lua_pushcfunction(L, count);
  return 1;
}
