/*
** refuse.c - Preloaded, it refuses what its name in the environment says:
** REFUSE = "fork", "spawn" or "thread"; the first REFUSE_AFTER calls succeed.
*/
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
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


int clone (int (*fn)(void *), void *stack, int flags, void *arg, ...) {
  int (*real)(int (*)(void *), void *, int, void *, ...) =
      (int (*)(int (*)(void *), void *, int, void *, ...))next("clone");
  va_list rest;
  va_start(rest, arg);
  void *pidfd = va_arg(rest, void *);
  va_end(rest);
  errno = EAGAIN;
  return refuses("spawn") ? -1 : real(fn, stack, flags, arg, pidfd);
}


int pthread_create (pthread_t *id, const pthread_attr_t *attr,
                    void *(*body)(void *), void *arg) {
  int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
      (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))
          next("pthread_create");
  return refuses("thread") ? EAGAIN : real(id, attr, body, arg);
}
