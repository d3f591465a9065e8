/*
** spawn.c - Starting processes and learning how they ended. See spawn.h.
*/
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "helper.h"
#include "offload.h"
#include "osthread.h"
#include "slot.h"
#include "spawn.h"

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER; /* process-wide, */
static Child *children;                                   /* as is this */
static sigset_t mask; /* of signals, before the fork that made this process */


/* Threads that a sanitizer adds to each process, see 'make tsan'. */
#ifndef SK_STRANGERS
#define SK_STRANGERS 0
#endif


/* True while there never was another: glibc says so, at no cost. */
extern char __libc_single_threaded __attribute__((weak));


int sk_spawn_threads (void) {
  if (&__libc_single_threaded != NULL && __libc_single_threaded) return 1;
  struct stat st; /* a directory for each thread, and two more links */
  return stat("/proc/self/task", &st) == 0 ? (int)st.st_nlink - 2 - SK_STRANGERS
                                           : 0;
}


/* Under the guard. */
static void enlist (Child *c) {
  c->next = children;
  c->at = &children;
  if (children != NULL) children->at = &c->next;
  __atomic_store_n(&children, c, __ATOMIC_RELEASE);
}


static void delist (Child *c) {
  if (c->at == NULL) return;
  __atomic_store_n(c->at, c->next, __ATOMIC_RELEASE);
  if (c->next != NULL) c->next->at = c->at;
  c->at = NULL;
}


/* Its descriptor is closed here, when nothing watches it any more. */
static void discard (Child *c) {
  if (c->pidfd >= 0) close(c->pidfd);
  free(c);
}


void sk_spawn_free (Child *c) {
  if (c == NULL) return;
  pthread_mutex_lock(&guard);
  c->freed = true; /* by 'finish', if it still runs */
  bool listed = c->at != NULL;
  pthread_mutex_unlock(&guard);
  if (!listed) discard(c);
}


/* The children are the parent's, and so are their descriptors. */
static SK_BIRTH void forget (void) {
  guard = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
  for (Child *c = children; c != NULL; c = c->next) {
    close(c->pidfd);
    c->pidfd = -1;
    c->at = NULL;
    for (int i = 0; i < 3; i++)
      if (c->ends[i].pumped) sk_end_close(&c->ends[i]);
  }
  children = NULL;
  sk_helper_forget();
}


/*
** What a forked child calls at first it calls by 'syscall': the functions of the
** C library that would do the same are far from each other, and where none of
** its code is mapped yet each of them is a page fault.
*/
SK_BIRTH void sk_spawn_tie (int parent) {
  syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (getppid() != parent) _exit(127); /* it was faster */
}


/* It is our child, so its number cannot be another's before we reap it. */
static void adopt (Child *c, int pid, int pidfd) {
  c->pid = pid;
  c->pidfd = pidfd;
  pthread_mutex_lock(&guard);
  enlist(c);
  pthread_mutex_unlock(&guard);
}


/* By its descriptor: the number of one that a helper reaped may be another's
   by now. */
static int reach (const Child *c, int signal) {
  long r = c->pidfd >= 0
               ? syscall(SYS_pidfd_send_signal, c->pidfd, signal, NULL, 0)
               : kill(c->pid, signal);
  return r == 0 ? 0 : -errno;
}


/* The same, to its whole group if it leads one; it was not reaped, so that has
   its number. */
static int reachall (const Child *c, int signal) {
  if (!c->group) return reach(c, signal);
  return kill(-c->pid, signal) == 0 ? 0 : -errno;
}


static void awaitown (const Child *c) {
  siginfo_t info;
  while (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT) < 0 &&
         errno == EINTR)
    continue;
}


void sk_spawn_abandon (Child *c) {
  struct pollfd p = {.fd = c->pidfd, .events = POLLIN};
  if (c->pid == 0) return;
  reachall(c, SIGKILL);
  if (c->served == 0)
    awaitown(c);
  else
    while (poll(&p, 1, -1) < 0) continue;
  sk_spawn_reap(c);
}


/* Who cannot be watched must not live: nobody would learn of its end. */
static int watch (Child *c, int pid) {
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  int err = fd < 0 ? -errno : 0;
  adopt(c, pid, fd);
  if (err != 0) sk_spawn_abandon(c);
  return err;
}


SK_BIRTH int sk_spawn_fork (Child *c) {
  int parent = getpid();
  fflush(NULL); /* what is buffered now is printed once */
  if (!sk_offload_hold()) return -EBUSY;
  sk_spawn_mask(); /* none may be lost on the parent's handlers */
  int pid = fork();
  int err = pid < 0 ? -errno : 0;
  sk_offload_release(pid == 0);
  if (pid == 0) {
    forget();
    sk_spawn_tie(parent);
    return 1;
  }
  sk_spawn_unmask();
  return err == 0 ? watch(c, pid) : err;
}


void sk_spawn_mask (void) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &mask);
}


SK_BIRTH void sk_spawn_unmask (void) {
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, _NSIG / 8);
}


int sk_spawn_program (Child *c, const Program *p, Stage *stage) {
  int pidfd;
  fflush(NULL); /* what is buffered now is printed before what it prints */
  int pid = sk_program_start(p, &pidfd, stage);
  if (pid < 0) return pid;
  c->group = p->group;
  adopt(c, pid, pidfd);
  return 0;
}


