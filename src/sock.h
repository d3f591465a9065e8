/*
** sock.h - Sockets and their addresses: plain calls, none of which waits.
**
** An address is text on the outside: a host, which is a name or a number, and
** a port; or "unix:" and a path, where "@" begins an abstract name. Only
** 'sk_sock_resolve' may take long: it asks the resolver.
*/
#ifndef sk_sock_h
#define sk_sock_h

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "sk.h"

#define SK_HOST 256 /* bytes that the text of a host may need */

typedef struct SockAddr {
  socklen_t size;
  union {
    struct sockaddr any;
    struct sockaddr_un un;
    struct sockaddr_storage room;
  } at;
} SockAddr;

typedef enum SockFlags {
  SK_REUSEADDR = 1,
  SK_REUSEPORT = 2,
  SK_BROADCAST = 4,
  SK_V6ONLY = 8,
} SockFlags;

/* Of the path 'path', of 'n' bytes. 0 or -ENAMETOOLONG, -EINVAL. */
SK_FUNC int sk_sock_unix (const char *path, size_t n, SockAddr *a);
/* Of a number, without asking anybody. -ENOENT: it is a name. */
SK_FUNC int sk_sock_literal (const char *host, int port, SockAddr *a);
/* All of a host, in the order of preference; NULL: the one to listen at for
   everybody. A list to 'free', or NULL and what getaddrinfo says in '*err'. */
SK_FUNC SockAddr *sk_sock_resolve (const char *host, int port, size_t *n,
                                   int *err);

/* A new socket for 'a': non-blocking, close-on-exec. Or -errno. */
SK_FUNC int sk_sock_open (const SockAddr *a, int type);
/* 0, -EINPROGRESS, -EAGAIN (a local peer is busy), -errno. */
SK_FUNC int sk_sock_connect (int fd, const SockAddr *a);
/* How a connect ended that was in progress: 0 or -errno; -ETIME: nobody
   answered. */
SK_FUNC int sk_sock_error (int fd);
/* Small pieces are sent at once. Does nothing where that has no meaning. */
SK_FUNC void sk_sock_nodelay (int fd);
/* Bind it; a local path that is left of one who has died is taken. 0, -errno. */
SK_FUNC int sk_sock_bind (int fd, const SockAddr *a, unsigned flags);

SK_FUNC int sk_sock_name (int fd, SockAddr *a);
SK_FUNC int sk_sock_peer (int fd, SockAddr *a);
/* The text of 'a'; the port, or -1 where there is none. */
SK_FUNC int sk_sock_text (const SockAddr *a, char host[SK_HOST]);

#endif
