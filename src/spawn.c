/*
** spawn.c - Starting processes and learning how they ended. See spawn.h.
*/
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "spawn.h"

#define PATIENCE (10 * SK_SECOND) /* before the end says whom it waits for */

extern char **environ;

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER; /* process-wide, */
static Child *children;                                   /* as is this */
static int owner; /* the process whose children they are */


int sk_spawn_threads (void) {
  struct stat st; /* a directory for each thread, and two more links */
  return stat("/proc/self/task", &st) == 0 ? (int)st.st_nlink - 2 : 0;
}


void (*sk_spawn_leaving)(void);


/* Runs when the program ends, or when the library is unloaded. */
static void __attribute__((destructor)) finish(void) {
  if (children == NULL || owner != getpid()) return;
  if (sk_spawn_leaving != NULL) sk_spawn_leaving();
  sk_spawn_finish(NULL);
}


static void enlist (Child *c) {
  pthread_mutex_lock(&guard);
  owner = getpid();
  c->next = children;
  c->at = &children;
  if (children != NULL) children->at = &c->next;
  children = c;
  pthread_mutex_unlock(&guard);
}


static void delist (Child *c) {
  pthread_mutex_lock(&guard);
  if (c->at != NULL) {
    *c->at = c->next;
    if (c->next != NULL) c->next->at = c->at;
    c->at = NULL;
  }
  pthread_mutex_unlock(&guard);
}


void sk_spawn_free (Child *c) {
  if (c == NULL) return;
  c->freed = true; /* by 'finish', if it still runs */
  if (c->at == NULL) free(c);
}


void sk_spawn_forget (void) {
  pthread_mutex_init(&guard, NULL);
  children = NULL;
  owner = 0;
}


void sk_spawn_tie (int parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127); /* it was faster */
}


/* It is our child, so its number cannot be another's before we reap it. */
static void adopt (Child *c, int pid) {
  c->pid = pid;
  c->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  enlist(c);
}


int sk_spawn_fork (Child *c) {
  int parent = getpid();
  fflush(NULL); /* what is buffered now is printed once */
  int pid = fork();
  if (pid < 0) return -errno;
  if (pid == 0) {
    sk_spawn_forget();
    sk_spawn_tie(parent);
    return 1;
  }
  adopt(c, pid);
  return 0;
}


int sk_spawn_exec (Child *c, const char *file, char *const argv[], int keep) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attr;
  sigset_t none;
  int pid;
  sigemptyset(&none);
  int err = posix_spawn_file_actions_init(&actions);
  if (err != 0) return -err;
  posix_spawnattr_init(&attr);
  posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setsigmask(&attr, &none);
  fflush(NULL);
  /* onto itself: that clears close-on-exec, in the child only */
  if (keep >= 0) posix_spawn_file_actions_adddup2(&actions, keep, keep);
  err = posix_spawnp(&pid, file, &actions, &attr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attr);
  if (err != 0) return -err;
  adopt(c, pid);
  return 0;
}


bool sk_spawn_reap (Child *c) {
  siginfo_t info;
  int r;
  if (c->pid == 0) return true;
  info.si_pid = 0;
  do {
    r = waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG);
  } while (r < 0 && errno == EINTR);
  if (r == 0 && info.si_pid == 0) return false;
  if (r == 0)
    c->status = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
  else
    c->status = SK_UNKNOWN; /* somebody else reaped it */
  delist(c);
  if (c->pidfd >= 0) close(c->pidfd);
  c->pidfd = -1;
  c->pid = 0;
  return true;
}


int sk_spawn_signal (Child *c, int signal) {
  if (c->pid == 0) return -ESRCH;
  return kill(c->pid, signal) == 0 ? 0 : -errno;
}


/* Wait for a child without reaping it. False: time is up. */
static bool await (const Child *c, sk_time due) {
  siginfo_t info;
  if (due == SK_FOREVER || c->pidfd < 0) {
    while (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT) < 0 &&
           errno == EINTR)
      continue;
    return true;
  }
  for (;;) {
    struct pollfd p = {.fd = c->pidfd, .events = POLLIN};
    sk_time left = due - sk_clock_now();
    if (left < 0) left = 0;
    int n = poll(&p, 1, (int)(left / 1000000) + 1);
    if (n > 0) return true;
    if (n == 0) return false;
  }
}


static void announce (void) {
  fputs("skein: the program waits for its processes to end:", stderr);
  for (const Child *c = children; c != NULL; c = c->next)
    fprintf(stderr, " %s (pid %d)", c->name, c->pid);
  fputs("\n", stderr);
}


/* The next child of 'user' (NULL: of anybody). */
static Child *nextof (const void *user) {
  Child *c = children;
  while (c != NULL && user != NULL && c->user != user) c = c->next;
  return c;
}


void sk_spawn_finish (const void *user) {
  if (children == NULL || owner != getpid()) return;
  sk_time due = sk_clock_now() + PATIENCE;
  for (Child *c = children; c != NULL; c = c->next)
    if (c->daemon && (user == NULL || c->user == user)) kill(c->pid, SIGKILL);
  for (Child *c; (c = nextof(user)) != NULL;) {
    if (!await(c, due)) {
      announce();
      due = SK_FOREVER;
      continue;
    }
    if (!sk_spawn_reap(c)) delist(c);
    if (c->freed) free(c);
  }
}
