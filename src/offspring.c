/*
** offspring.c - Handles of child processes. See offspring.h.
*/
#include <signal.h>

#include "clock.h"
#include "offspring.h"


int sk_offspring_make (Offspring *o, const char *name) {
  Child *c = calloc(1, sizeof *c);
  if (c == NULL) return -ENOMEM;
  c->pidfd = -1;
  c->daemon = o->r.daemon;
  c->user = o->r.S;
  snprintf(c->name, sizeof c->name, "%s", name);
  o->child = c;
  return 0;
}


void sk_offspring_unmake (Offspring *o) {
  sk_alarm_clear(&o->r.S->alarms, &o->alarm);
  sk_spawn_free(o->child);
  o->child = NULL;
  o->pid = 0;
}


/* ---- the end ---- */

bool sk_offspring_look (Offspring *o) {
  if (o->child == NULL) return sk_outcome_ended(&o->r.outcome);
  if (!sk_spawn_reap(o->child)) return false;
  o->status = o->child->status;
  o->dumped = o->child->dumped;
  o->unreaped = o->child->unreaped;
  sk_sched_unwatch(o->r.S, &o->watch);
  sk_alarm_clear(&o->r.S->alarms, &o->alarm);
  sk_spawn_free(o->child);
  o->child = NULL;
  o->reaped(o);
  return true;
}


static void onend (Watch *w, unsigned events) {
  (void)events;
  sk_offspring_look(sk_container(w, Offspring, watch));
}


int sk_offspring_watch (Offspring *o) {
  o->pid = o->child->pid;
  o->watch = (Watch){
      .fd = o->child->pidfd,
      .fire = onend,
      .idle = o->r.hidden, /* a worker alone gives no hope */
  };
  int err = sk_sched_watch(o->r.S, &o->watch, SK_READ);
  if (err != 0) sk_spawn_abandon(o->child);
  return err;
}


void sk_offspring_fini (Offspring *o) {
  Sched *S = o->r.S;
  if (S == NULL) return; /* there was no memory to make it */
  sk_sched_unwatch(S, &o->watch);
  sk_alarm_clear(&S->alarms, &o->alarm);
  if (o->child == NULL) sk_remote_drop(&o->r);
  o->r.holds = false; /* the sweep sees to it */
  sk_spawn_free(o->child);
  o->child = NULL;
}


/* ---- ending it ---- */

int sk_offspring_setalarm (Offspring *o, sk_time due, void (*ring)(Alarm *a)) {
  Sched *S = o->r.S;
  if (due != SK_FOREVER) due += sk_clock_real() - sk_clock_now();
  o->alarm.ring = ring;
  return sk_alarm_set(&S->alarms, &S->poller, &o->alarm, due);
}


bool sk_offspring_signal (const Offspring *o, int signo) {
  return o->child != NULL && sk_spawn_signalall(o->child, signo) == 0;
}


static void onkill (Alarm *a) {
  sk_offspring_signal(sk_container(a, Offspring, alarm), SIGKILL);
}


int sk_offspring_end (Offspring *o, sk_time due) {
  o->due = due == SK_NOW ? sk_clock_now() : due;
  if (!sk_offspring_signal(o, SIGTERM) || due == SK_FOREVER) return 0;
  if (due == SK_NOW) {
    sk_offspring_signal(o, SIGKILL);
    return 0;
  }
  int err = sk_offspring_setalarm(o, due, onkill);
  /* should this process end before, it waits no longer than that */
  if (err == 0) o->child->killat = o->alarm.timer.due;
  return err;
}
