/*
** host.c - A C program that embeds Lua, for host_spec.lua.
**
** host how file file: each file is run in a Lua state of its own.
**   turns     one state after the other, each closed
**   both      both open; then the function 'again' of each is called; closed
**   threads   each in a thread of its own
**   leaves    none is closed when main returns
**   handlers  has handlers for signals before, and looks at them afterwards
*/
#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const int signals[] = {SIGINT, SIGTERM, SIGCHLD, SIGPIPE, SIGUSR1};
#define COUNT (sizeof signals / sizeof *signals)


static void handle (int signo) {
  char text[] = "host: signal ..\n";
  text[13] = (char)('0' + signo / 10);
  text[14] = (char)('0' + signo % 10);
  if (write(STDOUT_FILENO, text, sizeof text - 1) < 0) _exit(9);
}


static int fails (lua_State *L, int status) {
  if (status != LUA_OK) printf("host: %s\n", lua_tostring(L, -1));
  return status != LUA_OK;
}


static lua_State *begin (const char *file) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  fails(L, luaL_dofile(L, file));
  return L;
}


static void again (lua_State *L) {
  if (lua_getglobal(L, "again") == LUA_TFUNCTION)
    fails(L, lua_pcall(L, 0, 0, 0));
}


static void *alone (void *file) {
  lua_close(begin(file));
  return NULL;
}


static void both (char **files) {
  lua_State *a = begin(files[0]), *b = begin(files[1]);
  again(a);
  again(b);
  lua_close(a);
  again(b);
  lua_close(b);
}


static void threads (char **files) {
  pthread_t t[2];
  for (int i = 0; i < 2; i++) pthread_create(&t[i], NULL, alone, files[i]);
  for (int i = 0; i < 2; i++) pthread_join(t[i], NULL);
}


static void handlers (char **files) {
  struct sigaction ours = {.sa_handler = handle}, now;
  for (size_t i = 0; i < COUNT; i++) sigaction(signals[i], &ours, NULL);
  for (int n = 0; n < 2; n++) lua_close(begin(files[n]));
  for (size_t i = 0; i < COUNT; i++)
    if (sigaction(signals[i], NULL, &now) != 0 || now.sa_handler != handle)
      printf("host: lost its handler of signal %d\n", signals[i]);
}


int main (int argc, char **argv) {
  if (argc != 4) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  const char *how = argv[1];
  char **files = argv + 2;
  if (strcmp(how, "both") == 0)
    both(files);
  else if (strcmp(how, "threads") == 0)
    threads(files);
  else if (strcmp(how, "handlers") == 0)
    handlers(files);
  else
    for (int i = 0; i < 2; i++) {
      lua_State *L = begin(files[i]);
      if (strcmp(how, "turns") == 0) lua_close(L);
    }
  puts("host: ends");
  return 0;
}
