/*
** threads.c - What the family shares, below Lua: threads of one process, each a
** member with a slot of its own, put, get, count, look up, hold and let go, for
** helgrind, which checks how mutexes are used, and in what order. What changes
** hands by an atomic, as locks do, it does not see: that is for 'make tsan'.
**
**   threads [ROUNDS]
*/
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "../../src/dict.h"
#include "../../src/queue.h"
#include "../../src/semaphore.h"
#include "../../src/stock.h"
#include "../../src/sweep.h"

#define MEMBERS 4

static Queue *queue;
static Semaphore *semaphore;
static Dict *dict;
static long rounds = 200;
static long got[MEMBERS]; /* the sum of what each of them got */

#define check(what) ((what) ? (void)0 : fail(#what, __LINE__))


static void fail (const char *what, int line) {
  fprintf(stderr, "threads: line %d: %s\n", line, what);
  abort();
}


static Member join (void) {
  uint32_t index;
  check(sk_slot_take(0, &index) == 0);
  Member m = {.bell = -1, .index = index, .slot = sk_slot(index)};
  sk_slot_live(&m);
  return m;
}


static void leave (Member *m) {
  sk_stock_flush(m);
  sk_sweep_leave(m);
  free(m->refs.list);
  free(m->seats.list);
}


static void *make (Member *m, uint32_t type, const Class *c) {
  Object *o;
  uint32_t ref;
  sk_object_register(type, c);
  check(sk_object_new(m, type, 0, &o, &ref) == 0);
  return o;
}


/* Put 'n', and get any number. */
static long exchange (Member *m, long n) {
  char frame;
  int err;
  check(sk_item_new(m, sizeof n, NULL, 0) == 0);
  memcpy(sk_at(Item, m->slot->out)->bytes, &n, sizeof n);
  while ((err = sk_queue_put(m, queue, NULL)) == -EAGAIN) sched_yield();
  check(err == 0);
  while ((err = sk_queue_get(m, queue, NULL)) == -EAGAIN) sched_yield();
  check(err == 0);
  memcpy(&n, sk_item_open(m, &frame)->bytes, sizeof n);
  sk_item_close(m);
  return n;
}


/* One more of what 'key' counts. */
static void count (Member *m, const char *name, uint64_t who) {
  Key k = {.kind = SK_KEY_STRING, .size = strlen(name), .bytes = name};
  Amount one = {.kind = SK_DICT_INTEGER, .u.i = 1};
  sk_dict_hash(&k);
  check(sk_item_new(m, sk_dict_room(&k), NULL, 0) == 0);
  sk_dict_prepare(m, &k, one);
  while (!sk_lock_enter(m, &dict->lock, who)) sched_yield();
  Off *at = sk_dict_find(dict, &k);
  if (*at != 0) one.u.i += sk_dict_entry(*at)->amount.u.i;
  if (*at != 0)
    sk_dict_renumber(at, one);
  else
    sk_dict_put(m, dict, at);
  sk_object_leave(m, &dict->lock.o);
  sk_item_free(m, &m->slot->out);
  sk_item_free(m, &m->slot->in);
}


static void permit (Member *m) {
  int err;
  while ((err = sk_semaphore_acquire(m, semaphore, NULL)) == -EAGAIN)
    sched_yield();
  check(err == 0 && sk_semaphore_release(m, semaphore, 1) == 0);
}


/* A new object, that nobody else ever sees. */
static void own (Member *m) {
  Object *o;
  uint32_t ref, again;
  check(sk_object_new(m, SK_SEMAPHORE, 0, &o, &ref) == 0);
  check(sk_object_hold(m, o, 0, &again) == 0);
  sk_object_drop(m, ref);
  sk_object_drop(m, again);
}


static void *work (void *arg) {
  Member m = join();
  long me = (long)(intptr_t)arg;
  uint32_t refs[3];
  Object *shared[] = {&queue->o, &semaphore->o, &dict->lock.o};
  for (size_t i = 0; i < SK_COUNT(refs); i++)
    check(sk_object_hold(&m, shared[i], 0, &refs[i]) == 0);
  for (long i = 1; i <= rounds; i++) {
    got[me] += exchange(&m, i);
    count(&m, i % 2 ? "odd" : "even", (uint64_t)m.index << 32 | 1);
    permit(&m);
    own(&m);
  }
  for (size_t i = 0; i < SK_COUNT(refs); i++) sk_object_drop(&m, refs[i]);
  leave(&m);
  return NULL;
}


static int64_t counted (const char *name) {
  Key k = {.kind = SK_KEY_STRING, .size = strlen(name), .bytes = name};
  sk_dict_hash(&k);
  Off e = *sk_dict_find(dict, &k);
  return e != 0 ? sk_dict_entry(e)->amount.u.i : 0;
}


int main (int argc, char **argv) {
  pthread_t ids[MEMBERS];
  struct rlimit size = {32 << 20, 32 << 20}; /* each byte has its shadow */
  long sum = 0;
  setrlimit(RLIMIT_FSIZE, &size);
  if (argc > 1) rounds = atol(argv[1]);
  check(sk_root_open() == 0 && sk_slot_ringer() == 0);
  Member m = join();
  queue = make(&m, SK_QUEUE, &sk_queue_class);
  queue->capacity = 3;
  queue->most = 1 << 20;
  semaphore = make(&m, SK_SEMAPHORE, &sk_semaphore_class);
  semaphore->value = 2;
  semaphore->max = 2;
  dict = make(&m, SK_DICT, &sk_dict_class);
  check(sk_dict_make(dict) == 0);
  uint32_t objects = sk_object_count();
  for (long i = 0; i < MEMBERS; i++)
    check(pthread_create(&ids[i], NULL, work, (void *)(intptr_t)i) == 0);
  for (int i = 0; i < MEMBERS; i++) pthread_join(ids[i], NULL);
  for (int i = 0; i < MEMBERS; i++) sum += got[i];
  check(sum == MEMBERS * rounds * (rounds + 1) / 2);
  check(counted("odd") + counted("even") == MEMBERS * rounds);
  check(sk_object_count() == objects);
  leave(&m);
  printf("threads: %ld exchanges, counts and permits\n", MEMBERS * rounds);
  return 0;
}
