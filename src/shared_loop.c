/*
** shared_loop.c - What sharing adds to the loop: grants are delivered, deaths
** are noticed, and sleepers can be rung. See shared.h.
*/
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "hope.h"
#include "lock.h"
#include "queue.h"
#include "refs.h"
#include "shared.h"
#include "sweep.h"

#define SPIN 50000     /* ns: an answer that takes longer is slept for */
#define SHORT 250000   /* ns: a sleep that some patience might have saved */
#define MOMENT 1000000 /* ns: a sleep when nobody can wake us */
#define SKIP 255       /* waits at most that do not look out before sleeping */


/* A wish was granted: its task can go on. */
static void deliver (void *arg, Seat *seat) {
  Shared *s = arg;
  Petition *p = (Petition *)(uintptr_t)seat->owner;
  if (p->notify != NULL) {
    p->notify(p);
    return;
  }
  if (p->task == NULL) return; /* not yet suspended: it will see */
  Task *t = p->task;
  p->task = NULL;
  sk_sched_wake(s->S, t, 0);
}


bool sk_shared_collect (Shared *s) {
  bool all = s->rescan;
  if (!all && __atomic_load_n(&s->m.slot->inbox, __ATOMIC_RELAXED) == 0)
    return false;
  s->rescan = false;
  return sk_seat_collect(&s->m, all, deliver, s);
}


/* What the loop concludes after this holds while 'changes' and the slot's
   'rests' do not grow. */
static bool pending (Sched *S) {
  Shared *s = sk_shared_of(S);
  s->seen = __atomic_load_n(&sk_root()->changes, __ATOMIC_SEQ_CST);
  s->rests = __atomic_load_n(&s->m.slot->rests, __ATOMIC_SEQ_CST);
  return sk_shared_collect(s);
}


static void onbell (Watch *w, unsigned events) {
  (void)events;
  sk_slot_answer(&sk_container(w, Shared, bell)->m);
}


static void ondeath (Watch *w, unsigned events) {
  Death *d = sk_container(w, Death, watch);
  (void)events;
  sk_shared_died(d->shared, d->pid, 0);
}


static void unwatch (Shared *s, Death **at) {
  Death *d = *at;
  *at = d->next;
  sk_sched_unwatch(s->S, &d->watch);
  close(d->watch.fd);
  free(d);
}


void sk_shared_died (Shared *s, int pid, int64_t unreaped) {
  for (Death **d = &s->deaths; *d != NULL; d = &(*d)->next) {
    if ((*d)->pid != pid) continue;
    unwatch(s, d);
    break;
  }
  sk_sweep_process(&s->m, pid, unreaped);
  s->rescan = true;
}


static bool iswatched (const Shared *s, int pid) {
  const Death *d = s->deaths;
  while (d != NULL && d->pid != pid) d = d->next;
  return d != NULL;
}


/* Watch the process of another member. 0; -ESRCH: it is dead already. */
static int watch (Shared *s, const Slot *other) {
  int pid = sk_slot_pid(other);
  if (pid == 0 || pid == sk_slot_pid(s->m.slot) || iswatched(s, pid)) return 0;
  int fd = sk_slot_pidfd(other);
  if (fd < 0) return fd;
  Death *d = calloc(1, sizeof *d);
  if (d == NULL) {
    close(fd);
    return -ENOMEM;
  }
  d->watch.fd = fd;
  d->watch.fire = ondeath;
  d->watch.idle = true;
  d->pid = pid;
  d->shared = s;
  int err = sk_sched_watch(s->S, &d->watch, SK_READ);
  if (err != 0) {
    close(fd);
    free(d);
    return err;
  }
  d->next = s->deaths;
  s->deaths = d;
  return 0;
}


/* Who waits for others watches all of them: any may hold what it needs.
   False: there is one that cannot be watched. */
