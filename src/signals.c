/*
** signals.c - Signals of the process, handed to one scheduler. See signals.h.
*/
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "prod.h"
#include "signals.h"

/* Process-wide. All but the last are looked at by every thread. */
static Sink *owner;
static uint64_t caught;  /* bit n: a channel wants it */
static uint64_t arrived; /* bit n: it came */
static Prod prod;        /* of an interrupt */
SK_LARGE struct sigaction sk_signals_before[SK_NSIGNALS]; /* what was set up */

static const struct {
  const char *name;
  int signo;
} names[] = {
    {"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT},
    {"ILL", SIGILL},   {"TRAP", SIGTRAP}, {"ABRT", SIGABRT},
    {"BUS", SIGBUS},   {"FPE", SIGFPE},   {"KILL", SIGKILL},
    {"USR1", SIGUSR1}, {"SEGV", SIGSEGV}, {"USR2", SIGUSR2},
    {"PIPE", SIGPIPE}, {"ALRM", SIGALRM}, {"TERM", SIGTERM},
    {"CHLD", SIGCHLD}, {"CONT", SIGCONT}, {"STOP", SIGSTOP},
    {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},
    {"URG", SIGURG},   {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},
    {"PROF", SIGPROF}, {"SYS", SIGSYS},   {"WINCH", SIGWINCH},
    {"IO", SIGIO},     {"PWR", SIGPWR},   {"VTALRM", SIGVTALRM},
};


int sk_signals_number (const char *name) {
  if (strncmp(name, "SIG", 3) == 0) name += 3;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i].name, name) == 0) return names[i].signo;
  return 0;
}


const char *sk_signals_name (int signo) {
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].signo == signo) return names[i].name;
  return NULL;
}


static uint64_t bit (int signo) {
  return (uint64_t)1 << (signo - 1);
}


static Sink *ownerof (void) {
  return __atomic_load_n(&owner, __ATOMIC_RELAXED);
}


static void setowner (Sink *s) {
  __atomic_store_n(&owner, s, __ATOMIC_RELAXED);
}


bool sk_signals_iscaught (int signo) {
  return (__atomic_load_n(&caught, __ATOMIC_RELAXED) & bit(signo)) != 0;
}


/* Do what would have been done without us. */
static void chain (int signo, siginfo_t *info, void *context) {
  const struct sigaction *old = &sk_signals_before[signo];
  if (old->sa_flags & SA_SIGINFO)
    old->sa_sigaction(signo, info, context);
  else if (old->sa_handler == SIG_DFL) {
    sigaction(signo, old, NULL);
    raise(signo); /* is delivered when this handler returns */
  }
  else if (old->sa_handler != SIG_IGN)
    old->sa_handler(signo);
}


/* What was set up before is done; if that leaves the signal to its default, as
   that of the lua program does for a second Ctrl-C, this was the second. */
static void insist (int signo, siginfo_t *info, void *context) {
  struct sigaction now;
  chain(signo, info, context);
  if (sigaction(signo, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
      now.sa_handler == SIG_DFL)
    raise(signo);
}


static void handle (int signo, siginfo_t *info, void *context) {
  int err = errno;
  Sink *s = ownerof();
  bool again = sk_prod_issent(&prod, info);
  if (s != NULL && sk_signals_iscaught(signo)) {
    __atomic_or_fetch(&arrived, bit(signo), __ATOMIC_RELAXED);
    s->alert(s, signo, false);
  }
  else if (s != NULL && s->driving > 0) {
    if (!s->alert(s, signo, again)) insist(signo, info, context);
  }
  else if (!again)
    chain(signo, info, context);
  errno = err;
}


static int install (int signo, bool force) {
  struct sigaction now,
      ours = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
  if (sigaction(signo, NULL, &now) < 0) return -errno;
  if (now.sa_flags & SA_SIGINFO && now.sa_sigaction == handle) return 0;
  if (!force && !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_IGN)
    return 0;
  sk_signals_before[signo] = now;
  sigemptyset(&ours.sa_mask);
  return sigaction(signo, &ours, NULL) < 0 ? -errno : 0;
}


static bool isours (const struct sigaction *a) {
  return a->sa_flags & SA_SIGINFO && a->sa_sigaction == handle;
}


static void uninstall (int signo) {
  struct sigaction now;
  if (sigaction(signo, NULL, &now) < 0) return;
  if (isours(&now)) sigaction(signo, &sk_signals_before[signo], NULL);
}


static bool claim (Sink *s) {
  if (ownerof() == NULL && !s->foreign) {
    s->foreign = syscall(SYS_gettid) != getpid();
    if (!s->foreign) setowner(s);
  }
  return ownerof() == s;
}


void sk_signals_ready (Sink *s) {
  s->ready = true;
  if (claim(s)) install(SIGINT, false);
}


int sk_signals_catch (Sink *s, int signo) {
  if (signo < 1 || signo >= SK_NSIGNALS) return -EINVAL;
  if (!claim(s)) return -EBUSY;
  __atomic_or_fetch(&caught, bit(signo), __ATOMIC_RELAXED);
  int rc = install(signo, true);
  if (rc < 0) __atomic_and_fetch(&caught, ~bit(signo), __ATOMIC_RELAXED);
  return rc;
}


void sk_signals_release (Sink *s, int signo) {
  if (ownerof() != s) return;
  __atomic_and_fetch(&caught, ~bit(signo), __ATOMIC_RELAXED);
  uninstall(signo);
  s->ready = false;
}


uint64_t sk_signals_take (Sink *s) {
  if (ownerof() != s) return 0;
  return __atomic_exchange_n(&arrived, 0, __ATOMIC_RELAXED) << 1;
}


void sk_signals_again (int signo) {
  sk_prod_again(&prod, signo);
}


/* All but Ctrl-C. */
static SK_BIRTH void uninstallall (void) {
  for (int signo = 1; signo < SK_NSIGNALS; signo++)
    if (signo != SIGINT && sk_signals_iscaught(signo)) uninstall(signo);
  __atomic_store_n(&caught, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&arrived, 0, __ATOMIC_RELAXED);
  setowner(NULL);
}


void sk_signals_fini (Sink *s) {
  if (ownerof() != s) return;
  sk_prod_stop(&prod);
  uninstall(SIGINT);
  uninstallall();
}


SK_BIRTH void sk_signals_afterfork (void) {
  struct sigaction was, none = {.sa_handler = SIG_DFL};
  prod = (Prod){0}; /* the timer is the parent's */
  uninstallall();
  if (sigaction(SIGINT, &none, &was) != 0) return;
  if (isours(&was)) was = sk_signals_before[SIGINT];
  if (!(was.sa_flags & SA_SIGINFO) && was.sa_handler == SIG_IGN)
    sigaction(SIGINT, &was, NULL);
}
