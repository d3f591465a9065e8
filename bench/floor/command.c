/*
** command.c - What the system itself takes for what bench/command.lua measures:
** start a program with its output in two pipes, read both, wait.
*/
#define _GNU_SOURCE /* pipe2 */
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;


static void drain (const int fds[2]) {
  char chunk[65536];
  struct pollfd p[2] = {{fds[0], POLLIN, 0}, {fds[1], POLLIN, 0}};
  for (int open = 2; open > 0;) {
    poll(p, 2, -1);
    for (int i = 0; i < 2; i++)
      if (p[i].revents != 0 && read(p[i].fd, chunk, sizeof chunk) <= 0) {
        p[i].fd = -1;
        open--;
      }
  }
}


/* floor.run(n, program ...) - run it and wait, n times */
static int floor_run (lua_State *L) {
  char *argv[16] = {NULL};
  int top = lua_gettop(L);
  for (int i = 2; i <= top && i < 16; i++)
    argv[i - 2] = (char *)luaL_checkstring(L, i);
  for (lua_Integer n = luaL_checkinteger(L, 1); n > 0; n--) {
    posix_spawn_file_actions_t a;
    int out[2], err[2];
    pid_t pid;
    if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
      return luaL_error(L, "no pipe");
    posix_spawn_file_actions_init(&a);
    posix_spawn_file_actions_addopen(&a, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&a, out[1], 1);
    posix_spawn_file_actions_adddup2(&a, err[1], 2);
    if (posix_spawnp(&pid, argv[0], &a, NULL, argv, environ) != 0)
      return luaL_error(L, "cannot start %s", argv[0]);
    posix_spawn_file_actions_destroy(&a);
    close(out[1]);
    close(err[1]);
    drain((const int[2]){out[0], err[0]});
    waitpid(pid, NULL, 0);
    close(out[0]);
    close(err[0]);
  }
  return 0;
}


int luaopen_floor (lua_State *L);

int luaopen_floor (lua_State *L) {
  static const luaL_Reg functions[] = {{"run", floor_run}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
