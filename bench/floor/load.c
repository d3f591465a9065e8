/*
** load.c - Asks a server of another process.
**   load N CONNECTIONS COMMAND...
**       starts COMMAND with a port behind it; so many connections send 64 bytes
**       and wait for them, again and again. Prints the ns for each of N answers,
**       and ends the server.
**   load wrk CONNECTIONS COMMAND...
**       the same of an HTTP server that is asked by wrk, for a second.
** The server has the first processor that we may use to itself, we the last.
*/
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 4000 /* at most */
#define SIZE 64
#define PATIENCE 10 /* seconds until the server listens, or answers */

static pid_t server;
static int poller;
static int missing[4096]; /* by descriptor: bytes that are still to come */
static char message[SIZE];


static void fail (const char *what) {
  perror(what);
  if (server > 0) kill(server, SIGKILL);
  exit(1);
}


static double at (clockid_t clock) {
  struct timespec ts;
  clock_gettime(clock, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}


static double now (void) {
  return at(CLOCK_MONOTONIC);
}


/* What is measured by: the wall's clock, or with CLOCK=processor the time that the
   server has had a processor. */
static clockid_t measure (void) {
  clockid_t clock = CLOCK_MONOTONIC;
  const char *which = getenv("CLOCK");
  if (which != NULL && strcmp(which, "processor") == 0)
    clock_getcpuclockid(server, &clock);
  return clock;
}


static struct sockaddr_in address (int port) {
  struct sockaddr_in a = {.sin_family = AF_INET};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  a.sin_port = htons((uint16_t)port);
  return a;
}


/* Run on one processor only: the first of those we may use, or the last. */
static void pin (int last) {
  cpu_set_t all, one;
  int which = -1;
  sched_getaffinity(0, sizeof all, &all);
  for (int i = 0; i < CPU_SETSIZE; i++)
    if (CPU_ISSET((size_t)i, &all) && (last || which < 0)) which = i;
  CPU_ZERO(&one);
  CPU_SET((size_t)which, &one);
  sched_setaffinity(0, sizeof one, &one);
}


/* A port that nobody has. */
static int findport (void) {
  struct sockaddr_in any = address(0);
  socklen_t size = sizeof any;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(fd, (struct sockaddr *)&any, size) < 0) fail("bind");
  getsockname(fd, (struct sockaddr *)&any, &size);
  close(fd);
  return ntohs(any.sin_port);
}


static void start (char **command, int argc, int port) {
  char number[16], **argv = calloc((size_t)argc + 2, sizeof *argv);
  snprintf(number, sizeof number, "%d", port);
  memcpy(argv, command, (size_t)argc * sizeof *argv);
  argv[argc] = number;
  server = fork();
  if (server < 0) fail("fork");
  if (server > 0) {
    free(argv);
    return;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pin(0);
  execvp(argv[0], argv);
  _exit(127);
}


/* A connection to the server, as soon as it listens. */
static int reach (int port) {
  struct sockaddr_in where = address(port);
  struct timespec pause = {0, 5000000};
  for (double end = now() + PATIENCE; now() < end; nanosleep(&pause, NULL)) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&where, sizeof where) == 0) return fd;
    close(fd);
    if (waitpid(server, NULL, WNOHANG) != 0) break;
  }
  errno = ECONNREFUSED;
  fail("the server");
  return -1;
}


static void ask (int fd) {
  missing[fd] = SIZE;
  if (write(fd, message, SIZE) != SIZE) fail("write");
}


/* Take answers, and ask again, until there were n. */
static void answers (long n) {
  struct epoll_event ready[256];
  char answer[SIZE];
  while (n > 0) {
    int count = epoll_wait(poller, ready, 256, PATIENCE * 1000);
    if (count <= 0) fail("no answer");
    for (int i = 0; i < count; i++) {
      int fd = ready[i].data.fd;
      ssize_t got = read(fd, answer, (size_t)missing[fd]);
      if (got <= 0) fail("read");
      missing[fd] -= (int)got;
      if (missing[fd] > 0) continue;
      n--;
      ask(fd);
    }
  }
}


/* The ns for each answer that wrk gets. */
static double wrk (int port, int connections) {
  char line[256];
  double count = 0;
  close(reach(port));
  snprintf(line, sizeof line,
           "exec wrk -t1 -c%d -d1s http://127.0.0.1:%d/ 2>&1", connections,
           port);
  clockid_t clock = measure();
  double began = at(clock);
  FILE *f = popen(line, "r");
  if (f == NULL) fail("wrk");
  while (fgets(line, sizeof line, f) != NULL) {
    if (strstr(line, "Non-2xx") != NULL) fail("other answers");
    sscanf(line, " %lf requests in", &count);
  }
  pclose(f);
  if (count < 1) fail("no answers to wrk");
  return (at(clock) - began) / count * 1e9;
}


static double echo (int port, int connections, long n) {
  poller = epoll_create1(0);
  for (int i = 0; i < connections; i++) {
    struct epoll_event event = {.events = EPOLLIN};
    event.data.fd = reach(port);
    epoll_ctl(poller, EPOLL_CTL_ADD, event.data.fd, &event);
    ask(event.data.fd);
  }
  answers(n / 10);
  clockid_t clock = measure();
  double began = at(clock);
  answers(n);
  return (at(clock) - began) / (double)n * 1e9;
}


int main (int argc, char **argv) {
  int connections = argc > 3 ? atoi(argv[2]) : 0;
  if (connections < 1 || connections > CONNECTIONS) return 2;
  int port = findport();
  start(argv + 3, argc - 3, port);
  pin(1);
  double ns = strcmp(argv[1], "wrk") == 0
                  ? wrk(port, connections)
                  : echo(port, connections, atol(argv[1]));
  printf("%.1f\n", ns);
  kill(server, SIGKILL);
  waitpid(server, NULL, 0);
  return 0;
}
