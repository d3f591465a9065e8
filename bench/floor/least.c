/*
** least.c - What a start takes when the one that is started does something: a
** part more with each mode. bench/least.lua prints them next to skein.
*/
#include <lualib.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "floor.h"

enum { NOTHING, CALL, ANSWER, WATCH, OWE }; /* each with those before it */

#define PAGES 3 /* of shared memory that an answer and its book-keeping touch */

static char *shared; /* process-wide */
static int epoll = -1;
static int event = -1;


static void check (lua_State *L, int ok, const char *what) {
  if (!ok) luaL_error(L, "no %s", what);
}


static void open (lua_State *L) {
  if (shared != NULL) return;
  int fd = memfd_create("least", MFD_CLOEXEC);
  check(L, fd >= 0 && ftruncate(fd, 1 << 30) == 0, "shared memory");
  void *p = mmap(NULL, 1 << 30, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_NORESERVE, fd, 0);
  check(L, p != MAP_FAILED, "shared memory");
  close(fd);
  shared = p;
  epoll = epoll_create1(EPOLL_CLOEXEC);
  event = eventfd(0, EFD_CLOEXEC);
  struct epoll_event e = {.events = EPOLLIN | EPOLLET};
  check(L, epoll_ctl(epoll, EPOLL_CTL_ADD, event, &e) == 0, "epoll");
}


static void answer (void) {
  for (int i = 0; i < PAGES; i++) shared[i * 0x10000]++;
}


static void onterm (int signo) {
  (void)signo;
}


/* In the child: it dies with its parent, which may be dead by now, has signals and
   random numbers of its own, and hears of SIGTERM. */
static void begin (lua_State *L, int parent, const sigset_t *mask) {
  lua_Integer seed[2];
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, onterm);
  if (getrandom(seed, sizeof seed, 0) != sizeof seed) _exit(127);
  lua_getglobal(L, "math");
  lua_getfield(L, -1, "randomseed");
  lua_pushinteger(L, seed[0]);
  lua_pushinteger(L, seed[1]);
  lua_call(L, 2, 0);
  lua_pop(L, 1);
  sigprocmask(SIG_SETMASK, mask, NULL);
}


/* In the parent: there is a handle, and no signal is lost on its handlers. */
static pid_t start (lua_State *L, lua_Integer mode) {
  sigset_t all, before;
  int parent = getpid();
  if (mode < OWE) return fork();
  luaL_newmetatable(L, "least");
  lua_newuserdatauv(L, 256, 1);
  lua_insert(L, -2);
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, L); /* while it runs */
  fflush(NULL);
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  pid_t pid = fork();
  if (pid == 0)
    begin(L, parent, &before);
  else
    sigprocmask(SIG_SETMASK, &before, NULL);
  return pid;
}


/* In the child: call the function at 3 in a coroutine of its own. */
static void child (lua_State *L, lua_Integer mode) {
  if (mode >= CALL) {
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 3);
    lua_xmove(L, co, 1);
    lua_pcall(co, 0, 0, 0);
  }
  if (mode >= ANSWER) answer();
  if (mode >= OWE) fflush(NULL);
  _exit(0);
}


static void await (lua_State *L, pid_t pid, lua_Integer mode) {
  if (mode >= WATCH) {
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct epoll_event e = {.events = EPOLLIN | EPOLLET};
    check(L, epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0, "pidfd");
    epoll_wait(epoll, &e, 1, -1);
    close(fd);
  }
  floor_wait(L, pid);
}


/* floor.leastfork(n, mode, f) - fork and wait; f is called in the child */
static int leastfork (lua_State *L) {
  lua_Integer mode = luaL_checkinteger(L, 2);
  open(L);
  answer();
  for (lua_Integer n = luaL_checkinteger(L, 1); n > 0; n--) {
    pid_t pid = start(L, mode);
    check(L, pid >= 0, "child");
    if (pid == 0) child(L, mode);
    await(L, pid, mode);
  }
  return 0;
}


static void *state (void *ring) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  lua_close(L);
  if (ring != NULL) eventfd_write(event, 1);
  return NULL;
}


/* floor.leastthread(n, rings) - a thread with a Lua state; 'rings': it says by
   a descriptor, on which a loop sleeps, that it is about to end */
static int leastthread (lua_State *L) {
  int rings = lua_toboolean(L, 2);
  open(L);
  for (lua_Integer n = luaL_checkinteger(L, 1); n > 0; n--) {
    pthread_t id;
    int err = pthread_create(&id, NULL, state, rings ? shared : NULL);
    check(L, err == 0, "thread");
    if (rings) {
      struct epoll_event e;
      eventfd_t times;
      epoll_wait(epoll, &e, 1, -1);
      eventfd_read(event, &times);
    }
    pthread_join(id, NULL);
  }
  return 0;
}


/* floor.halves(f) - f(1) in a child, f(2) here at the same time, and wait */
static int halves (lua_State *L) {
  pid_t pid = fork();
  check(L, pid >= 0, "child");
  lua_pushvalue(L, 1);
  lua_pushinteger(L, pid == 0 ? 1 : 2);
  lua_call(L, 1, 0);
  if (pid == 0) _exit(0);
  floor_wait(L, pid);
  return 0;
}


const luaL_Reg floor_least[] = {{"leastfork", leastfork},
                                {"leastthread", leastthread},
                                {"halves", halves},
                                {NULL, NULL}};
