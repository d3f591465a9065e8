/*
** slot.c - The members of a family. See slot.h.
*/
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "slot.h"


SK_BIRTH Root *sk_root (void) {
  return sk_at(Root, *sk_arena_root());
}


int sk_root_open (void) {
  static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;
  int err = sk_arena_open();
  if (err != 0) return err;
  pthread_mutex_lock(&opening);
  if (*sk_arena_root() == 0) {
    Off *root = sk_arena_root();
    err = sk_arena_take(root, sizeof(Root)); /* untouched: all zeros */
    if (err == 0) err = sk_guard_init(&sk_root()->slotguard);
    if (err == 0) err = sk_guard_init(&sk_root()->sweepguard);
    if (err == 0) err = sk_guard_init(&sk_root()->refguard);
    if (err == 0) err = sk_guard_init(&sk_root()->vaultguard);
    if (err == 0) err = sk_guard_init(&sk_root()->loanguard);
    if (err == 0) sk_root()->reached = 1;
  }
  pthread_mutex_unlock(&opening);
  return err;
}


SK_BIRTH int64_t sk_slot_clock (void) {
  struct timespec ts;
  clock_gettime(CLOCK_BOOTTIME, &ts);
  return (int64_t)ts.tv_sec * SK_SECOND + ts.tv_nsec;
}


/* A death inside leaves at most a slot in state FREE with old words: fine. */
static void enter (Guard *g) {
  if (sk_guard_enter(g)) sk_guard_repaired(g);
}


/* All zeros, word by word: others may be looking at it. */
static void wipe (Slot *s) {
  typedef uint64_t __attribute__((may_alias)) Word;
  _Static_assert(sizeof(Slot) % sizeof(Word) == 0, "a slot is made of words");
  for (Word *w = (Word *)s; w < (Word *)(s + 1); w++)
    __atomic_store_n(w, 0, __ATOMIC_RELAXED);
}


int sk_slot_take (uint32_t maker, uint32_t *index) {
  Root *f = sk_root();
  int err = -EAGAIN;
  enter(&f->slotguard);
  uint32_t i = 1;
  while (i < sk_slot_reached() && sk_slot_state(&f->slot[i]) != SK_SLOT_FREE)
    i++;
  if (i < SK_SLOTS) {
    Slot *s = &f->slot[i];
    wipe(s);
    __atomic_store_n(&s->maker, maker, __ATOMIC_RELAXED);
    if (maker == 0) sk_slot_setpid(s, getpid());
    s->taken = sk_slot_clock();
    __atomic_store_n(&s->born, s->taken, __ATOMIC_RELAXED);
    if (i == f->reached) __atomic_store_n(&f->reached, i + 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&s->state, SK_SLOT_NEW, __ATOMIC_SEQ_CST);
    *index = i;
    err = 0;
  }
  sk_guard_leave(&f->slotguard);
  return err;
}


static uint32_t depth (const Slot *s) {
  return __atomic_load_n(&s->asleep, __ATOMIC_SEQ_CST);
}


/*
** Those who are rung here still count as asleep until they hear it: a member
** that is killed at its birth, between the two, is watched by nobody as yet,
** and who was left as awake would never be rung again.
*/
SK_BIRTH void sk_slot_rouseall (Member *m) {
  Root *f = sk_root();
  Bells bells = {0};
  __atomic_add_fetch(&f->changes, 1, __ATOMIC_SEQ_CST);
  for (uint32_t i = 1; i < sk_slot_reached(); i++) {
    if (i == m->index || depth(&f->slot[i]) < SK_ASLEEP_SHARED) continue;
    bells.slot[bells.count++] = i;
    if (bells.count == SK_COUNT(bells.slot)) sk_slot_ring(&bells);
  }
  sk_slot_ring(&bells);
}


void sk_slot_rest (Member *m) {
  uint32_t index = sk_slot_maker(m->slot);
  Slot *maker = sk_slot(index);
  Bells bells = {0};
  __atomic_add_fetch(&maker->rests, 1, __ATOMIC_SEQ_CST);
  if (depth(maker) != SK_ASLEEP_DOUBT) return;
  bells.slot[bells.count++] = index;
  sk_slot_ring(&bells);
}


bool sk_slot_rests (const Member *m, const Slot *s) {
  return sk_slot_state(s) == SK_SLOT_LIVE && sk_slot_maker(s) == m->index &&
         depth(s) == SK_ASLEEP_IDLE;
}


