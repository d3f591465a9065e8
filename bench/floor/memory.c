/*
** memory.c - What two processes do with a shared page. See floor.h.
*/
#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "floor.h"

#define SLOTS 1024
#define SPAN ((size_t)16 << 20) /* bytes that copies walk through */
#define SPINS 4000 /* looks at the bell before sleeping */

typedef struct Item {
  char bytes[32];
} Item;

/* Items under way, guarded by a mutex that survives its owner. */
typedef struct Ring {
  pthread_mutex_t guard;
  uint32_t put, got;     /* how many, ever */
  uint32_t bell, asleep; /* for those who find it empty or full */
  Item items[SLOTS];
} Ring;

typedef struct Page {
  lua_Integer n;
  uint64_t counter;
  uint32_t turn;
  Ring to, from;
} Page;


static void initmutex (pthread_mutex_t *mutex) {
  pthread_mutexattr_t attr;
  pthread_mutexattr_init(&attr);
  pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(mutex, &attr);
}


static Page *newpage (lua_State *L, lua_Integer n) {
  Page *p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) luaL_error(L, "not enough memory");
  p->n = n;
  initmutex(&p->to.guard);
  initmutex(&p->from.guard);
  return p;
}


/* This process and a child, 'half' of the work each. */
static int together (lua_State *L, void (*half)(void *)) {
  Page *p = newpage(L, luaL_checkinteger(L, 1) / 2);
  int pid = floor_child(L, half, p);
  half(p);
  floor_wait(L, pid);
  munmap(p, sizeof *p);
  return 0;
}


static void futex (uint32_t *word, int op, uint32_t value) {
  syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}


/* ---- one mutex, one number ---- */

static void lockunlock (void *ctx) {
  Page *p = ctx;
  for (lua_Integer n = p->n; n > 0; n--) {
    pthread_mutex_lock(&p->to.guard);
    pthread_mutex_unlock(&p->to.guard);
  }
}


/* floor.mutex(n) - lock and unlock a robust shared mutex, alone */
static int mutex (lua_State *L) {
  Page *p = newpage(L, luaL_checkinteger(L, 1));
  lockunlock(p);
  munmap(p, sizeof *p);
  return 0;
}


/* floor.mutex2(n) - the same by two processes at once, n in all */
static int mutex2 (lua_State *L) {
  return together(L, lockunlock);
}


static void addone (void *ctx) {
  Page *p = ctx;
  for (lua_Integer n = p->n; n > 0; n--)
    __atomic_fetch_add(&p->counter, 1, __ATOMIC_SEQ_CST);
}


/* floor.add2(n) - two processes add to one number, n in all */
static int add2 (lua_State *L) {
  return together(L, addone);
}


/* ---- to another process and back ---- */

/* Wait until it is 'mine', asleep, then pass the turn. */
static void pass (Page *p, uint32_t mine) {
  while (__atomic_load_n(&p->turn, __ATOMIC_ACQUIRE) != mine)
    futex(&p->turn, FUTEX_WAIT, !mine);
  __atomic_store_n(&p->turn, !mine, __ATOMIC_RELEASE);
  futex(&p->turn, FUTEX_WAKE, 1);
}


static void answer (void *ctx) {
  Page *p = ctx;
  for (lua_Integer n = p->n; n > 0; n--) pass(p, 1);
}


/* floor.futex(n) - wake another process and be woken by it */
static int futex_pingpong (lua_State *L) {
  lua_Integer n = luaL_checkinteger(L, 1);
  Page *p = newpage(L, n);
  int pid = floor_child(L, answer, p);
  for (; n > 0; n--) pass(p, 0);
  floor_wait(L, pid);
  munmap(p, sizeof *p);
  return 0;
}


/*
** floor.blocks(size) - blocks to copy. They lie side by side, for those that are
** passed on are seldom in a cache either.
*/
static int blocks (lua_State *L) {
  size_t size = (size_t)luaL_checkinteger(L, 1);
  size_t all = size > SPAN ? size : SPAN / size * size;
  memset(lua_newuserdatauv(L, 2 * all, 0), 1, 2 * all);
  return 1;
}


