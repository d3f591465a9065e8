/*
** guard.h - Short locks in shared memory that survive their owner.
**
** A guard protects the few instructions that change a shared object. It is a
** robust mutex: when its owner dies inside, the next one to enter is told so
** and repairs the object first. Nothing that can wait, raise or call Lua
** happens under a guard, and no large copy is made.
**
** 'sk_step()' marks each instant at which a change becomes visible. Built
** with -DSK_STEPS it kills a process that is doomed at its n-th one, so that
** specs can put a death between any two of them.
*/
#ifndef sk_guard_h
#define sk_guard_h

#include <pthread.h>

#include "sk.h"

typedef struct Guard {
  pthread_mutex_t mutex;
} Guard;

/* This process dies at its n-th step from now. */
SK_FUNC void sk_guard_doom (uint64_t n);
SK_FUNC void sk_guard_step (void);

#ifdef SK_STEPS
#define SK_DOOMS 1
#define sk_step() sk_guard_step()
#else
#define SK_DOOMS 0
#define sk_step() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#endif


static inline int sk_guard_init (Guard *g) {
  pthread_mutexattr_t a;
  int err = pthread_mutexattr_init(&a);
  if (err != 0) return -err;
  pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
  err = pthread_mutex_init(&g->mutex, &a);
  pthread_mutexattr_destroy(&a);
  return -err;
}


/* Enter. True: the last owner died inside, so repair what it left. */
static inline bool sk_guard_enter (Guard *g) {
  int err = pthread_mutex_lock(&g->mutex);
  if (sk_likely(err == 0)) return false;
  sk_assert(err == EOWNERDEAD);
  return true;
}


/* Enter if nobody is inside. '*died': as above. */
static inline bool sk_guard_try (Guard *g, bool *died) {
  int err = pthread_mutex_trylock(&g->mutex);
  *died = err == EOWNERDEAD;
  return err == 0 || *died;
}


/* What the last owner left is repaired. */
static inline void sk_guard_repaired (Guard *g) {
  pthread_mutex_consistent(&g->mutex);
}


static inline void sk_guard_leave (Guard *g) {
  pthread_mutex_unlock(&g->mutex);
}

#endif