static bool watchall (Shared *s) {
  Root *f = sk_root();
  uint64_t changes = __atomic_load_n(&f->changes, __ATOMIC_SEQ_CST);
  if (changes == s->watched) return true;
  bool dead = false, blind = false;
  for (uint32_t i = 1; i < sk_slot_reached(); i++) {
    if (sk_slot_state(&f->slot[i]) != SK_SLOT_LIVE) continue;
    int err = watch(s, &f->slot[i]);
    dead |= err == -ESRCH;
    blind |= err != 0 && err != -ESRCH;
  }
  if (!blind) s->watched = changes;
  if (dead || blind) s->rescan |= sk_sweep_dead(&s->m);
  return !blind;
}


static bool hasmail (const Shared *s) {
  return __atomic_load_n(&s->m.slot->inbox, __ATOMIC_SEQ_CST) != 0;
}


/*
** Look out for an answer that is under way. In vain: the next waits go to
** sleep at once, twice as many each time, and fewer after short sleeps. So two
** that answer each other find back from sleeping to spinning, where neither
** needs the kernel, and one whose answers are slow wastes little.
*/
static bool spin (Shared *s) {
  if (s->skip > 0) {
    s->skip--;
    return false;
  }
  sk_time start = sk_clock_real(), end = start + SPIN;
  sk_time due = sk_timers_next(&s->S->timers);
  if (due < end) end = due;
  do {
    for (int i = 0; i < 4; i++) {
      if (hasmail(s)) {
        s->backoff = 0;
        return true;
      }
      sk_clock_relax();
    }
    sched_yield(); /* the one who answers may wait for this processor */
  } while (s->S->alerts == 0 && sk_clock_real() < end);
  s->backoff = s->backoff * 2 + 1 < SKIP ? s->backoff * 2 + 1 : SKIP;
  s->skip = s->backoff;
  return false;
}


/* Hang the doorbell where the poller hears it. */
static bool hang (Shared *s) {
  s->bell.fd = sk_slot_bell(&s->m);
  s->bell.fire = onbell;
  s->bell.idle = true;
  return s->bell.fd >= 0 && sk_sched_watch(s->S, &s->bell, SK_READ) == 0;
}


/* No descriptors are left to hear others by: see what those that there are
   have to say, and look again in a moment. */
static bool doze (Sched *S) {
  const struct timespec ms = {.tv_nsec = MOMENT};
  if (sk_poller_wait(&S->poller, sk_clock_real() + MOMENT) < 0)
    nanosleep(&ms, NULL);
  return false;
}


/* Have others come or gone, or become idle, since 'pending'? */
static bool hasmoved (const Shared *s) {
  return __atomic_load_n(&sk_root()->changes, __ATOMIC_SEQ_CST) != s->seen ||
         __atomic_load_n(&s->m.slot->rests, __ATOMIC_SEQ_CST) != s->rests;
}


/* How it sleeps: what others are to know of it meanwhile. */
static uint32_t depth (const Shared *s) {
  const Sched *S = s->S;
  if (S->shared == 0) return SK_ASLEEP;
  if (sk_sched_hopes(S)) return SK_ASLEEP_SHARED;
  if (s->unemployed && S->live == 0) return SK_ASLEEP_IDLE;
  return S->timers.count + S->limits.count > 0 ? SK_ASLEEP_SHARED
                                               : SK_ASLEEP_DOUBT;
}


static bool fallasleep (Sched *S) {
  Shared *s = sk_shared_of(S);
  if (S->shared > 0) {
    if (spin(s)) return false;
    if (!watchall(s)) return doze(S);
    if (s->rescan) return false;
  }
  if (sk_unlikely(s->bell.era == 0) && !hang(s)) return doze(S);
  const Task *top = &S->top;
  const char *what = top->state == SK_PARKED ? top->what : "";
  sk_slot_say(s->m.slot, what, top->since, S->live);
  uint32_t how = depth(s);
  __atomic_store_n(&s->m.slot->asleep, how, __ATOMIC_SEQ_CST);
  if (hasmail(s) || (S->shared > 0 && hasmoved(s))) {
    __atomic_store_n(&s->m.slot->asleep, SK_AWAKE, __ATOMIC_SEQ_CST);
    return false;
  }
  if (how == SK_ASLEEP_IDLE) sk_slot_rest(&s->m);
  s->slept = sk_clock_real();
  return true;
}


