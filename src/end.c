/*
** end.c - Our ends of the pipes of a child. See end.h.
*/
#include <sys/stat.h>
#include <unistd.h>

#include "end.h"
#include "fdio.h"


static uint64_t inode (int fd) {
  struct stat st;
  return fd >= 0 && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) ? st.st_ino : 0;
}


void sk_end_set (End *e, int fd, bool pumped) {
  *e = (End){fd, pumped, inode(fd)};
}


bool sk_end_is (const End *e) {
  return e->ino != 0 && inode(e->fd) == e->ino;
}


void sk_end_close (End *e) {
  if (sk_end_is(e)) close(e->fd);
  e->ino = 0;
}


void sk_end_spill (End *e) {
  char chunk[4096];
  ssize_t n = sk_fdio_read(e->fd, chunk, sizeof chunk);
  if (n == 0 || (n < 0 && n != -EAGAIN)) sk_end_close(e);
}
