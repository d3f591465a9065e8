/*
** sock.c - Sockets and their addresses. See sock.h.
*/
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sock.h"


/* ---- addresses ---- */

int sk_sock_unix (const char *path, size_t n, SockAddr *a) {
  bool abstract = n > 0 && *path == '@';
  if (n == 0) return -EINVAL;
  if (n >= sizeof a->at.un.sun_path) return -ENAMETOOLONG;
  if (!abstract && memchr(path, 0, n) != NULL) return -EINVAL;
  *a = (SockAddr){0};
  a->at.un.sun_family = AF_UNIX;
  memcpy(a->at.un.sun_path, path, n);
  if (abstract) a->at.un.sun_path[0] = '\0';
  a->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
  if (!abstract) a->size++;
  return 0;
}


static SockAddr copy (const struct addrinfo *i) {
  SockAddr a = {.size = i->ai_addrlen};
  memcpy(&a.at, i->ai_addr, i->ai_addrlen);
  return a;
}


static int lookup (const char *host, int port, int flags,
                   struct addrinfo **list) {
  const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                 .ai_flags = flags | AI_NUMERICSERV};
  char service[16];
  snprintf(service, sizeof service, "%d", port);
  return getaddrinfo(host, service, &hints, list);
}


int sk_sock_literal (const char *host, int port, SockAddr *a) {
  struct addrinfo *list;
  int err = lookup(host, port, AI_NUMERICHOST, &list);
  if (err == EAI_MEMORY) return -ENOMEM;
  if (err != 0) return -ENOENT;
  *a = copy(list);
  freeaddrinfo(list);
  return 0;
}


/* The families take turns, so that one that leads nowhere costs little. */
static void shuffle (SockAddr *a, size_t n) {
  for (size_t i = 1; i < n; i++) {
    size_t j = i;
    while (j < n && a[j].at.any.sa_family == a[i - 1].at.any.sa_family) j++;
    if (j == n) return;
    SockAddr other = a[j];
    memmove(a + i + 1, a + i, (j - i) * sizeof *a);
    a[i] = other;
  }
}


SockAddr *sk_sock_resolve (const char *host, int port, size_t *n, int *err) {
  struct addrinfo *list, *i;
  *n = 0;
  *err = lookup(host, port, host == NULL ? AI_PASSIVE : 0, &list);
  if (*err != 0) return NULL;
  for (i = list; i != NULL; i = i->ai_next) ++*n;
  SockAddr *all = malloc(*n * sizeof *all), *a = all;
  if (all != NULL)
    for (i = list; i != NULL; i = i->ai_next) *a++ = copy(i);
  else
    *err = EAI_MEMORY;
  freeaddrinfo(list);
  if (all != NULL) shuffle(all, *n);
  return all;
}


static int textunix (const SockAddr *a, char host[SK_HOST]) {
  const char *path = a->at.un.sun_path;
  size_t head = offsetof(struct sockaddr_un, sun_path);
  size_t n = a->size > head ? a->size - head : 0;
  bool abstract = n > 0 && *path == '\0';
  if (!abstract) n = strnlen(path, n);
  memcpy(host, "unix:", 5);
  if (n > 0) memcpy(host + 5, path, n);
  if (abstract) host[5] = '@';
  host[5 + n] = '\0';
  return -1;
}


int sk_sock_text (const SockAddr *a, char host[SK_HOST]) {
  char port[16] = "0";
  *host = '\0';
  if (a->at.any.sa_family == AF_UNIX) return textunix(a, host);
  getnameinfo(&a->at.any, a->size, host, SK_HOST, port, sizeof port,
              NI_NUMERICHOST | NI_NUMERICSERV | NI_DGRAM);
  return atoi(port);
}


/* ---- sockets ---- */

int sk_sock_open (const SockAddr *a, int type) {
  int fd = socket(a->at.any.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  return fd < 0 ? -errno : fd;
}


int sk_sock_connect (int fd, const SockAddr *a) {
  if (connect(fd, &a->at.any, a->size) == 0) return 0;
  return errno == EINTR ? -EINPROGRESS : -errno;
}


int sk_sock_error (int fd) {
  int err = 0;
  socklen_t n = sizeof err;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n) < 0) return -errno;
  return err == ETIMEDOUT ? -ETIME : -err;
}


static int set (int fd, int level, int name) {
  int on = 1;
  return setsockopt(fd, level, name, &on, sizeof on) < 0 ? -errno : 0;
}


void sk_sock_nodelay (int fd) {
  set(fd, IPPROTO_TCP, TCP_NODELAY);
}


static int setflags (int fd, unsigned flags) {
  static const struct {
    unsigned flag;
    int level, name;
  } options[] = {{SK_REUSEADDR, SOL_SOCKET, SO_REUSEADDR},
                 {SK_REUSEPORT, SOL_SOCKET, SO_REUSEPORT},
                 {SK_BROADCAST, SOL_SOCKET, SO_BROADCAST},
                 {SK_V6ONLY, IPPROTO_IPV6, IPV6_V6ONLY}};
  for (size_t i = 0; i < SK_COUNT(options); i++) {
    int err = 0;
    if (flags & options[i].flag)
      err = set(fd, options[i].level, options[i].name);
    if (err < 0) return err;
  }
  return 0;
}


/* The socket of that path, of which nobody hears any more, goes. */
static bool clear (const SockAddr *a) {
  struct stat s;
  const char *path = a->at.un.sun_path;
  if (a->at.any.sa_family != AF_UNIX || *path == '\0') return false;
  if (lstat(path, &s) < 0 || !S_ISSOCK(s.st_mode)) return false;
  int fd = sk_sock_open(a, SOCK_STREAM);
  if (fd < 0) return false;
  int err = sk_sock_connect(fd, a);
  close(fd);
  return err == -ECONNREFUSED && unlink(path) == 0;
}


int sk_sock_bind (int fd, const SockAddr *a, unsigned flags) {
  if (a->at.any.sa_family == AF_UNIX) flags = 0;
  int err = setflags(fd, flags);
  if (err < 0) return err;
  if (bind(fd, &a->at.any, a->size) == 0) return 0;
  if (errno != EADDRINUSE || !clear(a)) return -errno;
  return bind(fd, &a->at.any, a->size) == 0 ? 0 : -errno;
}


int sk_sock_name (int fd, SockAddr *a) {
  *a = (SockAddr){.size = sizeof a->at};
  return getsockname(fd, &a->at.any, &a->size) < 0 ? -errno : 0;
}


int sk_sock_peer (int fd, SockAddr *a) {
  *a = (SockAddr){.size = sizeof a->at};
  return getpeername(fd, &a->at.any, &a->size) < 0 ? -errno : 0;
}