void sk_slot_name (uint32_t index, const char *kind, const char *name) {
  Slot *s = sk_slot(index);
  snprintf(s->kind, sizeof s->kind, "%s", kind);
  snprintf(s->name, sizeof s->name, "%s", name);
}


/* Word by word: another member may read it meanwhile, and gets some text. */
void sk_slot_say (Slot *s, const char *what, sk_time since, size_t tasks) {
  uint64_t words[SK_COUNT(s->doing.what)] = {0};
  memcpy(words, what, strnlen(what, sizeof words - 1));
  for (size_t i = 0; i < SK_COUNT(words); i++)
    __atomic_store_n(&s->doing.what[i], words[i], __ATOMIC_RELAXED);
  __atomic_store_n(&s->doing.since, since, __ATOMIC_RELAXED);
  __atomic_store_n(&s->doing.tasks, (uint32_t)tasks, __ATOMIC_RELAXED);
}


void sk_slot_hear (const Slot *s, Doing *heard) {
  for (size_t i = 0; i < SK_COUNT(heard->what); i++)
    heard->what[i] = __atomic_load_n(&s->doing.what[i], __ATOMIC_RELAXED);
  heard->since = __atomic_load_n(&s->doing.since, __ATOMIC_RELAXED);
  heard->tasks = __atomic_load_n(&s->doing.tasks, __ATOMIC_RELAXED);
}


/* What has that number by now began before now. */
SK_BIRTH void sk_slot_settle (Slot *s, int pid) {
  __atomic_store_n(&s->born, sk_slot_clock(), __ATOMIC_RELAXED);
  __atomic_store_n(&s->pid, pid, __ATOMIC_RELEASE);
}


