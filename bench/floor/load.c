/*
** load.c - Asks an echo server of another process.
**   load N COMMAND...   starts COMMAND with a port behind it; 100 connections
**                       send 64 bytes and wait for them, again and again. Prints
**                       the ns for each of N answers, and ends the server.
*/
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
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

#define CONNECTIONS 100
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


static double now (void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}


static struct sockaddr_in address (int port) {
  struct sockaddr_in at = {.sin_family = AF_INET};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons((uint16_t)port);
  return at;
}


/* A port that nobody has. */
static int findport (void) {
  struct sockaddr_in at = address(0);
  socklen_t size = sizeof at;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(fd, (struct sockaddr *)&at, size) < 0) fail("bind");
  getsockname(fd, (struct sockaddr *)&at, &size);
  close(fd);
  return ntohs(at.sin_port);
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
  execvp(argv[0], argv);
  _exit(127);
}


/* A connection to the server, as soon as it listens. */
static int reach (int port) {
  struct sockaddr_in at = address(port);
  struct timespec pause = {0, 5000000};
  for (double end = now() + PATIENCE; now() < end; nanosleep(&pause, NULL)) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0) return fd;
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
  struct epoll_event ready[CONNECTIONS];
  char answer[SIZE];
  while (n > 0) {
    int count = epoll_wait(poller, ready, CONNECTIONS, PATIENCE * 1000);
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


int main (int argc, char **argv) {
  if (argc < 3) return 2;
  long n = atol(argv[1]);
  int port = findport();
  start(argv + 2, argc - 2, port);
  poller = epoll_create1(0);
  for (int i = 0; i < CONNECTIONS; i++) {
    struct epoll_event event = {.events = EPOLLIN};
    event.data.fd = reach(port);
    epoll_ctl(poller, EPOLL_CTL_ADD, event.data.fd, &event);
    ask(event.data.fd);
  }
  answers(n / 10);
  double began = now();
  answers(n);
  printf("%.1f\n", (now() - began) / (double)n * 1e9);
  kill(server, SIGKILL);
  waitpid(server, NULL, 0);
  return 0;
}