/* floor.copies(n, blocks, size, times) - copy a block so many times */
static int copies (lua_State *L) {
  lua_Integer n = luaL_checkinteger(L, 1) * luaL_checkinteger(L, 4);
  size_t size = (size_t)luaL_checkinteger(L, 3), at = 0;
  size_t all = (size_t)lua_rawlen(L, 2) / 2;
  char *from = lua_touserdata(L, 2), *to = from + all;
  for (; n > 0; n--) {
    memcpy(to + at, from + at, size);
    __asm__ volatile("" ::"r"(to) : "memory"); /* it is needed */
    at = at + 2 * size <= all ? at + size : 0;
  }
  return 0;
}


/* ---- items through a ring ---- */

/* Ring for who sleeps, if anybody does. */
static void ringbell (Ring *r) {
  __atomic_fetch_add(&r->bell, 1, __ATOMIC_RELAXED);
  if (r->asleep > 0) futex(&r->bell, FUTEX_WAKE, INT32_MAX);
}


/* Give the guard away until the bell rings, which it mostly does at once. */
static void doze (Ring *r) {
  uint32_t bell = r->bell;
  pthread_mutex_unlock(&r->guard);
  for (int i = 0; i < SPINS; i++)
    if (__atomic_load_n(&r->bell, __ATOMIC_RELAXED) != bell) break;
  pthread_mutex_lock(&r->guard);
  if (r->bell != bell) return;
  r->asleep++;
  pthread_mutex_unlock(&r->guard);
  futex(&r->bell, FUTEX_WAIT, bell);
  pthread_mutex_lock(&r->guard);
  r->asleep--;
}


static void put (Ring *r, const Item *item) {
  pthread_mutex_lock(&r->guard);
  while (r->put - r->got == SLOTS) doze(r);
  r->items[r->put++ % SLOTS] = *item;
  ringbell(r);
  pthread_mutex_unlock(&r->guard);
}


static void get (Ring *r, Item *item) {
  pthread_mutex_lock(&r->guard);
  while (r->put == r->got) doze(r);
  *item = r->items[r->got++ % SLOTS];
  ringbell(r);
  pthread_mutex_unlock(&r->guard);
}


static void produce (void *ctx) {
  Page *p = ctx;
  Item item = {"item"};
  for (lua_Integer n = p->n; n > 0; n--) put(&p->to, &item);
}


/* floor.ring(n) - n items of 32 bytes from another process */
static int ring (lua_State *L) {
  lua_Integer n = luaL_checkinteger(L, 1);
  Page *p = newpage(L, n);
  Item item;
  int pid = floor_child(L, produce, p);
  for (; n > 0; n--) get(&p->to, &item);
  floor_wait(L, pid);
  munmap(p, sizeof *p);
  return 0;
}


static void work (void *ctx) {
  Page *p = ctx;
  Item item;
  for (lua_Integer n = p->n / 2; n > 0; n--) {
    get(&p->to, &item);
    put(&p->from, &item);
  }
}


/* floor.jobs(n) - n items to two processes, and back; 500 at a time */
static int jobs (lua_State *L) {
  Page *p = newpage(L, luaL_checkinteger(L, 1) / 1000 * 1000);
  Item item = {"item"};
  int first = floor_child(L, work, p), second = floor_child(L, work, p);
  for (lua_Integer n = p->n; n > 0; n -= 500) {
    for (int i = 0; i < 500; i++) put(&p->to, &item);
    for (int i = 0; i < 500; i++) get(&p->from, &item);
  }
  floor_wait(L, first);
  floor_wait(L, second);
  munmap(p, sizeof *p);
  return 0;
}


const luaL_Reg floor_memory[] = {{"mutex", mutex},
                                 {"mutex2", mutex2},
                                 {"add2", add2},
                                 {"futex", futex_pingpong},
                                 {"blocks", blocks},
                                 {"copies", copies},
                                 {"ring", ring},
                                 {"jobs", jobs},
                                 {NULL, NULL}};