static void wakeup (Sched *S) {
  Shared *s = sk_shared_of(S);
  __atomic_store_n(&s->m.slot->asleep, SK_AWAKE, __ATOMIC_SEQ_CST);
  if (s->skip > 0 && hasmail(s) && sk_clock_real() - s->slept < SHORT)
    s->skip /= 2;
}


static void ishope (void *arg, Seat *seat) {
  bool *hope = arg;
  uint32_t state = sk_seat_state(seat);
  if (state == SK_GRANTED) *hope = true; /* meanwhile */
  if (state != SK_WAITING || *hope) return;
  Object *o = sk_at(Object, seat->object);
  Petition *p = (Petition *)(uintptr_t)seat->owner;
  *hope = !p->idle && sk_hope_isshared(&p->shared->m, o);
}


static bool hopeless (Sched *S) {
  Shared *s = sk_shared_of(S);
  bool hope = false;
  if (sk_slot_isalone(&s->m)) return true;
  sk_seat_each(s->m.slot, ishope, &hope);
  return !hope;
}


/* ---- what tasks hold ---- */

typedef struct Ending { /* of a task */
  Shared *s;
  uint64_t who;
} Ending;


static void abandon (void *arg, Object *o, uint32_t flags) {
  const Ending *e = arg;
  const Class *c = sk_object_class(o->type);
  (void)flags;
  if (c->abandon != NULL) e->s->held -= c->abandon(&e->s->m, o, e->who);
}


/* What it still holds goes to the next in line. */
static void ended (Sched *S, Task *t) {
  Shared *s = sk_shared_of(S);
  if (sk_likely(s->held == 0)) return;
  Ending e = {s, sk_lock_who(&s->m, t->outcome.id)};
  sk_refs_each(s->m.slot, abandon, &e);
}


/* ---- the hooks ---- */

/* What the case 'w' of a select waits for may be there. */
static void told (Petition *p) {
  Waiter *w = p->arg;
  if (w->task != NULL) sk_sched_grant(p->shared->S, w, -EAGAIN);
}


/* Another case of the select was faster. */
static void decline (Petition *p) {
  sk_queue_decline(&p->shared->m, sk_at(Queue, p->seat->object), p->seat);
}


static void *reserve (Sched *S, Waiter *w) {
  Petition *p = sk_shared_watcher(sk_shared_of(S), told);
  if (p == NULL) return NULL;
  p->arg = w;
  p->decline = decline;
  return p;
}


static void vacate (Sched *S, void *place) {
  sk_shared_unwatch(sk_shared_of(S), place);
}


static bool claim (Sched *S, void *place) {
  Shared *s = sk_shared_of(S);
  Petition *p = place;
  bool given = sk_arena_owns(&p->seat->block);
  if (given) {
    sk_item_free(&s->m, &s->m.slot->in); /* a raise may have left it */
    sk_arena_move(&s->m.slot->in, &p->seat->block);
  }
  sk_shared_unwatch(s, p);
  return given;
}


SK_BIRTH void sk_shared_hook (Shared *s) {
  s->S->family = (Family){.pending = pending,
                          .sleep = fallasleep,
                          .awake = wakeup,
                          .hopeless = hopeless,
                          .reserve = reserve,
                          .vacate = vacate,
                          .claim = claim,
                          .ended = ended,
                          .data = s};
}


void sk_shared_unhook (Shared *s) {
  while (s->deaths != NULL) unwatch(s, &s->deaths);
  if (s->m.bell >= 0) sk_sched_unwatch(s->S, &s->bell);
  s->S->family = (Family){0};
}
