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
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "spawn.h"

#define PATIENCE (10 * SK_SECOND) /* before the end says whom it waits for */

extern char **environ;

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER; /* process-wide, */
static Child *children;                                   /* as is this */
static sigset_t mask; /* of signals, before the fork that made this process */


int sk_spawn_threads (void) {
  struct stat st; /* a directory for each thread, and two more links */
  return stat("/proc/self/task", &st) == 0 ? (int)st.st_nlink - 2 : 0;
}


static void enlist (Child *c) {
  pthread_mutex_lock(&guard);
  c->next = children;
  c->at = &children;
  if (children != NULL) children->at = &c->next;
  children = c;
  pthread_mutex_unlock(&guard);
}


static void delist (Child *c) {
  if (c->at == NULL) return;
  *c->at = c->next;
  if (c->next != NULL) c->next->at = c->at;
  c->at = NULL;
}


void sk_spawn_free (Child *c) {
  if (c == NULL) return;
  pthread_mutex_lock(&guard);
  c->freed = true; /* by 'finish', if it still runs */
  bool listed = c->at != NULL;
  pthread_mutex_unlock(&guard);
  if (!listed) free(c);
}


/* The children are the parent's, and so are their descriptors. */
static void forget (void) {
  pthread_mutex_init(&guard, NULL);
  for (Child *c = children; c != NULL; c = c->next) {
    close(c->pidfd);
    c->pidfd = -1;
    c->at = NULL;
  }
  children = NULL;
}


void sk_spawn_tie (int parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127); /* it was faster */
}


/*
** It is our child, so its number cannot be another's before we reap it. Who
** cannot be watched must not live: nobody would learn of its end.
*/
static int adopt (Child *c, int pid) {
  c->pid = pid;
  c->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (c->pidfd >= 0) {
    enlist(c);
    return 0;
  }
  int err = -errno;
  sk_spawn_abandon(c);
  return err;
}


void sk_spawn_abandon (Child *c) {
  int pid = c->pid;
  if (pid == 0) return;
  kill(pid, SIGKILL);
  siginfo_t info;
  while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0 &&
         errno == EINTR)
    continue;
  sk_spawn_reap(c);
}


int sk_spawn_fork (Child *c) {
  int parent = getpid();
  sigset_t all;
  fflush(NULL);     /* what is buffered now is printed once */
  sigfillset(&all); /* none may be lost on the parent's handlers */
  pthread_sigmask(SIG_SETMASK, &all, &mask);
  int pid = fork();
  int err = pid < 0 ? -errno : 0;
  if (pid == 0) {
    forget();
    sk_spawn_tie(parent);
    return 1;
  }
  sk_spawn_unmask();
  return err == 0 ? adopt(c, pid) : err;
}


void sk_spawn_unmask (void) {
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
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
  return adopt(c, pid);
}


/* Under the guard: has it ended? Then it is reaped, and off the list. */
static bool reap (Child *c) {
  siginfo_t info;
  int r;
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
  c->pid = 0; /* from now on the number may be another's */
  return true;
}


bool sk_spawn_reap (Child *c) {
  pthread_mutex_lock(&guard);
  bool ended = c->pid == 0 || reap(c);
  pthread_mutex_unlock(&guard);
  return ended;
}


int sk_spawn_signal (Child *c, int signal) {
  if (c->pid == 0) return -ESRCH;
  return kill(c->pid, signal) == 0 ? 0 : -errno;
}


int sk_spawn_killat (Child *c, sk_time due) {
  struct itimerspec at = {
      .it_value = {.tv_sec = due / SK_SECOND, .tv_nsec = due % SK_SECOND}};
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (fd < 0) return -errno;
  timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL);
  c->killat = due;
  return fd;
}


/* ---- the end of this process ---- */

bool sk_spawn_any (void) {
  pthread_mutex_lock(&guard);
  bool any = children != NULL;
  pthread_mutex_unlock(&guard);
  return any;
}


static bool concerns (const Child *c, const void *user) {
  return user == NULL || c->user == user;
}


static void killdaemons (const void *user) {
  pthread_mutex_lock(&guard);
  for (Child *c = children; c != NULL; c = c->next)
    if (c->daemon && concerns(c, user)) kill(c->pid, SIGKILL);
  pthread_mutex_unlock(&guard);
}


/* A copy of the first child of 'user': the child itself may be gone soon. */
static bool first (const void *user, Child *copy) {
  pthread_mutex_lock(&guard);
  const Child *c = children;
  while (c != NULL && !concerns(c, user)) c = c->next;
  if (c != NULL) *copy = *c;
  pthread_mutex_unlock(&guard);
  return c != NULL;
}


/* Reap the child 'pid' if it has ended, and free it if nobody looks at it. */
static void collect (int pid) {
  pthread_mutex_lock(&guard);
  Child *c = children;
  while (c != NULL && c->pid != pid) c = c->next;
  bool gone = c != NULL && reap(c) && c->freed;
  pthread_mutex_unlock(&guard);
  if (gone) free(c);
}


/* Wait for a child without reaping it. False: time is up. */
static bool await (const Child *c, sk_time due) {
  struct pollfd p = {.fd = c->pidfd, .events = POLLIN};
  for (;;) {
    sk_time left = due == SK_FOREVER ? due : due - sk_clock_real();
    if (left > PATIENCE) left = PATIENCE;
    if (left < 0) left = 0;
    int n = poll(&p, 1, (int)(left / 1000000) + 1);
    if (n > 0) return true;
    if (n == 0 && due != SK_FOREVER && sk_clock_real() >= due) return false;
  }
}


static void announce (void) {
  pthread_mutex_lock(&guard);
  fputs("skein: the program waits for its processes to end:", stderr);
  for (const Child *c = children; c != NULL; c = c->next)
    fprintf(stderr, " %s (pid %d)", c->name, c->pid);
  fputs("\n", stderr);
  pthread_mutex_unlock(&guard);
}


void sk_spawn_finish (const void *user) {
  sk_time patience = sk_clock_real() + PATIENCE;
  Child c;
  killdaemons(user);
  while (first(user, &c)) {
    sk_time killat = c.killat != 0 ? c.killat : SK_FOREVER;
    if (await(&c, killat < patience ? killat : patience))
      collect(c.pid);
    else if (killat <= patience)
      kill(c.pid, SIGKILL);
    else {
      announce();
      patience = SK_FOREVER;
    }
  }
}
