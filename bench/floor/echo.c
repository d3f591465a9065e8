/*
** echo.c - The smallest server of bench/net.lua. See floor.h.
*/
#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "floor.h"


static void watch (int poller, int fd) {
  struct epoll_event event = {.events = EPOLLIN};
  event.data.fd = fd;
  epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}


static void answer (int fd) {
  char data[4096];
  ssize_t n = read(fd, data, sizeof data);
  if (n <= 0 || write(fd, data, (size_t)n) != n) close(fd);
}


/* floor.echo(port) - gives back what comes, for ever */
static int echo (lua_State *L) {
  struct sockaddr_in at = {.sin_family = AF_INET};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons((uint16_t)luaL_checkinteger(L, 1));
  int fd = socket(AF_INET, SOCK_STREAM, 0), poller = epoll_create1(0);
  if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 128) < 0)
    return luaL_error(L, "cannot listen");
  watch(poller, fd);
  for (;;) {
    struct epoll_event ready[64];
    int n = epoll_wait(poller, ready, 64, -1);
    for (int i = 0; i < n; i++) {
      if (ready[i].data.fd == fd)
        watch(poller, accept(fd, NULL, NULL));
      else
        answer(ready[i].data.fd);
    }
  }
}


const luaL_Reg floor_net[] = {{"echo", echo}, {NULL, NULL}};
