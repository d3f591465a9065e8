/*
** pipe.c - Two ends and a queue in each direction. See pipe.h.
*/
#include <string.h>

#include "pipe.h"


int sk_pipe_init (Pipe *p, uint64_t bytes) {
  for (int e = 0; e < 2; e++) {
    Queue *q = &p->way[e];
    int err = sk_guard_init(&q->o.guard);
    if (err != 0) return err;
    q->o.type = SK_QUEUE;
    q->o.whole = sk_off(p);
    q->capacity = UINT64_MAX;
    q->most = bytes;
    q->strict = 1;
  }
  return 0;
}


void sk_pipe_expel (Member *m, Pipe *p, int e) {
  sk_queue_expel(m, &p->way[e], &p->way[e].putters);
  sk_queue_expel(m, &p->way[e], &p->way[e].lookouts);
  sk_queue_expel(m, &p->way[1 - e], &p->way[1 - e].getters);
  sk_queue_expel(m, &p->way[1 - e], &p->way[1 - e].watchers);
}


int sk_pipe_listen (Member *m, Pipe *p, int e, const Ear *ear) {
  int i = 0;
  sk_object_enter(m, &p->o);
  while (i < SK_EARS && !sk_slot_isdeaf(&p->ears[e][i])) i++;
  if (i < SK_EARS) {
    p->ears[e][i].slot = 0; /* while it changes */
    sk_step();
    p->ears[e][i].size = ear->size;
    memcpy(p->ears[e][i].name, ear->name, sizeof ear->name);
    p->ears[e][i].born = ear->born;
    p->ears[e][i].rung = 0;
    __atomic_store_n(&p->ears[e][i].slot, ear->slot, __ATOMIC_SEQ_CST);
    __atomic_store_n(&p->way[1 - e].ears, sk_off(p->ears[e]), __ATOMIC_SEQ_CST);
  }
  sk_object_leave(m, &p->o);
  return i < SK_EARS ? i : -ENOSPC;
}


void sk_pipe_deafen (Member *m, Pipe *p, int e, int place) {
  sk_object_enter(m, &p->o);
  p->ears[e][place].slot = 0;
  sk_object_leave(m, &p->o);
}


static void tally (Object *o, uint32_t flags, int by) {
  Pipe *p = (Pipe *)o;
  if (by == 0) {
    for (int e = 0; e < 2; e++) p->end[e].handles = p->end[e].actives = 0;
    return;
  }
  uint32_t e = flags & SK_ENDS;
  p->end[e].handles += (uint32_t)by;
  if (flags & SK_REF_ACTIVE) {
    p->end[e].actives += (uint32_t)by;
    p->end[e].ever = 1;
  }
}


static bool isgone (const Pipe *p, int e) {
  return p->end[e].handles == 0 || (p->end[e].ever && p->end[e].actives == 0);
}


static void tallied (Member *m, Object *o, Bells *b) {
  Pipe *p = (Pipe *)o;
  (void)b;
  bool closed = isgone(p, 0) || isgone(p, 1);
  for (int e = 0; e < 2; e++) {
    if (closed && !p->way[e].closed)
      sk_queue_close(m, &p->way[e]);
    else if (!closed && p->way[e].closed)
      sk_queue_reopen(m, &p->way[e]);
  }
}


static void fini (Member *m, Object *o) {
  Pipe *p = (Pipe *)o;
  for (int e = 0; e < 2; e++) sk_queue_class.fini(m, &p->way[e].o);
}


const Class sk_pipe_class = {
    .name = "pipe",
    .size = sizeof(Pipe),
    .tally = tally,
    .tallied = tallied,
    .fini = fini,
};
