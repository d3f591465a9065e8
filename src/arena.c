/*
** arena.c - The memory that all processes of a family share. See arena.h.
*/
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"

#define MAGIC UINT64_C(0x31306e69656b73) /* "skein01" */
#define LARGEST (UINT64_C(64) << 30)     /* what is reserved at most ... */
#define SMALLEST (UINT64_C(16) << 20)    /* ... and at least */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define CLASSES 160
#define PAGE UINT64_C(4096)
#define LARGE (UINT64_C(32) << 10) /* free blocks from here lose their pages */
#define KEEP (UINT64_C(32) << 20)  /* ... but for so many bytes of them */

typedef struct Block { /* what stands in front of each block */
  Off owner;           /* the word that owns it; 0 = free */
  uint32_t class;
  uint32_t kept; /* free, large, and still has its pages */
  Off next[];    /* of a free block */
} Block;

enum { IDLE, TAKE, FRESH, GIVE };

typedef struct Arena {
  uint64_t magic, size;
  Guard guard;
  Off root;
  Off top;           /* where untouched memory begins */
  Off free[CLASSES]; /* first free block of each class */
  uint64_t used;     /* bytes in blocks that are owned */
  uint64_t kept;     /* bytes of large free blocks with pages */
  struct {
    uint32_t op, class; /* what is being done */
    uint32_t keeps;     /* a block given back: its pages */
    Off block, word;
    uint64_t used; /* before that */
    uint64_t kept; /* after that */
  } log;
} Arena;

char *sk_arena_base; /* process-wide, as is the mapping */
static int arena_fd = -1;
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

#define arena ((Arena *)(void *)sk_arena_base)
#define block(off) (sk_at(Block, (off)) - 1)


/*
** Sizes: multiples of 16 up to 128, then four to each doubling. Both of
** these speak of whole blocks, header included.
*/
static size_t classsize (uint32_t c) {
  if (c < 8) return 16 * ((size_t)c + 1);
  return (size_t)(5 + (c & 3)) << (5 + (c - 8) / 4);
}


static uint32_t classof (size_t size) {
  if (size <= 128) return (uint32_t)((size + 15) / 16 - 1);
  unsigned log2 = 63u - (unsigned)__builtin_clzll((uint64_t)size - 1);
  uint64_t quarter = (uint64_t)(size - 1) >> (log2 - 2); /* 4 .. 7 */
  return 8 + (log2 - 7) * 4 + (uint32_t)(quarter - 4);
}


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


