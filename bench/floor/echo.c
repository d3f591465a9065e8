/*
** echo.c - The smallest servers of bench/net.lua. See floor.h.
*/
#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <string.h>
#include <unistd.h>

#include "floor.h"

static const char HELLO[] = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n"
                            "Content-Type: text/plain\r\n\r\nHello, world!\n";


static void watch (int poller, int fd) {
  struct epoll_event event = {.events = EPOLLIN};
  event.data.fd = fd;
  epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}


/* Give back what came, or greet who has asked. */
static void answer (int fd, const char *greeting) {
  char data[4096];
  ssize_t n = read(fd, data, sizeof data);
  if (greeting != NULL && n > 0) {
    n = (ssize_t)strlen(greeting);
    memcpy(data, greeting, (size_t)n);
  }
  if (n <= 0 || write(fd, data, (size_t)n) != n) close(fd);
}


static int serve (lua_State *L, const char *greeting) {
  struct sockaddr_in at = {.sin_family = AF_INET};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons((uint16_t)luaL_checkinteger(L, 1));
  int fd = socket(AF_INET, SOCK_STREAM, 0), poller = epoll_create1(0);
  if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 4096) < 0)
    return luaL_error(L, "cannot listen");
  watch(poller, fd);
  for (;;) {
    struct epoll_event ready[64];
    int n = epoll_wait(poller, ready, 64, -1);
    for (int i = 0; i < n; i++) {
      if (ready[i].data.fd == fd)
        watch(poller, accept(fd, NULL, NULL));
      else
        answer(ready[i].data.fd, greeting);
    }
  }
}


/* floor.echo(port) - gives back what comes, for ever */
static int echo (lua_State *L) {
  return serve(L, NULL);
}


/* floor.http(port) - the same answer to whatever comes, for ever */
static int http (lua_State *L) {
  return serve(L, HELLO);
}


const luaL_Reg floor_net[] = {{"echo", echo}, {"http", http}, {NULL, NULL}};
