/*
** mapping.c - One anonymous file in memory. See mapping.h.
*/
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mapping.h"

#define MAGIC UINT64_C(0x31306e69656b73) /* "skein01" */
#define LARGEST (UINT64_C(64) << 30)     /* what is reserved at most ... */
#define SMALLEST (UINT64_C(16) << 20)    /* ... and at least */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

char *sk_mapping_base; /* process-wide, as is the mapping */
static int mapping_fd = -1;


/* The most that may be reserved under this process's own limits. */
static uint64_t reserve (void) {
  uint64_t size = LARGEST;
  struct rlimit r;
  if (getrlimit(RLIMIT_AS, &r) == 0 && r.rlim_cur != RLIM_INFINITY)
    while (size > SMALLEST && size > r.rlim_cur / 2) size /= 2;
  /* a file larger than this limit would raise SIGXFSZ */
  if (getrlimit(RLIMIT_FSIZE, &r) == 0 && r.rlim_cur != RLIM_INFINITY)
    while (size > SMALLEST && size > r.rlim_cur) size /= 2;
  return size;
}


static char *map (int fd, uint64_t size) {
  void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                 fd, 0);
  if (p == MAP_FAILED) return NULL;
  madvise(p, size, MADV_DONTDUMP);
  return p;
}


int sk_mapping_make (void) {
  int fd = memfd_create("skein", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -errno;
  uint64_t size = reserve();
  char *base = map(fd, size);
  while (base == NULL && size > SMALLEST) base = map(fd, size /= 2);
  if (base == NULL || ftruncate(fd, (off_t)size) != 0) {
    int err = -errno;
    if (base != NULL) munmap(base, size);
    close(fd);
    return err;
  }
  fcntl(fd, F_ADD_SEALS, SEALS);
  *(Mapping *)(void *)base = (Mapping){MAGIC, size};
  sk_mapping_base = base;
  mapping_fd = fd;
  return 0;
}


/* Is it a file of ours, and of this size for ever? */
static bool issealed (int fd, uint64_t size) {
  struct stat st;
  return fstat(fd, &st) == 0 && (uint64_t)st.st_size == size &&
         (fcntl(fd, F_GET_SEALS) & SEALS) == SEALS;
}


int sk_mapping_attach (int fd) {
  Mapping head;
  if (pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head) return -EINVAL;
  if (head.magic != MAGIC || !issealed(fd, head.size)) return -EINVAL;
  char *base = map(fd, head.size);
  if (base == NULL) return -errno;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  sk_mapping_base = base;
  mapping_fd = fd;
  return 0;
}


int sk_mapping_fd (void) {
  return mapping_fd;
}


bool sk_mapping_punch (Off from, Off to) {
  return fallocate(mapping_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                   (off_t)from, (off_t)(to - from)) == 0;
}


uint64_t sk_mapping_pages (void) {
  struct stat st;
  return fstat(mapping_fd, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}