static int create (void) {
  int fd = memfd_create("skein", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -errno;
  uint64_t size = reserve();
  char *base = map(fd, size);
  while (base == NULL && size > SMALLEST) base = map(fd, size /= 2);
  int err = base == NULL || ftruncate(fd, (off_t)size) != 0 ? -errno : 0;
  if (err != 0) {
    if (base != NULL) munmap(base, size);
    close(fd);
    return err;
  }
  fcntl(fd, F_ADD_SEALS, SEALS);
  Arena *a = (Arena *)(void *)base;
  a->size = size;
  a->top = (sizeof(Arena) + 63) / 64 * 64;
  err = sk_guard_init(&a->guard);
  a->magic = MAGIC;
  sk_arena_base = base;
  arena_fd = fd;
  return err;
}


int sk_arena_open (void) {
  pthread_mutex_lock(&opening);
  int err = sk_arena_base == NULL ? create() : 0;
  pthread_mutex_unlock(&opening);
  return err;
}


/* Is it a file of ours? Nobody can make it another size under our feet. */
static bool issealed (int fd, uint64_t size) {
  struct stat st;
  return fstat(fd, &st) == 0 && (uint64_t)st.st_size == size &&
         (fcntl(fd, F_GET_SEALS) & SEALS) == SEALS;
}


int sk_arena_attach (int fd) {
  uint64_t head[2];
  if (pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head) return -EINVAL;
  if (head[0] != MAGIC || !issealed(fd, head[1])) return -EINVAL;
  char *base = map(fd, head[1]);
  if (base == NULL) return -errno;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  sk_arena_base = base;
  arena_fd = fd;
  return 0;
}


int sk_arena_fd (void) {
  return arena_fd;
}


Off *sk_arena_root (void) {
  return &arena->root;
}


uint64_t sk_arena_used (void) {
  return sk_arena_base != NULL ? arena->used : 0;
}


uint64_t sk_arena_top (void) {
  return sk_arena_base != NULL ? arena->top : 0;
}


/* Finish or undo what the dead owner of the guard was doing. */
static void repair (void) {
  Off b = arena->log.block, *word = sk_at(Off, arena->log.word);
  uint32_t c = arena->log.class;
  switch (arena->log.op) {
  case TAKE:
  case FRESH:
    if (arena->log.op == TAKE ? arena->free[c] != b
                              : arena->top != b - sizeof(Block)) {
      arena->used = arena->log.used + classsize(c); /* it was done */
      arena->kept = arena->log.kept;
      block(b)->kept = 0;
    }
    else {
      if (*word == b) *word = 0;
      if (arena->log.op == TAKE) block(b)->owner = 0;
      arena->used = arena->log.used;
    }
    break;
  case GIVE:
    if (arena->free[c] != b) {
      block(b)->next[0] = arena->free[c];
      arena->free[c] = b;
    }
    block(b)->owner = 0;
    block(b)->kept = arena->log.keeps;
    arena->kept = arena->log.kept;
    if (*word == b) *word = 0;
    arena->used = arena->log.used - classsize(c);
    break;
  }
  arena->log.op = IDLE;
}


static void enter (void) {
  if (sk_unlikely(sk_guard_enter(&arena->guard))) {
    repair();
    sk_guard_repaired(&arena->guard);
  }
}


void sk_arena_mend (void) {
  enter();
  sk_guard_leave(&arena->guard);
}


static void note (uint32_t op, uint32_t class, Off b, const Off *word,
                  bool keeps) {
  arena->log.class = class;
  arena->log.block = b;
  arena->log.word = sk_off(word);
  arena->log.used = arena->used;
  arena->log.keeps = keeps;
  arena->log.kept = arena->kept;
  if (op == TAKE && block(b)->kept) arena->log.kept -= classsize(class);
  if (op == GIVE && keeps) arena->log.kept += classsize(class);
  __atomic_store_n(&arena->log.op, op, __ATOMIC_RELEASE);
  sk_step();
}


/* Take the first free block of class 'c'. */
static void takefree (Off *word, uint32_t c) {
  Off b = arena->free[c];
  note(TAKE, c, b, word, false);
  block(b)->owner = sk_off(word);
  *word = b;
  sk_step();
  arena->free[c] = block(b)->next[0];
  sk_step();
  block(b)->kept = 0;
  arena->kept = arena->log.kept;
}


static int takefresh (Off *word, uint32_t c, size_t size) {
  if (size > arena->size - arena->top) return -ENOMEM;
  Off b = arena->top + sizeof(Block);
  note(FRESH, c, b, word, false);
  block(b)->owner = sk_off(word);
  block(b)->class = c;
  block(b)->kept = 0;
  *word = b;
  sk_step();
  arena->top += size;
  sk_step();
  return 0;
}


/* Under the guard: a block of class 'c' into '*word'. */
static int take (Off *word, uint32_t c) {
  size_t size = classsize(c);
  int err = 0;
  if (arena->free[c] != 0)
    takefree(word, c);
  else
    err = takefresh(word, c, size);
  if (err == 0) arena->used += size;
  arena->log.op = IDLE;
  return err;
}


uint32_t sk_arena_class (size_t size) {
  /* room for the link of a free block */
  return classof((size < sizeof(Off) ? sizeof(Off) : size) + sizeof(Block));
}


uint32_t sk_arena_classof (Off b) {
  return block(b)->class;
}


int sk_arena_take (Off *word, size_t size) {
  if (size > LARGEST) return -ENOMEM;
  enter();
  int err = take(word, sk_arena_class(size));
  sk_guard_leave(&arena->guard);
  return err;
}


/* Let go of the whole pages between two places: they read as zero. */
static bool hollow (Off from, Off to) {
  return fallocate(arena_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                   (off_t)from, (off_t)(to - from)) == 0;
}


/* Let go of the pages of a large block, all but the one with its header. */
static void punch (Off b, size_t size) {
  Off from = (b + sizeof(Off) + PAGE - 1) / PAGE * PAGE;
  Off to = (b - sizeof(Block) + size) / PAGE * PAGE;
  if (to > from) hollow(from, to);
}


void sk_arena_clear (Off b, size_t size) {
  Off end = b + size, from = (b + PAGE - 1) / PAGE * PAGE;
  Off to = end / PAGE * PAGE;
  if (size < LARGE || !hollow(from, to)) from = to = end;
  memset(sk_at(char, b), 0, from - b);
  memset(sk_at(char, to), 0, end - to);
}


/* Under the guard: free what '*word' owns; 'keep': with its pages. */
static void give (Off *word, bool keep) {
  Off b = *word;
  uint32_t c = block(b)->class;
  size_t size = classsize(c);
  note(GIVE, c, b, word, keep && size >= LARGE);
  block(b)->kept = keep && size >= LARGE;
  arena->kept = arena->log.kept;
  block(b)->owner = 0;
  block(b)->next[0] = arena->free[c];
  sk_step();
  arena->free[c] = b;
  sk_step();
  *word = 0;
  arena->used -= size;
  arena->log.op = IDLE;
}


/* Is there room for pages that are kept? From outside of the guard a glance:
   whichever it is, all is well. */
__attribute__((noinline)) static bool isroom (size_t size) {
  return size < LARGE || arena->kept + size <= KEEP;
}


void sk_arena_give (Off *word) {
  Off b = *word;
  if (b == 0) return;
  if (!sk_arena_owns(word)) { /* it has moved on */
    *word = 0;
    return;
  }
  uint32_t c = block(b)->class;
  size_t size = classsize(c);
  bool keep = isroom(size);
  if (!keep) punch(b, size); /* still ours: nobody else looks at it */
  enter();
  if (!sk_arena_owns(word)) { /* it was half taken, and that was undone */
    *word = 0;
    sk_guard_leave(&arena->guard);
    return;
  }
  give(word, keep);
  sk_guard_leave(&arena->guard);
}


/* ---- chains ---- */

void sk_arena_push (Off *head, Off *word) {
  Off b = *word;
  block(b)->next[0] = *head;
  sk_step();
  *head = b;
  sk_step();
  block(b)->owner = 0; /* here it is in the chain */
  sk_step();
  *word = 0;
}


void sk_arena_pop (Off *word, Off *head) {
  Off b = *head;
  *word = b;
  sk_step();
  sk_arena_own(b, word); /* here it is not any more */
  *head = block(b)->next[0];
  sk_step();
}


void sk_arena_mendchain (Off *head) {
  if (*head != 0 && block(*head)->owner != 0) *head = block(*head)->next[0];
}


uint32_t sk_arena_stock (Off *head, Off *via, uint32_t c, uint32_t n) {
  uint32_t done = 0;
  enter();
  for (; done < n && take(via, c) == 0; done++) sk_arena_push(head, via);
  sk_guard_leave(&arena->guard);
  return done;
}


void sk_arena_unstock (Off *head, Off *via, uint32_t n) {
  enter();
  for (; n > 0 && *head != 0; n--) {
    sk_arena_pop(via, head);
    give(via, true);
  }
  sk_guard_leave(&arena->guard);
}


size_t sk_arena_room (Off b) {
  return classsize(block(b)->class) - sizeof(Block);
}


bool sk_arena_owns (const Off *word) {
  return *word != 0 && block(*word)->owner == sk_off(word);
}


void sk_arena_own (Off b, const Off *word) {
  __atomic_store_n(&block(b)->owner, sk_off(word), __ATOMIC_RELEASE);
  sk_step();
}


Off sk_arena_owner (Off b) {
  return block(b)->owner;
}


void sk_arena_move (Off *to, Off *from) {
  __atomic_store_n(to, *from, __ATOMIC_RELEASE); /* with what is inside */
  sk_step();
  if (*to != 0) sk_arena_own(*to, to);
  *from = 0;
  sk_step();
}