SK_BIRTH void sk_slot_live (Member *m, int pid) {
  uint32_t new = SK_SLOT_NEW;
  sk_slot_settle(m->slot, pid); /* first: who dies here must be known */
  /* swept with its maker, which died: so does this process */
  if (!__atomic_compare_exchange_n(&m->slot->state, &new, SK_SLOT_LIVE, false,
                                   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
    raise(SIGKILL);
  sk_slot_rouseall(m); /* they want to watch this one too */
}


/*
** The doorbell: a datagram socket that the kernel names in the abstract
** space, so that it is nobody's file and dies with its process.
*/
int sk_slot_makebell (char *name, uint8_t *length) {
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  socklen_t size = sizeof a;
  if (bind(fd, (struct sockaddr *)&a, sizeof a.sun_family) != 0 ||
      getsockname(fd, (struct sockaddr *)&a, &size) != 0) {
    int err = -errno;
    close(fd);
    return err;
  }
  size -= (socklen_t)offsetof(struct sockaddr_un, sun_path);
  sk_assert(size <= 15);
  memcpy(name, a.sun_path, size);
  __atomic_store_n(length, (uint8_t)size, __ATOMIC_RELEASE);
  return fd;
}


int sk_slot_bell (Member *m) {
  if (m->bell >= 0) return m->bell;
  int fd = sk_slot_makebell(m->slot->bell, &m->slot->bellsize);
  if (fd >= 0) m->bell = fd;
  return fd;
}


SK_BIRTH void sk_slot_dropbell (Member *m) {
  if (m->bell >= 0) syscall(SYS_close, m->bell); /* see sk_spawn_tie */
  m->bell = -1;
}


void sk_slot_quiet (int bell) {
  char junk[16]; /* what is said does not matter, that it rang does */
  while (recv(bell, junk, sizeof junk, MSG_DONTWAIT) >= 0) continue;
}


void sk_slot_answer (Member *m) {
  sk_slot_quiet(m->bell);
}


static int ringer = -1; /* process-wide: what rings all bells */


int sk_slot_ringer (void) {
  static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
  int err = 0;
  pthread_mutex_lock(&making);
  if (ringer < 0) {
    ringer = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (ringer < 0) err = -errno;
  }
  pthread_mutex_unlock(&making);
  return err;
}


static void ring (const char *name, uint8_t length) {
  if (length == 0) return;
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  size_t size = offsetof(struct sockaddr_un, sun_path) + length;
  memcpy(a.sun_path, name, length);
  /* a full queue means that it is ringing; a refusal, that it is dead */
  while (sendto(ringer, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL,
                (struct sockaddr *)&a, (socklen_t)size) < 0 &&
         errno == EINTR)
    continue;
}


static void ringslot (const Slot *s) {
  ring(s->bell, __atomic_load_n(&s->bellsize, __ATOMIC_ACQUIRE));
}


bool sk_slot_isdeaf (const Ear *ear) {
  if (ear->slot == 0) return true;
  const Slot *s = sk_slot(ear->slot);
  return sk_slot_state(s) != SK_SLOT_LIVE || sk_slot_born(s) != ear->born;
}


static void ringears (Ear *ears) {
  for (Ear *e = ears; e < ears + SK_EARS; e++)
    if (!sk_slot_isdeaf(e) &&
        __atomic_exchange_n(&e->rung, 1, __ATOMIC_SEQ_CST) == 0)
      ring(e->name, e->size);
}


/* True: it slept, and the caller is the one who has to ring. */
static bool rouse (Slot *s) {
  if (__atomic_load_n(&s->asleep, __ATOMIC_SEQ_CST) == SK_AWAKE) return false;
  return __atomic_exchange_n(&s->asleep, SK_AWAKE, __ATOMIC_SEQ_CST) !=
         SK_AWAKE;
}


SK_BIRTH void sk_slot_ring (Bells *b) {
  for (uint32_t i = 0; i < b->count; i++) ringslot(sk_slot(b->slot[i]));
  b->count = 0;
  if (sk_unlikely(b->ears != NULL)) ringears(b->ears);
  b->ears = NULL;
  if (sk_likely(!b->more)) return;
  b->more = false;
  for (uint32_t i = 1; i < sk_slot_reached(); i++) {
    Slot *s = sk_slot(i);
    if (__atomic_load_n(&s->inbox, __ATOMIC_SEQ_CST) != 0 && rouse(s))
      ringslot(s);
  }
}


void sk_slot_alert (Bells *b, uint32_t slot) {
  if (b->count == SK_COUNT(b->slot))
    b->more = true;
  else if (rouse(sk_slot(slot)))
    b->slot[b->count++] = slot;
}


static int pidfdopen (int pid) {
  return (int)syscall(SYS_pidfd_open, pid, 0);
}


/* When the process began, in nanoseconds since boot; -1: unknown. */
static int64_t startof (int pid) {
  char path[40], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  if (n <= 0) return -1;
  text[n] = '\0';
  char *p = strrchr(text, ')'); /* the name may hold anything */
  for (int field = 2; p != NULL && field < 22; field++) p = strchr(p + 1, ' ');
  if (p == NULL) return -1;
  return (int64_t)strtoull(p, NULL, 10) * (SK_SECOND / sysconf(_SC_CLK_TCK));
}


int sk_slot_pidfd (const Slot *s) {
  int pid = sk_slot_pid(s);
  if (pid == 0) return -ESRCH;
  int fd = pidfdopen(pid);
  if (fd < 0) {
    int err = -errno;
    /* without a descriptor for it: it is gone if its number is */
    return kill(pid, 0) != 0 && errno == ESRCH ? -ESRCH : err;
  }
  if (startof(pid) > sk_slot_born(s) + SK_SECOND) { /* younger: another one */
    close(fd);
    return -ESRCH;
  }
  return fd;
}


int sk_slot_fate (const Slot *s) {
  if (sk_slot_pid(s) == 0) { /* nobody lives in it yet: its maker counts */
    const Slot *maker = sk_slot(sk_slot_maker(s));
    if (sk_slot_state(maker) == SK_SLOT_FREE ||
        sk_slot_born(maker) > sk_slot_born(s))
      return 1;
    if (sk_slot_pid(maker) == 0) return 0;
    s = maker;
  }
  int fd = sk_slot_pidfd(s);
  if (fd < 0) return fd == -ESRCH ? 1 : fd;
  struct pollfd p = {.fd = fd, .events = POLLIN};
  int gone = poll(&p, 1, 0) == 1;
  close(fd);
  return gone;
}


uint32_t sk_slot_stage (uint32_t n, uint32_t first, uint32_t *place) {
  uint32_t stage = 0, size = first;
  while (n >= size) {
    n -= size;
    size *= 2;
    stage++;
  }
  *place = n;
  return stage;
}


bool sk_slot_isalone (const Member *m) {
  Root *f = sk_root();
  for (uint32_t i = 1; i < sk_slot_reached(); i++)
    if (i != m->index && sk_slot_state(&f->slot[i]) != SK_SLOT_FREE)
      return false;
  return true;
}
