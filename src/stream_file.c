/*
** stream_file.c - Files as streams. See stream.h.
**
** The kernel does not tell when a file can be read without a wait: other
** threads (offload.h) wait for the disk. Each stream has at most one errand that
** reads, ahead of what was asked for, and one that writes. They belong to the
** stream and not to the task, so a task that gives up loses nothing. Where the
** page is in memory already, a file is read on the spot.
**
** The place in the file is the stream's own: 'at' is the next byte that will
** be read ahead or written.
*/
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "stream.h"

#define AHEAD ((size_t)256 << 10) /* bytes that one errand reads */
#define BEHIND ((size_t)1 << 20)  /* bytes that one errand writes at most */

typedef struct Transfer { /* an errand */
  Errand errand;
  Stream *st;
  int fd;
  bool owner;  /* the stream was closed: the errand closes 'fd' */
  bool append; /* at the end, wherever that is */
  int64_t at;
  size_t size; /* bytes wanted, or to write */
  size_t from; /* of those read: handed on already */
  ssize_t n;   /* read or written, or -errno */
  char bytes[];
} Transfer;

typedef struct File {
  int64_t at;
  uint32_t epoch; /* of the scheduler: a fork leaves the errands behind */
  bool append;
  bool blind;        /* the file system cannot say what is in memory */
  int failed;        /* -errno of a write that is not told yet */
  Transfer *reading; /* under way, or read and not handed on ... */
  bool read;         /* ... that is, it is back */
  Transfer *writing; /* under way */
} File;


/* ---- errands ---- */

static void drop (Errand *e) {
  Transfer *t = sk_container(e, Transfer, errand);
  if (t->owner) close(t->fd);
  free(t);
}


static void runread (Errand *e) {
  Transfer *t = sk_container(e, Transfer, errand);
  do t->n = pread(t->fd, t->bytes, t->size, t->at);
  while (t->n < 0 && errno == EINTR);
  if (t->n < 0) t->n = -errno;
}


static void runwrite (Errand *e) {
  Transfer *t = sk_container(e, Transfer, errand);
  for (size_t done = 0; done < t->size;) {
    const char *from = t->bytes + done;
    size_t left = t->size - done;
    ssize_t n = t->append ? write(t->fd, from, left)
                          : pwrite(t->fd, from, left, t->at + (off_t)done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      t->n = -errno;
      return;
    }
    done += (size_t)n;
  }
  if (t->append) t->at = lseek(t->fd, 0, SEEK_CUR); /* behind what it wrote */
  t->n = (ssize_t)t->size;
}


static void onread (Errand *e) {
  Stream *st = sk_container(e, Transfer, errand)->st;
  File *f = st->more;
  f->read = true;
  sk_stream_serveread(st);
}


static void onwritten (Errand *e) {
  Transfer *t = sk_container(e, Transfer, errand);
  Stream *st = t->st;
  File *f = st->more;
  if (t->n < 0) f->failed = (int)t->n;
  if (t->n >= 0 && t->append && t->at >= 0 && f->reading == NULL) f->at = t->at;
  f->writing = NULL;
  free(t);
  sk_stream_servewrite(st);
}


static Transfer *newtransfer (Stream *st, const File *f, size_t size) {
  Transfer *t = malloc(sizeof *t + size);
  if (t == NULL) return NULL;
  *t = (Transfer){.errand = {.drop = drop}, .st = st, .fd = st->watch.fd};
  t->at = f->at;
  t->append = f->append;
  t->size = size;
  return t;
}


/* ---- the file ---- */

/* In a forked child the errands of the parent are not under way. */
static File *fileof (Stream *st) {
  File *f = st->more;
  if (f->epoch != st->S->epoch) {
    f->epoch = st->S->epoch;
    if (!f->read) f->reading = NULL;
    f->writing = NULL;
  }
  return f;
}


/* Hand on what an errand has read. */
static ssize_t receive (File *f, char *to, size_t size) {
  Transfer *t = f->reading;
  ssize_t n = t->n;
  if (n > 0) {
    size_t rest = (size_t)n - t->from;
    if (size > rest) size = rest;
    memcpy(to, t->bytes + t->from, size);
    t->from += size;
    f->at += (int64_t)size;
    if (size < rest) return (ssize_t)size;
    n = (ssize_t)size;
  }
  free(t);
  f->reading = NULL;
  f->read = false;
  return n;
}


