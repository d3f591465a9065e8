/*
** floor.c - What the system itself takes for what bench/process.lua measures.
** A module of its own, so that both are measured in the same process.
*/
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;


/* floor.fork(n) - fork and wait, n times */
static int floor_fork (lua_State *L) {
  for (lua_Integer n = luaL_checkinteger(L, 1); n > 0; n--) {
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    if (pid < 0) return luaL_error(L, "cannot fork");
    waitpid(pid, NULL, 0);
  }
  return 0;
}


/* floor.spawn(n, program) - start a Lua that does nothing, and wait */
static int floor_spawn (lua_State *L) {
  char program[] = "-e", nothing[] = "";
  char *argv[] = {(char *)luaL_checkstring(L, 2), program, nothing, NULL};
  for (lua_Integer n = luaL_checkinteger(L, 1); n > 0; n--) {
    pid_t pid;
    if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0)
      return luaL_error(L, "cannot start %s", argv[0]);
    waitpid(pid, NULL, 0);
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
static int floor_thread (lua_State *L) {
  for (lua_Integer n = luaL_checkinteger(L, 1); n > 0; n--) {
    pthread_t id;
    if (pthread_create(&id, NULL, state, NULL) != 0)
      return luaL_error(L, "cannot start a thread");
    pthread_join(id, NULL);
  }
  return 0;
}


int luaopen_floor (lua_State *L);

int luaopen_floor (lua_State *L) {
  static const luaL_Reg functions[] = {{"fork", floor_fork},
                                       {"spawn", floor_spawn},
                                       {"thread", floor_thread},
                                       {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
