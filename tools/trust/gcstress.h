/*
** gcstress.h - Collects garbage wherever Lua might. For 'make gcstress', which
** has the compiler include it in front of every file of src/.
**
** Two ways, both where stock Lua has them as well:
**   - after a call of the API that may take a step of the collector, a full
**     collection, finalizers and all;
**   - at the making of an object, by Lua itself too: the allocator refuses once,
**     and Lua makes an emergency collection, without finalizers, and asks again.
**     (Not for other requests: buffers of lauxlib would not ask again.)
**
** Not every time, since the heap of a test framework is large: as often as to
** use so many times the processor time of the rest, GCSTRESS (default 3), but
** never less than one in 1000. Which ones, a generator with a seed says.
*/
#ifndef gcstress_h
#define gcstress_h

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <lauxlib.h>
#include <lua.h>

void *stress_alloc (void *ud, void *p, size_t had, size_t size);

typedef struct Stress {
  lua_Alloc alloc;
  void *ud;
  uint64_t dice;
  int64_t began, spent, price; /* nanoseconds: since, in collections, one */
  double times;
  int refused, busy; /* this request was refused already; we collect now */
} Stress;


static inline int64_t stress_clock (void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}


static inline uint64_t stress_roll (Stress *s) {
  s->dice ^= s->dice << 13;
  s->dice ^= s->dice >> 7;
  return s->dice ^= s->dice << 17;
}


/* Is it time for one? Looked at once in so many calls that looking is cheap. */
static inline int stress_due (Stress *s) {
  uint64_t roll = stress_roll(s) >> 11;
  if (s->busy || roll % 8 != 0) return 0;
  if (roll % 1024 == 0) return 1;
  int64_t rest = stress_clock() - s->began - s->spent;
  return (double)s->spent < s->times * (double)rest;
}


/* One for the whole library, whatever file asks for it. */
__attribute__((weak, visibility("hidden"))) void *
stress_alloc (void *ud, void *p, size_t had, size_t size) {
  Stress *s = ud;
  if (p == NULL && had != 0 && !s->refused && stress_due(s)) {
    s->refused = 1; /* the request that follows is its repetition */
    s->spent += s->price;
    return NULL;
  }
  if (p == NULL && had != 0) s->refused = 0;
  return s->alloc(s->ud, p, had, size);
}


static inline Stress *stress_of (lua_State *L) {
  void *ud;
  if (lua_getallocf(L, &ud) == stress_alloc) return ud;
  Stress *s = calloc(1, sizeof *s); /* as long as the state: never freed */
  const char *times = getenv("GCSTRESS"), *seed = getenv("SEED");
  if (s == NULL) abort();
  s->times = times != NULL && *times != '\0' ? atof(times) : 3;
  s->dice = (seed != NULL ? strtoull(seed, NULL, 10) : 1) * 2 + 1;
  s->began = stress_clock();
  s->alloc = lua_getallocf(L, &s->ud);
  lua_setallocf(L, stress_alloc, s);
  return s;
}


static inline void stress (lua_State *L) {
  Stress *s = stress_of(L);
  if (!stress_due(s)) return;
  int64_t began = stress_clock();
  s->busy = 1;
  lua_gc(L, LUA_GCCOLLECT);
  s->busy = 0;
  s->price = stress_clock() - began;
  s->spent += s->price;
}


static inline const char *stressed (lua_State *L, const char *s) {
  stress(L);
  return s;
}


/* A string stays as it is; a number becomes one, which may collect. */
static inline const char *stress_tolstring (lua_State *L, int i, size_t *n) {
  int made = lua_type(L, i) == LUA_TNUMBER;
  const char *s = lua_tolstring(L, i, n);
  return made ? stressed(L, s) : s;
}


static inline void *stressedu (lua_State *L, void *p) {
  stress(L);
  return p;
}


static inline lua_State *stressedl (lua_State *L, lua_State *made) {
  stress(L);
  return made;
}

#define lua_createtable(L, a, b) (lua_createtable(L, a, b), stress(L))
#define lua_concat(L, n) (lua_concat(L, n), stress(L))
#define lua_pushcclosure(L, f, n)                                              \
  (lua_pushcclosure(L, f, n), (n) > 0 ? stress(L) : (void)0)
#define lua_pushstring(L, s) stressed(L, lua_pushstring(L, s))
#define lua_pushlstring(L, s, n) stressed(L, lua_pushlstring(L, s, n))
#define lua_pushfstring(L, ...) stressed(L, lua_pushfstring(L, __VA_ARGS__))
#define lua_tolstring(L, i, n) stress_tolstring(L, i, n)
#define lua_newthread(L) stressedl(L, lua_newthread(L))
#define lua_newuserdatauv(L, n, v) stressedu(L, lua_newuserdatauv(L, n, v))

#endif