/* Read what is in memory. -EAGAIN: it is not, or nobody knows. */
static ssize_t peek (const Stream *st, File *f, char *to, size_t size) {
  struct iovec v = {to, size};
  if (f->blind) return -EAGAIN;
  ssize_t n = preadv2(st->watch.fd, &v, 1, f->at, RWF_NOWAIT);
  if (n >= 0) {
    f->at += n;
    return n;
  }
  if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)
    f->blind = true;
  return -EAGAIN;
}


static ssize_t readfile (Stream *st, char *to, size_t size) {
  File *f = fileof(st);
  if (f->read) return receive(f, to, size);
  if (f->reading != NULL) return -EAGAIN;
  ssize_t n = st->paused ? -EAGAIN : peek(st, f, to, size);
  if (n != -EAGAIN) return n;
  st->paused = false;
  Transfer *t = newtransfer(st, f, AHEAD);
  if (t == NULL) return -ENOMEM;
  t->errand.run = runread;
  t->errand.done = onread;
  int err = sk_sched_offload(st->S, &t->errand);
  if (err < 0) {
    free(t);
    return err;
  }
  f->reading = t;
  return -EAGAIN;
}


/* What was read ahead was not asked for: the place is in front of it. */
static void turnback (Stream *st, File *f) {
  f->at -= (int64_t)sk_inbuf_size(&st->in);
  sk_inbuf_take(&st->in, &st->S->inbuf, sk_inbuf_size(&st->in));
  if (f->read)
    free(f->reading);
  else if (f->reading != NULL)
    sk_offload_abandon(&f->reading->errand);
  f->reading = NULL;
  f->read = false;
  st->ended = st->told = false;
}


static int flushfile (Stream *st) {
  File *f = fileof(st);
  int failed = f->failed;
  if (f->writing != NULL) return -EAGAIN;
  f->failed = 0;
  return failed;
}


static ssize_t writefile (Stream *st, const char *from, size_t size) {
  File *f = fileof(st);
  int err = flushfile(st);
  if (err < 0) return err;
  if (sk_stream_isread(st)) return -EBUSY; /* it is at that place */
  turnback(st, f);
  if (size > BEHIND) size = BEHIND;
  Transfer *t = newtransfer(st, f, size);
  if (t == NULL) return -ENOMEM;
  memcpy(t->bytes, from, size);
  t->errand.run = runwrite;
  t->errand.done = onwritten;
  err = sk_sched_offload(st->S, &t->errand);
  if (err < 0) {
    free(t);
    return err;
  }
  f->writing = t;
  f->at += (int64_t)size;
  return (ssize_t)size;
}


int64_t sk_stream_seek (Stream *st, int64_t offset, int whence) {
  if (!st->open) return -EPIPE;
  if (st->kind != &sk_stream_file) return -ESPIPE;
  File *f = fileof(st);
  if (f->writing != NULL || sk_stream_isread(st)) return -EBUSY;
  int64_t at = f->at - (int64_t)sk_inbuf_size(&st->in);
  if (whence == SEEK_END) {
    at = lseek(st->watch.fd, 0, SEEK_END);
    if (at < 0) return -errno;
  }
  if (whence == SEEK_SET) at = 0;
  if (offset > 0 ? at > INT64_MAX - offset : at + offset < 0) return -EINVAL;
  turnback(st, f);
  f->at = at + offset;
  return f->at;
}


/* What is being written will be; then the errand closes the descriptor. */
static void closefile (Stream *st) {
  File *f = fileof(st);
  Transfer *w = f->writing;
  turnback(st, f);
  if (w != NULL) {
    w->owner = true;
    sk_offload_detach(&w->errand);
  }
  else
    close(st->watch.fd);
  free(f);
  st->more = NULL;
}


int sk_stream_makefile (Stream *st, int fd) {
  int flags = fcntl(fd, F_GETFL);
  File *f = flags >= 0 ? calloc(1, sizeof *f) : NULL;
  if (f == NULL) return flags < 0 ? -errno : -ENOMEM;
  off_t at = lseek(fd, 0, SEEK_CUR);
  f->at = at > 0 ? at : 0;
  f->append = (flags & O_APPEND) != 0;
  f->epoch = st->S->epoch;
  st->more = f;
  return 0;
}


const StreamKind sk_stream_file = {.read = readfile,
                                   .write = writefile,
                                   .flush = flushfile,
                                   .close = closefile};
