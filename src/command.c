/*
** command.c - A program as a child. See command.h.
**
** The wait is for the program alone: when it has ended, what is in its pipes
** is taken, and who else may have their other ends does not matter. Only one
** that was ended by us, with its group, has not ended before that has, or was
** killed.
*/
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"
#include "lib.h"
#include "pgroup.h"
#include "pipework.h"

#define PAUSE ((sk_time)1000000)    /* the first look at what is left ... */
#define PAUSES ((sk_time)100000000) /* ... and the longest until the next */


static Command *self (Offspring *o) {
  return (Command *)o;
}


/* ---- the end ---- */

static void pushresult (lua_State *L, const Command *c) {
  int status = c->o.status;
  lua_createtable(L, 0, 4);
  for (int i = 1; i < 3; i++) {
    if (!c->taken[i]) continue;
    const Buf *got = &c->pump[i].got;
    lua_pushlstring(L, got->size > 0 ? got->data : "", got->size);
    lua_setfield(L, -2, sk_pipework_names[i]);
  }
  if (status != SK_UNKNOWN) {
    lua_pushinteger(L, status >= 0 ? status : -status);
    lua_setfield(L, -2, status >= 0 ? "code" : "signal");
  }
  lua_pushboolean(L, c->timedout);
  lua_setfield(L, -2, "timed_out");
}


static bool iscancelled (const Command *c) {
  return c->o.r.cancelled &&
         (c->o.status == -SIGTERM || c->o.status == -SIGKILL);
}


/* (handle): the program has ended; say how. */
static int settle (lua_State *L) {
  Command *c = lua_touserdata(L, 1);
  Status status = SK_FINISHED;
  lua_settop(L, 1);
  if (c->pump[1].got.failed || c->pump[2].got.failed) {
    sk_pusherror(L, "error", "no memory for what the command wrote");
    status = SK_FAILED;
  }
  else if (iscancelled(c)) {
    sk_pusherror(L, "cancelled", "the command was cancelled");
    sk_launch_addreason(L, 1);
    status = SK_CANCELLED;
  }
  else
    pushresult(L, c);
  for (int i = 0; i < 3; i++) sk_pump_fini(&c->pump[i]);
  lua_pushnil(L);
  sk_outcome_setfield(L, 1, "input");
  sk_outcome_settle(L, c->o.r.S, 1, status, 1);
  return 0;
}


/* Who waits longest for descriptors may find some now. */
static void admit (Yard *y, Sched *S) {
  Waiter *w = sk_sched_claim(S, &y->line);
  if (w != NULL) sk_sched_wake(S, w->task, 0);
}


static void conclude (Command *c) {
  Sched *S = c->o.r.S;
  S->hopes--;
  sk_list_remove(&c->link);
  sk_remote_settle(&c->o.r, settle);
  admit(c->yard, S);
}


static void onpause (Alarm *a);


/* Is anything of its group left? Then it is looked at again. */
static bool linger (Command *c) {
  sk_time now = sk_clock_now();
  if (c->o.due == 0 || !c->group || !sk_pgroup_lives(c->o.pid)) return false;
  if (now >= c->o.due) {
    kill(-c->o.pid, SIGKILL);
    if (now >= c->o.due + SK_GRACE) return false; /* the kernel keeps it */
  }
  c->pause = c->pause * 2 > PAUSES ? PAUSES : c->pause * 2;
  sk_time next = now + c->pause;
  if (now < c->o.due && next > c->o.due) next = c->o.due;
  return sk_offspring_setalarm(&c->o, next, onpause) == 0;
}


static void onpause (Alarm *a) {
  Command *c = self(sk_container(a, Offspring, alarm));
  if (!linger(c)) conclude(c);
}


static void onreaped (Offspring *o) {
  Command *c = self(o);
  sk_pump_close(&c->pump[0]);
  sk_pump_drain(&c->pump[1]);
  sk_pump_drain(&c->pump[2]);
  c->pause = PAUSE / 2;
  o->r.S->hopes++; /* the end is near, though no descriptor tells of it */
  if (!linger(c)) conclude(c);
}


