/*
** crew.c - What a pool and its workers share. See crew.h.
*/
#include <string.h>

#include "crew.h"


static int initqueue (Crew *c, Queue *q) {
  q->o.type = SK_QUEUE;
  q->o.whole = sk_off(c);
  q->capacity = q->most = UINT64_MAX;
  return sk_guard_init(&q->o.guard);
}


int sk_crew_init (Crew *c, uint32_t n) {
  int err = initqueue(c, &c->jobs);
  if (err == 0) err = initqueue(c, &c->results);
  c->jobs.ordered = c->jobs.recent = 1;
  for (int i = 0; i <= SK_MARKS; i++) c->mark[i] = UINT64_MAX;
  if (err == 0) err = sk_arena_take(&c->berths, n * sizeof(Berth));
  if (err != 0) return err;
  memset(sk_crew_berth(c, 0), 0, n * sizeof(Berth));
  c->nberths = n;
  return 0;
}


void sk_crew_begin (Berth *b, uint64_t id) {
  __atomic_store_n(&b->work, id * 2, __ATOMIC_SEQ_CST);
}


bool sk_crew_end (Berth *b) {
  return __atomic_exchange_n(&b->work, 0, __ATOMIC_SEQ_CST) & 1;
}


uint64_t sk_crew_job (const Berth *b) {
  return __atomic_load_n(&b->work, __ATOMIC_RELAXED) / 2;
}


Berth *sk_crew_find (Crew *c, uint64_t id) {
  for (uint32_t i = 0; i < c->nberths; i++) {
    Berth *b = sk_crew_berth(c, i);
    if (sk_crew_job(b) == id) return b;
  }
  return NULL;
}


bool sk_crew_cancel (Berth *b, uint64_t id) {
  uint64_t work = id * 2;
  return __atomic_compare_exchange_n(&b->work, &work, work + 1, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}


void sk_crew_limit (Crew *c, uint32_t mark, uint64_t index) {
  if (mark >= SK_MARKS) return;
  uint64_t old = __atomic_load_n(&c->mark[mark], __ATOMIC_RELAXED);
  while (index < old &&
         !__atomic_compare_exchange_n(&c->mark[mark], &old, index, true,
                                      __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
  }
}


static void fini (Member *m, Object *o) {
  Crew *c = (Crew *)o;
  sk_queue_class.fini(m, &c->jobs.o);
  sk_queue_class.fini(m, &c->results.o);
  sk_arena_give(&c->berths);
}


const Class sk_crew_class = {
    .name = "pool",
    .size = sizeof(Crew),
    .fini = fini,
};
