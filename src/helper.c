/*
** helper.c - The helper that forks for this process. See helper.h.
*/
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "helper.h"
#include "program.h"
#include "slot.h"

static struct { /* process-wide; under the guard of the children */
  int sock;     /* -1: there is none */
  int pid;      /* 0: it is that of the first process */
  uint32_t era; /* which one it is, from 1 on */
} helper = {.sock = -1};


/* The next note; that of an end is told. 0 or -errno. */
static int hear (sk_time due, Gone gone, Note *n, int *pidfd) {
  *pidfd = -1;
  int err = sk_server_hear(helper.sock, due, n, pidfd);
  if (err == 0 && n->what == SK_GONE) gone(helper.era, n);
  return err;
}


SK_BIRTH bool sk_helper_is (void) {
  return __atomic_load_n(&helper.sock, __ATOMIC_RELAXED) >= 0;
}


/* ---- beginning and end ---- */

static void engage (int sock, int pid) {
  __atomic_store_n(&helper.sock, sock, __ATOMIC_RELAXED);
  helper.pid = pid;
  helper.era++;
}


SK_BIRTH void sk_helper_forget (void) {
  if (helper.sock >= 0) close(helper.sock);
  __atomic_store_n(&helper.sock, -1, __ATOMIC_RELAXED);
  helper.pid = 0;
}


void sk_helper_dismiss (Gone gone) {
  Note n;
  int fd;
  siginfo_t info;
  if (helper.sock < 0) return;
  if (helper.pid != 0) kill(helper.pid, SIGKILL);
  while (helper.pid != 0 &&
         waitid(P_PID, (id_t)helper.pid, &info, WEXITED) < 0 && errno == EINTR)
    continue;
  while (hear(SK_NOW, gone, &n, &fd) == 0) /* it may have spoken before */
    if (fd >= 0) close(fd);
  sk_helper_forget();
}


/* Start one that is ours. 0 or -errno. */
static int start (const char *file, const char *code, const int keep[2],
                  bool first) {
  int ends[2], pidfd;
  char *line;
  int err = sk_server_pair(ends);
  if (err != 0) return err;
  if (asprintf(&line, "%s(%d,%d,%d,%d,%s)", code, ends[1], keep[0], getpid(),
               keep[1], first ? "true" : "false") < 0)
    err = -ENOMEM;
  else {
    err = sk_program_code(file, line, (const int[3]){ends[1], keep[0], keep[1]},
                          &pidfd);
    free(line);
  }
  close(ends[1]);
  if (err < 0) {
    close(ends[0]);
    return err;
  }
  close(pidfd);
  engage(ends[0], err);
  return 0;
}


int sk_helper_hire (const char *file, const char *code, const int keep[2],
                    bool first) {
  if (helper.sock >= 0) return 0;
  if (!first) {
    int sock = sk_server_connect(
        __atomic_load_n(&sk_root()->helper, __ATOMIC_ACQUIRE));
    if (sock >= 0) {
      engage(sock, 0);
      return 0;
    }
  }
  return start(file, code, keep, first);
}


/* ---- requests ---- */

/* There was no room for the descriptor by which it is watched. */
static int forgo (int pid, Gone gone) {
  Note n = {0};
  int fd, err = 0;
  sk_time due = sk_clock_real() + SK_PROMPT;
  kill(pid, SIGKILL);
  while (err == 0 && (n.what != SK_GONE || n.pid != pid))
    err = hear(due, gone, &n, &fd);
  return -EMFILE;
}


/* The answer to our request. */
static int answer (Gone gone, Birth *b) {
  Note n;
  int fd;
  sk_time due = sk_clock_real() + SK_PROMPT;
  do {
    int err = hear(due, gone, &n, &fd);
    if (err != 0) return err;
  } while (n.what == SK_GONE);
  if (n.what == SK_REFUSED) return n.status;
  if (fd < 0) return forgo(n.pid, gone);
  *b = (Birth){.pid = n.pid, .pidfd = fd, .era = helper.era};
  return 0;
}


int sk_helper_fork (uint64_t job, Gone gone, Birth *b) {
  int err = sk_server_ask(helper.sock, job);
  if (err == 0) err = answer(gone, b);
  if (err == -EPIPE || err == -ETIMEDOUT) sk_helper_dismiss(gone);
  return err;
}


bool sk_helper_listen (uint32_t era, sk_time due, Gone gone) {
  Note n;
  int fd;
  if (helper.sock < 0 || helper.era != era) return false;
  if (hear(due, gone, &n, &fd) != 0) sk_helper_dismiss(gone);
  return true;
}
