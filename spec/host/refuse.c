/*
** refuse.c - Preloaded, it refuses what its name in the environment says:
** REFUSE = "fork", "spawn" or "thread"; the first REFUSE_AFTER calls succeed.
*/
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


static int refuses (const char *what) {
  static int calls;
  const char *named = getenv("REFUSE"), *after = getenv("REFUSE_AFTER");
  if (named == NULL || strcmp(named, what) != 0) return 0;
  return ++calls > (after != NULL ? atoi(after) : 0);
}


static void *next (const char *name) {
  return dlsym(RTLD_NEXT, name);
}


pid_t fork (void) {
  pid_t (*real)(void) = (pid_t(*)(void))next("fork");
  errno = EAGAIN;
  return refuses("fork") ? -1 : real();
}


int posix_spawnp (pid_t *pid, const char *file,
                  const posix_spawn_file_actions_t *actions,
                  const posix_spawnattr_t *attr, char *const argv[],
                  char *const env[]) {
  int (*real)(pid_t *, const char *, const posix_spawn_file_actions_t *,
              const posix_spawnattr_t *, char *const[], char *const[]) =
      (int (*)(pid_t *, const char *, const posix_spawn_file_actions_t *,
               const posix_spawnattr_t *, char *const[], char *const[]))
          next("posix_spawnp");
  return refuses("spawn") ? EAGAIN : real(pid, file, actions, attr, argv, env);
}


int pthread_create (pthread_t *id, const pthread_attr_t *attr,
                    void *(*body)(void *), void *arg) {
  int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
      (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))
          next("pthread_create");
  return refuses("thread") ? EAGAIN : real(id, attr, body, arg);
}
