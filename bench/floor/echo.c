/*
** echo.c - The two ends of bench/net.lua that are not skein's: a server that
** echoes, with nothing but epoll, which is the floor; and the client that
** measures every server alike.
**   echo serve                        prints its port
**   echo ask PORT CONNECTIONS SECONDS prints round trips per second
*/
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SIZE 64 /* bytes of a message */
#define BATCH 256


static void die (const char *what) {
  perror(what);
  exit(1);
}


static void watch (int ep, int fd) {
  int on = 1;
  struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0) die("epoll_ctl");
}


static void serve (void) {
  struct sockaddr_in a = {.sin_family = AF_INET,
                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof a;
  struct epoll_event events[BATCH];
  char data[65536];
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  int ep = epoll_create1(0);
  if (bind(fd, (struct sockaddr *)&a, n) < 0 || listen(fd, 4096) < 0 ||
      getsockname(fd, (struct sockaddr *)&a, &n) < 0)
    die("listen");
  printf("%d\n", ntohs(a.sin_port));
  fflush(stdout);
  watch(ep, fd);
  for (;;) {
    int count = epoll_wait(ep, events, BATCH, -1);
    for (int i = 0; i < count; i++) {
      int from = events[i].data.fd;
      if (from == fd) {
        int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK);
        if (conn >= 0) watch(ep, conn);
        continue;
      }
      ssize_t size = recv(from, data, sizeof data, 0);
      if (size <= 0 || send(from, data, (size_t)size, MSG_NOSIGNAL) != size)
        close(from);
    }
  }
}


static double now (void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}


static int dial (int port) {
  struct sockaddr_in a = {.sin_family = AF_INET,
                          .sin_port = htons((uint16_t)port),
                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) die("connect");
  return fd;
}


/* Answers of the first tenth of the time do not count. */
static void ask (int port, int connections, double seconds) {
  static char data[SIZE];
  struct epoll_event events[BATCH];
  int ep = epoll_create1(0);
  memset(data, 'x', SIZE - 1);
  data[SIZE - 1] = '\n';
  for (int i = 0; i < connections; i++) {
    int fd = dial(port);
    watch(ep, fd);
    if (send(fd, data, SIZE, 0) != SIZE) die("send");
  }
  double start = now() + seconds / 10, end = start + seconds;
  long answers = 0;
  for (double t = 0; t < end;) {
    int count = epoll_wait(ep, events, BATCH, 1000);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (recv(fd, data, SIZE, MSG_WAITALL) != SIZE) die("recv");
      if (send(fd, data, SIZE, 0) != SIZE) die("send");
    }
    t = now();
    if (t >= start) answers += count;
  }
  printf("%.0f\n", (double)answers / seconds);
}


int main (int argc, char **argv) {
  if (argc == 5)
    ask(atoi(argv[2]), atoi(argv[3]), atof(argv[4]));
  else
    serve();
  return 0;
}
