/*
** transit.c - Lua values through shared queues. See transit.h.
*/
#include "transit.h"


/* Push how a wait without a value ended. */
static int answer (lua_State *L, int result) {
  if (result < 0) return sk_fail(L, result);
  lua_pushboolean(L, 1);
  return 1;
}


static int granted (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  return answer(L, sk_shared_settle(L, sk_upvalue(L), ctx));
}


/* It ended without a wait. */
static int atonce (lua_State *L, Shared *s, int result) {
  int n = answer(L, result);
  return result < 0 ? n : sk_sched_turn(L, s->S, n);
}


int sk_transit_put (lua_State *L, Shared *s, Queue *q, int arg, sk_time due,
                    const char *what) {
  sk_sched_checkpoint(L, s->S);
  sk_shared_pack(L, s, arg, 1, &sk_wire_item);
  int err = sk_queue_put(&s->m, q, NULL);
  if (sk_likely(err == 0)) return atonce(L, s, 0);
  if (err == -EAGAIN && due != SK_NOW) {
    Petition *p = sk_shared_petition(L, s, due);
    err = sk_queue_put(&s->m, q, p->seat);
    if (err == -EAGAIN) return sk_shared_suspend(L, s, p, what, granted);
    sk_shared_dismiss(s, p);
    if (err == 0) return atonce(L, s, 0);
  }
  sk_shared_unsent(s);
  return sk_fail(L, err == -EAGAIN ? -ETIMEDOUT : err);
}


static int received (lua_State *L, int status, lua_KContext ctx) {
  Sched *S = sk_upvalue(L);
  (void)status;
  int result = sk_shared_settle(L, S, ctx);
  if (result < 0) return sk_fail(L, result);
  return sk_shared_unpack(L, sk_shared_of(S));
}


int sk_transit_get (lua_State *L, Shared *s, Queue *q, sk_time due,
                    const char *what) {
  sk_sched_checkpoint(L, s->S);
  int err = sk_queue_get(&s->m, q, NULL);
  if (err == -EAGAIN && due != SK_NOW) {
    Petition *p = sk_shared_petition(L, s, due);
    err = sk_queue_get(&s->m, q, p->seat);
    if (err == -EAGAIN) return sk_shared_suspend(L, s, p, what, received);
    sk_shared_dismiss(s, p);
  }
  if (err < 0) return sk_fail(L, err == -EAGAIN ? -ETIMEDOUT : err);
  return sk_sched_turn(L, s->S, sk_shared_unpack(L, s));
}


int sk_transit_tryget (lua_State *L, Shared *s, Queue *q) {
  int err = sk_queue_get(&s->m, q, NULL);
  if (err == 0) return sk_shared_unpack(L, s);
  return err == -EAGAIN ? err : sk_fail(L, err);
}


int sk_transit_tryput (lua_State *L, Shared *s, Queue *q, int arg) {
  sk_shared_pack(L, s, arg, 1, &sk_wire_item);
  lua_pushinteger(L, (lua_Integer)sk_at(Item, s->m.slot->out)->size);
  lua_replace(L, arg + 1);
  int err = sk_queue_put(&s->m, q, NULL);
  if (err == 0) return answer(L, 0);
  sk_shared_unsent(s);
  return err == -EAGAIN ? err : sk_fail(L, err);
}


bool sk_transit_pollget (Shared *s, Queue *q, void *place) {
  return sk_queue_pollget(&s->m, q, sk_shared_seat(place)) == -EAGAIN;
}


bool sk_transit_pollput (lua_State *L, Shared *s, Queue *q, int arg,
                         void *place) {
  uint64_t size = (uint64_t)lua_tointeger(L, arg + 1);
  return sk_queue_pollput(&s->m, q, size, sk_shared_seat(place)) == -EAGAIN;
}


typedef int (*Condition)(Member *m, Queue *q, Seat *w);


static int await (lua_State *L, Shared *s, Queue *q, Condition holds,
                  sk_time due, const char *what) {
  sk_sched_checkpoint(L, s->S);
  int err = holds(&s->m, q, NULL);
  if (err == -EAGAIN && due != SK_NOW) {
    Petition *p = sk_shared_petition(L, s, due);
    err = holds(&s->m, q, p->seat);
    if (err == -EAGAIN) return sk_shared_suspend(L, s, p, what, granted);
    sk_shared_dismiss(s, p);
  }
  return atonce(L, s, err == -EAGAIN ? -ETIMEDOUT : err);
}


int sk_transit_poll (lua_State *L, Shared *s, Queue *q, sk_time due,
                     const char *what) {
  return await(L, s, q, sk_queue_poll, due, what);
}


int sk_transit_join (lua_State *L, Shared *s, Queue *q, sk_time due,
                     const char *what) {
  return await(L, s, q, sk_queue_join, due, what);
}