int sk_spawn_exec (Child *c, const char *file, const char *code,
                   const int keep[2]) {
  int pidfd;
  fflush(NULL);
  int pid =
      sk_program_code(file, code, (const int[3]){keep[0], keep[1], -1}, &pidfd);
  if (pid < 0) return pid;
  adopt(c, pid, pidfd);
  return 0;
}


/* ---- children of the helper ---- */

/* It has told how one of them ended. */
static void ongone (uint32_t era, const Note *n) {
  Child *c = children;
  while (c != NULL && (c->pid != n->pid || c->served != era || c->told))
    c = c->next;
  if (c == NULL) return;
  c->status = n->status;
  c->dumped = n->dumped != 0;
  c->told = true;
}


int sk_spawn_serve (Child *c, const char *file, const char *code,
                    const int keep[2], uint64_t job, bool first) {
  Birth b;
  fflush(NULL); /* what is buffered now is printed before what it prints */
  pthread_mutex_lock(&guard);
  int err = sk_helper_hire(file, code, keep, first);
  if (err == 0) err = sk_helper_fork(job, ongone, &b);
  if (err == 0) {
    c->pid = b.pid;
    c->pidfd = b.pidfd;
    c->served = b.era;
    c->told = false;
    enlist(c); /* before anybody hears of its end */
  }
  pthread_mutex_unlock(&guard);
  return err;
}


/* Has it ended? The helper says how, and soon, if it lives. */
static bool reapserved (Child *c) {
  struct pollfd p = {.fd = c->pidfd, .events = POLLIN};
  if (!c->told && poll(&p, 1, 0) <= 0) return false;
  sk_time due = sk_clock_real() + SK_PROMPT;
  while (!c->told && sk_helper_listen(c->served, due, ongone)) continue;
  if (!c->told) c->status = -SIGKILL; /* it died with the helper */
  return true;
}


static bool reapown (Child *c) {
  siginfo_t info;
  int r;
  info.si_pid = 0;
  c->unreaped = sk_slot_clock();
  do {
    r = waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG);
  } while (r < 0 && errno == EINTR);
  if (r == 0 && info.si_pid == 0) return false;
  if (r == 0)
    c->status = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
  else
    c->status = SK_UNKNOWN; /* somebody else reaped it */
  c->dumped = r == 0 && info.si_code == CLD_DUMPED;
  return true;
}


/* Under the guard: has it ended? Then it is reaped, and off the list. */
static bool reap (Child *c) {
  if (!(c->served != 0 ? reapserved(c) : reapown(c))) return false;
  delist(c);
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
  return c->pid != 0 ? reach(c, signal) : -ESRCH;
}


int sk_spawn_signalall (Child *c, int signal) {
  return c->pid != 0 ? reachall(c, signal) : -ESRCH;
}


/* ---- the end of this process ---- */

SK_BIRTH bool sk_spawn_any (void) {
  return __atomic_load_n(&children, __ATOMIC_ACQUIRE) != NULL || sk_helper_is();
}


static bool concerns (const Child *c, const void *user) {
  return user == NULL || c->user == user;
}


/* The others have read all that they get. */
void sk_spawn_notify (const void *user) {
  pthread_mutex_lock(&guard);
  for (Child *c = children; c != NULL; c = c->next) {
    if (!concerns(c, user)) continue;
    if (c->daemon) reachall(c, SIGKILL);
    sk_end_close(&c->ends[0]);
  }
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
  if (!gone) return;
  for (int i = 0; i < 3; i++)
    if (c->ends[i].pumped) sk_end_close(&c->ends[i]);
  discard(c);
}


/* Wait for a child without reaping it. False: time is up. */
static bool await (Child *c, sk_time due) {
  for (;;) {
    struct pollfd p[3] = {{.fd = c->pidfd, .events = POLLIN}};
    for (int i = 1; i < 3; i++) {
      p[i].fd = sk_end_is(&c->ends[i]) ? c->ends[i].fd : -1;
      p[i].events = POLLIN;
    }
    sk_time left = due == SK_FOREVER ? due : due - sk_clock_real();
    if (left > sk_osthread_patience) left = sk_osthread_patience;
    if (left < 0) left = 0;
    int n = poll(p, 3, (int)(left / 1000000) + 1);
    if (n > 0 && p[0].revents != 0) return true;
    for (int i = 1; n > 0 && i < 3; i++)
      if (p[i].revents != 0) sk_end_spill(&c->ends[i]);
    if (n >= 0 && due != SK_FOREVER && sk_clock_real() >= due) return false;
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
  sk_time patience = sk_clock_real() + sk_osthread_patience;
  Child c;
  sk_spawn_notify(user);
  while (first(user, &c)) {
    sk_time killat = c.killat != 0 ? c.killat : SK_FOREVER;
    if (await(&c, killat < patience ? killat : patience))
      collect(c.pid);
    else if (killat <= patience)
      reachall(&c, SIGKILL);
    else {
      announce();
      patience = SK_FOREVER;
    }
  }
  if (user != NULL) return;
  pthread_mutex_lock(&guard);
  sk_helper_dismiss(ongone); /* last: what it forked would die with it */
  pthread_mutex_unlock(&guard);
}
