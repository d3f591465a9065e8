/*
** failing.c - Makes the n-th request of a program fail.
**
** Preloaded into an interpreter, it stands before the allocator and before
** what the library asks the system for. It is a Lua module as well:
**   arm(what, n, [onwards])  from now on the n-th request of "memory" or of
**                            the "system" fails (onwards: and all after it)
**   disarm() -> how many failed, how many there were, what the first one was
**   held() -> bytes that the program holds
** Lua asks for memory a second time after it has collected garbage, so a
** failing request of memory fails twice.
*/
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

enum { NOTHING, MEMORY, SYSTEM };

static int armed;
static long at, many, seen, failed;
static const char *first;
static long held;


/* Is this the one that shall fail? */
static int fails (int what, const char *name) {
  if (armed != what) return 0;
  long n = __atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED);
  if (n < at || n >= at + many) return 0;
  if (__atomic_fetch_add(&failed, 1, __ATOMIC_RELAXED) == 0) first = name;
  return 1;
}


static void *find (const char *name) {
  return dlsym(RTLD_NEXT, name);
}


/* ---- memory ---- */

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


static void look (void) {
  static int looking;
  if (looking) return;
  looking = 1;
  *(void **)&takes = find("malloc");
  *(void **)&grows = find("realloc");
  *(void **)&gives = find("free");
}


static void *hold (void *p) {
  if (p != NULL && !isearly(p))
    __atomic_add_fetch(&held, (long)malloc_usable_size(p), __ATOMIC_RELAXED);
  return p;
}


static void unhold (void *p) {
  __atomic_sub_fetch(&held, (long)malloc_usable_size(p), __ATOMIC_RELAXED);
}


void *malloc (size_t n) {
  if (fails(MEMORY, "malloc")) {
    errno = ENOMEM;
    return NULL;
  }
  if (takes == NULL) look();
  return takes != NULL ? hold(takes(n)) : takeearly(n);
}


void *calloc (size_t n, size_t size) {
  if (size != 0 && n > SIZE_MAX / size) return NULL;
  void *p = malloc(n * size);
  return p != NULL ? memset(p, 0, n * size) : NULL;
}


void *realloc (void *p, size_t n) {
  if (p == NULL) return malloc(n);
  if (grows == NULL) look();
  if (isearly(p)) {
    size_t there = sizeof early - ((uintptr_t)p - (uintptr_t)early);
    void *to = malloc(n);
    return to != NULL ? memcpy(to, p, n < there ? n : there) : NULL;
  }
  /* Lua relies on it that a block can always shrink */
  if (n > malloc_usable_size(p) && fails(MEMORY, "realloc")) {
    errno = ENOMEM;
    return NULL;
  }
  unhold(p);
  void *to = grows(p, n);
  hold(to != NULL ? to : p);
  return to;
}


void free (void *p) {
  if (p == NULL || isearly(p)) return;
  if (gives == NULL) look();
  unhold(p);
  gives(p);
}


/* ---- the system ---- */

