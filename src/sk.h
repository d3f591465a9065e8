/*
** sk.h - The vocabulary that every file shares.
*/
#ifndef sk_h
#define sk_h

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Shared between files of the library, not seen from outside of it. */
#define SK_FUNC __attribute__((visibility("hidden"))) extern

/* The one symbol that is seen from outside. */
#define SK_API __attribute__((visibility("default"))) extern

#define sk_likely(x) __builtin_expect(!!(x), 1)
#define sk_unlikely(x) __builtin_expect(!!(x), 0)

/* An instant: nanoseconds of the monotonic clock. A deadline, never a span. */
typedef int64_t sk_time;

#define SK_NOW ((sk_time)0)             /* do not wait */
#define SK_FOREVER ((sk_time)INT64_MAX) /* no deadline */
#define SK_SECOND ((sk_time)1000000000)

/* The address of the struct whose member 'm' is at 'p'. */
#define sk_container(p, type, m) ((type *)((char *)(p)-offsetof(type, m)))

/* A variable of each thread. glibc would allocate it when it is first used, and
   end the program if it cannot; others have it from the start. */
#ifdef __GLIBC__
#define SK_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define SK_LOCAL _Thread_local
#endif

/* A large variable, not static, that is rarely written: it lies behind all
   others, so that those share a page. After a fork each page that is written
   is copied, by the parent and by the child. */
#define SK_LARGE __attribute__((visibility("hidden"), common))

/* What a forked child runs before its function: the linker puts it together,
   for each 64 KiB of code that are run are a page fault. */
#define SK_BIRTH __attribute__((hot))

#define SK_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A broken invariant ends the program: always on, so keep it cheap. */
#define sk_assert(c)                                                           \
  ((c) ? (void)0                                                               \
       : (fprintf(stderr, "skein: %s:%d: broken: %s\n", __FILE__, __LINE__,    \
                  #c),                                                         \
          abort()))

#endif
