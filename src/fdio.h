/*
** fdio.h - Reading and writing descriptors: how many bytes, or -errno.
** Interrupted calls are made again, and nobody hears SIGPIPE. Plain C.
*/
#ifndef sk_fdio_h
#define sk_fdio_h

#include <sys/types.h>

#include "sk.h"

SK_FUNC ssize_t sk_fdio_read (int fd, void *to, size_t size);
SK_FUNC ssize_t sk_fdio_write (int fd, const void *from, size_t size);

#endif