/* A function that fails with an errno, or passes its arguments on. */
#define STAND(type, name, bad, err, params, args)                              \
  type name params {                                                           \
    static type(*real) params;                                                 \
    if (fails(SYSTEM, #name)) {                                                \
      errno = err;                                                             \
      return bad;                                                              \
    }                                                                          \
    if (real == NULL) *(void **)&real = find(#name);                           \
    return real args;                                                          \
  }

/* The same for those that return what went wrong. */
#define STANDS(name, err, params, args)                                        \
  int name params {                                                            \
    static int(*real) params;                                                  \
    if (fails(SYSTEM, #name)) return err;                                      \
    if (real == NULL) *(void **)&real = find(#name);                           \
    return real args;                                                          \
  }

STAND(void *, mmap, MAP_FAILED, ENOMEM,
      (void *p, size_t n, int prot, int flags, int fd, off_t from),
      (p, n, prot, flags, fd, from))
STAND(int, memfd_create, -1, EMFILE, (const char *s, unsigned f), (s, f))
STAND(int, ftruncate, -1, ENOSPC, (int fd, off_t n), (fd, n))
STAND(pid_t, fork, -1, EAGAIN, (void), ())
STAND(int, eventfd, -1, EMFILE, (unsigned n, int flags), (n, flags))
STAND(int, epoll_create1, -1, EMFILE, (int flags), (flags))
STAND(int, epoll_ctl, -1, ENOSPC,
      (int ep, int op, int fd, struct epoll_event *e), (ep, op, fd, e))
STAND(int, socket, -1, EMFILE, (int domain, int type, int p),
      (domain, type, p))
STAND(int, socketpair, -1, EMFILE, (int domain, int type, int p, int fd[2]),
      (domain, type, p, fd))
STAND(int, bind, -1, EADDRINUSE,
      (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
STAND(int, listen, -1, EADDRINUSE, (int fd, int n), (fd, n))
STAND(int, connect, -1, EAGAIN,
      (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
STAND(int, accept4, -1, EMFILE,
      (int fd, struct sockaddr *a, socklen_t *n, int f), (fd, a, n, f))
STAND(ssize_t, sendmsg, -1, ENOBUFS,
      (int fd, const struct msghdr *m, int flags), (fd, m, flags))
STAND(int, timerfd_create, -1, EMFILE, (int clock, int flags), (clock, flags))
STAND(int, pipe2, -1, EMFILE, (int fd[2], int flags), (fd, flags))
STAND(int, dup, -1, EMFILE, (int fd), (fd))
STAND(ssize_t, write, -1, ENOSPC, (int fd, const void *p, size_t n),
      (fd, p, n))
STANDS(pthread_create, EAGAIN,
       (pthread_t * t, const pthread_attr_t *a, void *(*f)(void *), void *arg),
       (t, a, f, arg))
STANDS(posix_spawn, EAGAIN,
       (pid_t * pid, const char *path, const posix_spawn_file_actions_t *fa,
        const posix_spawnattr_t *a, char *const argv[], char *const env[]),
       (pid, path, fa, a, argv, env))
STANDS(posix_spawnp, EAGAIN,
       (pid_t * pid, const char *path, const posix_spawn_file_actions_t *fa,
        const posix_spawnattr_t *a, char *const argv[], char *const env[]),
       (pid, path, fa, a, argv, env))


int open (const char *path, int flags, ...) {
  static int (*real)(const char *, int, ...);
  va_list args;
  va_start(args, flags);
  int mode = va_arg(args, int);
  va_end(args);
  if (fails(SYSTEM, "open")) {
    errno = EMFILE;
    return -1;
  }
  if (real == NULL) *(void **)&real = find("open");
  return real(path, flags, mode);
}


int clone (int (*fn)(void *), void *stack, int flags, void *arg, ...) {
  static int (*real)(int (*)(void *), void *, int, void *, ...);
  va_list args;
  va_start(args, arg);
  void *pidfd = va_arg(args, void *);
  va_end(args);
  if (fails(SYSTEM, "clone")) {
    errno = EMFILE;
    return -1;
  }
  if (real == NULL) *(void **)&real = find("clone");
  return real(fn, stack, flags, arg, pidfd);
}


/* Those that have no function in every C library. */
long syscall (long number, ...) {
  static long (*real)(long, ...);
  long a[6];
  va_list args;
  va_start(args, number);
  for (int i = 0; i < 6; i++) a[i] = va_arg(args, long);
  va_end(args);
  if ((number == SYS_pidfd_open || number == SYS_timer_create) &&
      fails(SYSTEM, number == SYS_pidfd_open ? "pidfd_open" : "timer_create")) {
    errno = number == SYS_pidfd_open ? EMFILE : EAGAIN;
    return -1;
  }
  if (real == NULL) *(void **)&real = find("syscall");
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}


/* ---- the module ---- */

static int arm (lua_State *L) {
  static const char *const names[] = {"nothing", "memory", "system", NULL};
  int what = luaL_checkoption(L, 1, NULL, names);
  at = (long)luaL_checkinteger(L, 2);
  many = lua_toboolean(L, 3) ? 1000000000 : what == MEMORY ? 2 : 1;
  seen = failed = 0;
  first = NULL;
  armed = what;
  return 0;
}


static int disarm (lua_State *L) {
  armed = NOTHING;
  lua_pushinteger(L, failed);
  lua_pushinteger(L, seen);
  lua_pushstring(L, first);
  return 3;
}


static int holds (lua_State *L) {
  lua_pushinteger(L, held);
  return 1;
}


int luaopen_failing (lua_State *L) {
  static const luaL_Reg functions[] = {
      {"arm", arm}, {"disarm", disarm}, {"held", holds}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
