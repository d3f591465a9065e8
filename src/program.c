/*
** program.c - Starting a program. See program.h.
**
** The child borrows our memory until it is the program, and has a stack of its
** own inside of ours, which waits. It must not change anything here but the
** few fields that tell what became of it.
*/
#ifdef __SANITIZE_THREAD__ /* notes in our name what the child calls: */
#define clone __clone      /* these names it does not know */
#define sigaction __sigaction
#endif

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

#define STACK 32768 /* twice the longest path, and some */
#define PATHS "/usr/local/bin:/usr/bin:/bin"

/* Nothing that watches memory understands whose stack that is. */
#define BORROWED                                                               \
  __attribute__((noinline, no_sanitize("address", "undefined", "thread")))

extern char **environ;

typedef struct Attempt {
  const Program *p;
  int parent;
  volatile int err; /* of the child, before it is the program */
  volatile Stage stage;
} Attempt;


/* ---- in the child ---- */

/*
** What we catch must not be called there, where its memory is ours. What we
** ignore stays ignored, as nohup wants it; but not SIGPIPE, which programs
** rely on more than they know.
*/
BORROWED static void resetsignals (void) {
  for (int signo = 1; signo < _NSIG; signo++) {
    struct sigaction sa;
    if (sigaction(signo, NULL, &sa) < 0) continue;
    bool ignored = !(sa.sa_flags & SA_SIGINFO) && sa.sa_handler == SIG_IGN;
    if (ignored && signo != SIGPIPE) continue;
    if (!(sa.sa_flags & SA_SIGINFO) && sa.sa_handler == SIG_DFL) continue;
    sa.sa_flags = 0;
    sa.sa_handler = SIG_DFL;
    sigaction(signo, &sa, NULL);
  }
}


/* The lowest of 'keep' that is at least 'from', or -1. */
BORROWED static int nextkept (const int keep[3], int from) {
  int next = -1;
  for (int i = 0; i < 3; i++)
    if (keep[i] >= from && (next < 0 || keep[i] < next)) next = keep[i];
  return next;
}


/* Close all but the first three and 'keep'. */
BORROWED static void closeothers (const int keep[3]) {
  unsigned from = 3;
  for (int kept; (kept = nextkept(keep, (int)from)) >= 0;
       from = (unsigned)kept + 1)
    syscall(SYS_close_range, from, (unsigned)kept - 1, 0);
  syscall(SYS_close_range, from, UINT_MAX, 0);
}


/* 0 or -errno. */
BORROWED static int setfiles (const Program *p) {
  int from[3];
  for (int i = 0; i < 3; i++) { /* out of the way of each other first */
    from[i] = p->fd[i];
    if (from[i] < 0 || from[i] > 2) continue;
    from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3);
    if (from[i] < 0) return -errno;
  }
  for (int i = 0; i < 3; i++)
    if (from[i] >= 0 && dup2(from[i], i) < 0) return -errno;
  for (int i = 0; i < 3; i++)
    if (p->keep[i] >= 0) fcntl(p->keep[i], F_SETFD, 0);
  closeothers(p->keep);
  return 0;
}


/* 'dir' [0 .. n) and the file. False: that is too long for a path. */
BORROWED static bool join (char *to, const char *dir, size_t n,
                           const char *file) {
  size_t size = strlen(file);
  if (n + size + 2 > PATH_MAX) return false;
  memcpy(to, dir, n);
  if (n > 0) to[n++] = '/';
  memcpy(to + n, file, size + 1);
  return true;
}


/* Become the program, or say why not: what tells most of several reasons. */
BORROWED static int become (const Program *p) {
  char *const *envp = p->envp != NULL ? p->envp : environ;
  char full[PATH_MAX];
  int err = -ENOENT;
  if (strchr(p->file, '/') != NULL) {
    execve(p->file, p->argv, envp);
    return -errno;
  }
  if (*p->file == '\0') return err;
  for (const char *dir = p->path != NULL ? p->path : PATHS;; dir++) {
    size_t n = strcspn(dir, ":");
    if (join(full, dir, n, p->file)) {
      execve(full, p->argv, envp);
      if (errno == EACCES)
        err = -EACCES; /* there may be another one further on */
      else if (errno != ENOENT && errno != ENOTDIR)
        return -errno;
    }
    dir += n;
    if (*dir == '\0') return err;
  }
}


BORROWED static int prepare (const Attempt *a) {
  const Program *p = a->p;
  resetsignals();
  if (p->tied) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != a->parent) _exit(127); /* it was faster */
  }
  if (p->group && setpgid(0, 0) < 0) return -errno;
  return setfiles(p);
}


BORROWED static int child (void *arg) {
  Attempt *a = arg;
  const Program *p = a->p;
  sigset_t none;
  a->err = prepare(a);
  if (a->err == 0 && p->cwd != NULL) {
    a->stage = SK_STAGE_CWD;
    if (chdir(p->cwd) < 0) a->err = -errno;
  }
  if (a->err == 0) {
    a->stage = SK_STAGE_EXEC;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    a->err = become(p);
  }
  _exit(127);
}


/* ---- in the parent ---- */

static int collect (int pid, int pidfd, int err) {
  siginfo_t info;
  while (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0 && errno == EINTR)
    continue;
  if (pidfd >= 0) close(pidfd);
  return err;
}


int sk_program_start (const Program *p, int *pidfd, Stage *stage) {
  _Alignas(16) char stack[STACK];
  Attempt a = {.p = p, .parent = getpid()};
  sigset_t all, mask;
  int fd = -1;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &mask); /* no handler runs in the child */
  int pid = clone(child, stack + sizeof stack,
                  CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &a, &fd);
  int err = pid < 0 ? -errno : a.err;
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
  if (stage != NULL) *stage = a.stage;
  if (err != 0) return pid > 0 ? collect(pid, fd, err) : err;
  if (fd < 0) fd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) { /* nobody would learn of its end */
    err = -errno;
    kill(pid, SIGKILL);
    return collect(pid, -1, err);
  }
  *pidfd = fd;
  return pid;
}


int sk_program_code (const char *file, const char *code, const int keep[3],
                     int *pidfd) {
  char *argv[] = {(char *)(uintptr_t)file, (char *)(uintptr_t) "-e",
                  (char *)(uintptr_t)code, NULL};
  Program p = {.file = file,
               .argv = argv,
               .path = getenv("PATH"),
               .fd = {-1, -1, -1},
               .keep = {keep[0], keep[1], keep[2]}};
  return sk_program_start(&p, pidfd, NULL);
}