void sk_command_end (Command *c) {
  sk_time now = sk_clock_now();
  sk_time due = c->grace < SK_FOREVER - now ? now + c->grace : SK_FOREVER;
  if (sk_offspring_end(&c->o, due) != 0) sk_offspring_signal(&c->o, SIGKILL);
}


static void ontimeout (Alarm *a) {
  Command *c = self(sk_container(a, Offspring, alarm));
  if (sk_offspring_look(&c->o)) return;
  c->timedout = true;
  sk_command_end(c);
}


void sk_command_interrupt (Yard *y) {
  for (List *l = y->live.next; l != NULL && l != &y->live; l = l->next) {
    const Command *c = sk_container(l, Command, link);
    if (c->o.child != NULL && c->o.child->group)
      sk_offspring_signal(&c->o, SIGINT);
  }
}


/* ---- the start ---- */

/* The list of strings in field 'key' of the table at 'spec', as C has them; it
   stays on the stack. NULL: there is none. */
static char **pushlist (lua_State *L, int spec, const char *key) {
  if (lua_getfield(L, spec, key) == LUA_TNIL) return NULL;
  int list = lua_gettop(L);
  size_t n = (size_t)luaL_len(L, list);
  char **items = lua_newuserdatauv(L, (n + 1) * sizeof *items, 0);
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, list, (lua_Integer)i + 1);
    items[i] = (char *)(uintptr_t)lua_tostring(L, -1);
    lua_pop(L, 1); /* the list has it */
  }
  items[n] = NULL;
  return items;
}


static const char *getstring (lua_State *L, int spec, const char *key) {
  lua_getfield(L, spec, key);
  const char *s = lua_tostring(L, -1);
  lua_pop(L, 1); /* the table has it */
  return s;
}


/* A span in seconds. */
static sk_time getspan (lua_State *L, int spec, const char *key) {
  lua_getfield(L, spec, key);
  lua_Number s = lua_isnil(L, -1) ? -1 : lua_tonumber(L, -1);
  lua_pop(L, 1);
  if (s < 0) return -1;
  s *= 1e9;
  return s >= (lua_Number)SK_FOREVER ? SK_FOREVER : (sk_time)s;
}


static void readprogram (lua_State *L, int spec, Program *p) {
  *p = (Program){.tied = true, .keep = {-1, -1, -1}};
  p->file = getstring(L, spec, "file");
  p->path = getstring(L, spec, "path");
  p->cwd = getstring(L, spec, "cwd");
  p->argv = pushlist(L, spec, "argv");
  p->envp = pushlist(L, spec, "envp");
  lua_getfield(L, spec, "group");
  p->group = lua_toboolean(L, -1);
}


/* What is visible of the streams, and must live. */
static void keepstreams (lua_State *L, int handle, int spec,
                         const Pipework *w) {
  for (int i = 0, at = spec + 1; i < 3; i++) {
    if (w->how[i] == SK_HOW_PIPE)
      lua_pushvalue(L, at++);
    else
      lua_pushnil(L);
    sk_outcome_setfield(L, handle, sk_pipework_names[i]);
  }
  lua_getfield(L, spec, "stdin");
  lua_getfield(L, -1, "text");
  sk_outcome_setfield(L, handle, "input");
  lua_pop(L, 1);
}


/* Should this process end before the program. */
static void noteends (const Command *c, const Pipework *w) {
  for (int i = 0; i < 3; i++)
    if (c->pump[i].open)
      sk_end_set(&c->o.child->ends[i], c->pump[i].watch.fd, true);
    else if (w->how[i] == SK_HOW_PIPE)
      sk_end_set(&c->o.child->ends[i], w->stream[i]->watch.fd, false);
}


/* Our ends of the pipes are the pumps' from now on. 0 or -errno. */
static int startpumps (Command *c, Pipework *w) {
  Sched *S = c->o.r.S;
  int err = 0;
  for (int i = 0; i < 3 && err == 0; i++) {
    int fd = w->ours[i];
    if (fd < 0) continue;
    w->ours[i] = -1;
    err = i == 0 ? sk_pump_give(&c->pump[0], S, fd, w->text, w->size)
                 : sk_pump_take(&c->pump[i], S, fd);
  }
  return err;
}


