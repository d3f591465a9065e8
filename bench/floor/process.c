/*
** process.c - Starting processes and threads. See floor.h.
*/
#include <lualib.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "floor.h"

extern char **environ;


int floor_child (lua_State *L, void (*fn)(void *), void *ctx) {
  pid_t pid = fork();
  if (pid < 0) return luaL_error(L, "cannot fork");
  if (pid > 0) return pid;
  if (fn != NULL) fn(ctx);
  _exit(0);
}


void floor_wait (lua_State *L, int pid) {
  int status;
  if (waitpid(pid, &status, 0) != pid || status != 0)
    luaL_error(L, "a child failed");
}


/* floor.fork(n) - fork and wait */
static int fork_join (lua_State *L) {
  for (lua_Integer n = luaL_checkinteger(L, 1); n > 0; n--)
    floor_wait(L, floor_child(L, NULL, NULL));
  return 0;
}


/* floor.fork2(n) - two forks, then the wait for both */
static int fork_join2 (lua_State *L) {
  for (lua_Integer n = luaL_checkinteger(L, 1); n > 0; n--) {
    int first = floor_child(L, NULL, NULL);
    floor_wait(L, floor_child(L, NULL, NULL));
    floor_wait(L, first);
  }
  return 0;
}


/* floor.spawn(n, program) - start a Lua that does nothing, and wait */
static int spawn_join (lua_State *L) {
  char program[256], option[] = "-e", nothing[] = "";
  char *argv[] = {program, option, nothing, NULL};
  snprintf(program, sizeof program, "%s", luaL_checkstring(L, 2));
  for (lua_Integer n = luaL_checkinteger(L, 1); n > 0; n--) {
    pid_t pid;
    if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0)
      return luaL_error(L, "cannot start %s", argv[0]);
    floor_wait(L, pid);
  }
  return 0;
}


static void *state (void *unused) {
  (void)unused;
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  lua_close(L);
  return NULL;
}


/* floor.thread(n) - start a thread with a Lua state, and join it */
static int thread_join (lua_State *L) {
  for (lua_Integer n = luaL_checkinteger(L, 1); n > 0; n--) {
    pthread_t id;
    if (pthread_create(&id, NULL, state, NULL) != 0)
      return luaL_error(L, "cannot start a thread");
    pthread_join(id, NULL);
  }
  return 0;
}


const luaL_Reg floor_process[] = {{"fork", fork_join},
                                  {"fork2", fork_join2},
                                  {"spawn", spawn_join},
                                  {"thread", thread_join},
                                  {NULL, NULL}};
