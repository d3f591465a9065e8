/*
** sweep.c - Clearing the slot of a dead member. See sweep.h.
*/
#include <unistd.h>

#include "queue.h"
#include "refs.h"
#include "stock.h"
#include "sweep.h"

typedef struct Sweeper {
  Member *m;
  uint32_t slot; /* that is being swept */
  Bells bells;
} Sweeper;


static void forsake (void *arg, Seat *w) {
  Sweeper *s = arg;
  sk_seat_forsake(s->m, w);
  sk_item_free(s->m, &w->block);
  w->object = 0;
  sk_step();
}


static void depart (void *arg, Object *o, uint32_t flags) {
  Sweeper *s = arg;
  const Class *c = sk_object_class(o->type);
  (void)flags;
  if (c->depart == NULL) return;
  sk_object_enter(s->m, o);
  c->depart(o, s->slot, &s->bells);
  sk_step();
  sk_object_leavering(s->m, o, &s->bells);
}


static void clear (Member *m, Slot *dead, uint32_t index) {
  Sweeper s = {m, index, {0}};
  sk_arena_mend();  /* what it owns is certain from here */
  sk_object_mend(); /* before anything that it was linking is freed */
  if (dead == m->slot) m->direct = true; /* what it frees now stays free */
  sk_stock_clear(dead); /* before anything that it was moving is freed */
  sk_object_visit(m, dead->busy); /* who enters it next repairs it: do it now */
  dead->busy = 0;
  sk_step();
  sk_item_return(m, dead); /* it owns what others have freed meanwhile */
  sk_step();
  sk_queue_gohome(m, &dead->in); /* taken, but not begun */
  sk_queue_gohome(m, &dead->job);
  sk_step();
  sk_seat_each(dead, forsake, &s);
  sk_step();
  sk_refs_each(dead, depart, &s);
  sk_item_free(m, &dead->out);
  sk_item_freeall(m, &dead->in); /* it may have got on top already */
  sk_item_freeall(m, &dead->waste);
  sk_item_freeall(m, &dead->open);
  sk_item_free(m, &dead->job);
  sk_item_free(m, &dead->old);
  sk_arena_give(&dead->fresh);
  for (int i = 0; i < SK_STAGES; i++) sk_arena_give(&dead->seats[i]);
  for (int i = 0; i < SK_STAGES; i++) sk_arena_give(&dead->refs[i]);
}


/* Claim the slot for sweeping: only one does, but for a sweeper that died. */
static bool claim (Slot *s, uint32_t from) {
  return __atomic_compare_exchange_n(&s->state, &from, SK_SLOT_DEAD, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}


static void sweep (Member *m, uint32_t index) {
  Slot *s = sk_slot(index);
  clear(m, s, index);
  sk_step();
  sk_object_recount(m);
  sk_step();
  __atomic_store_n(&s->state, SK_SLOT_FREE, __ATOMIC_SEQ_CST);
}


static bool enter (Root *f) {
  if (!sk_guard_enter(&f->sweepguard)) return false;
  sk_guard_repaired(&f->sweepguard);
  return true;
}


/*
** Is the owner of 's' gone? Who lived in it when process 'pid' had not been
** reaped is, if that is its number; of others it has to be asked, for a number
** may be used again. As sk_slot_fate.
*/
static int fate (const Slot *s, uint32_t state, int pid, int64_t unreaped) {
  bool sure = pid != 0 && sk_slot_pid(s) == pid && state == SK_SLOT_LIVE &&
              sk_slot_born(s) <= unreaped;
  return sure ? 1 : sk_slot_fate(s);
}


static bool sweepif (Member *m, int pid, int64_t unreaped) {
  Root *f = sk_root();
  bool any = false;
  bool again = enter(f);
  for (uint32_t i = 1; i < sk_slot_reached(); i++) {
    Slot *s = &f->slot[i];
    uint32_t state = sk_slot_state(s);
    if (i == m->index || state == SK_SLOT_FREE) continue;
    if (state == SK_SLOT_DEAD) { /* left by a sweeper that died */
      sweep(m, i);
      any = true;
      continue;
    }
    int its = sk_slot_pid(s);
    bool known = pid != 0 && its == pid;
    if (pid != 0 && !again && its != 0 && !known) continue;
    int gone = fate(s, state, pid, unreaped);
    if (gone == 0 || (gone < 0 && !known)) continue;
    if (!claim(s, state)) continue;
    sweep(m, i);
    any = true;
  }
  sk_guard_leave(&f->sweepguard);
  return any;
}


bool sk_sweep_dead (Member *m) {
  return sweepif(m, 0, 0);
}


void sk_sweep_process (Member *m, int pid, int64_t unreaped) {
  sweepif(m, pid, unreaped);
}


/*
** Slots are taken under a guard of their own: while that is held, one that was
** freed is not another's all at once.
*/
static void hold (Root *f) {
  enter(f);
  if (sk_guard_enter(&f->slotguard)) sk_guard_repaired(&f->slotguard);
}


void sk_sweep_unborn (Member *m, uint32_t index, int64_t taken) {
  Root *f = sk_root();
  Slot *s = sk_slot(index);
  hold(f);
  bool mine = s->taken == taken && claim(s, SK_SLOT_NEW);
  sk_guard_leave(&f->slotguard);
  if (mine) sweep(m, index);
  sk_guard_leave(&f->sweepguard);
}


void sk_sweep_expect (uint32_t index, int64_t taken, int pid) {
  Root *f = sk_root();
  Slot *s = sk_slot(index);
  hold(f);
  if (s->taken == taken && sk_slot_state(s) == SK_SLOT_NEW)
    sk_slot_settle(s, pid);
  sk_guard_leave(&f->slotguard);
  sk_guard_leave(&f->sweepguard);
}


void sk_sweep_leave (Member *m) {
  Root *f = sk_root();
  enter(f);
  if (claim(m->slot, SK_SLOT_LIVE)) sweep(m, m->index);
  sk_guard_leave(&f->sweepguard);
  sk_slot_rouseall(m); /* what they wait for may never come now */
  sk_slot_dropbell(m);
  free(m->refs.list);
  free(m->seats.list);
  *m = (Member){.bell = -1};
}