/* Everything is open: start it. 0 or -errno; nothing raises. */
static int launch (Command *c, const Program *p, const Pipework *w, sk_time due,
                   Stage *stage, const char *name) {
  Sched *S = c->o.r.S;
  int err = sk_poller_open(&S->poller);
  if (err == 0) err = sk_offspring_make(&c->o, name);
  if (err != 0) return err;
  noteends(c, w);
  err = sk_offspring_setalarm(&c->o, due, ontimeout);
  if (err == 0) err = sk_spawn_program(c->o.child, p, stage);
  if (err == 0) err = sk_offspring_watch(&c->o);
  if (err != 0) sk_offspring_unmake(&c->o);
  return err;
}


static int attempt (Command *c, Program *p, Pipework *w, sk_time due,
                    Stage *stage, int *which, const char *name) {
  int err = sk_pipework_open(w, which);
  if (err != 0) return err;
  for (int i = 0; i < 3; i++) p->fd[i] = w->theirs[i];
  err = startpumps(c, w);
  if (err == 0) err = launch(c, p, w, due, stage, name);
  sk_pipework_close(w, err == 0);
  if (err == 0) return 0;
  for (int i = 0; i < 3; i++) sk_pump_fini(&c->pump[i]);
  return err;
}


/* Push what went wrong. */
static void pushwhy (lua_State *L, int spec, const Pipework *w, int which,
                     Stage stage, const char *cwd) {
  lua_getfield(L, spec, "name");
  const char *name = lua_tostring(L, -1);
  if (which >= 0 && w->how[which] == SK_HOW_FILE)
    lua_pushfstring(L, "cannot run '%s' with %s '%s'", name,
                    sk_pipework_names[which], w->path[which]);
  else if (stage == SK_STAGE_CWD)
    lua_pushfstring(L, "cannot run '%s' in '%s'", name, cwd);
  else
    lua_pushfstring(L, "cannot run '%s'", name);
  lua_remove(L, -2);
}


int sk_command_start (lua_State *L, Sched *S, int handle) {
  Command *c = lua_touserdata(L, handle);
  int spec = lua_gettop(L), which = -1;
  Stage stage = SK_STAGE_START;
  Pipework w;
  Program p;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  c->o.reaped = onreaped;
  sk_pipework_read(L, S, spec, &w);
  keepstreams(L, handle, spec, &w);
  readprogram(L, spec, &p);
  sk_time timeout = getspan(L, spec, "timeout"), now = sk_clock_now();
  sk_time due =
      timeout >= 0 && timeout < SK_FOREVER - now ? now + timeout : SK_FOREVER;
  c->born = now;
  c->group = p.group;
  c->grace = getspan(L, spec, "grace");
  for (int i = 0; i < 3; i++) c->taken[i] = w.how[i] == SK_HOW_TAKE;
  sk_remote_run(L, handle);
  int err = attempt(c, &p, &w, due, &stage, &which, getstring(L, spec, "name"));
  if (err == 0)
    sk_list_add(&c->yard->live, &c->link);
  else {
    sk_remote_stay(L, handle);
    pushwhy(L, spec, &w, which, stage, p.cwd);
    lua_replace(L, spec);
  }
  lua_settop(L, err == 0 ? spec - 1 : spec);
  return err;
}


void sk_command_fini (Command *c) {
  if (c->o.r.S == NULL) return; /* there was no memory to make it */
  bool ours = c->o.r.epoch == c->o.r.S->epoch; /* not after a fork */
  if (ours) sk_list_remove(&c->link);
  for (int i = 0; i < 3;
       i++) { /* those who wait for the child have the pipes */
    if (ours) sk_sched_unwatch(c->o.r.S, &c->pump[i].watch);
    sk_buf_fini(&c->pump[i].got);
  }
  sk_offspring_fini(&c->o);
}
