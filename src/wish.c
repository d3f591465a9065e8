/*
** wish.c - Try, then wait, for what is granted as a number. See wish.h.
*/
#include "wish.h"


int sk_wish_done (lua_State *L, int result) {
  if (result < 0) return sk_fail(L, result);
  lua_pushboolean(L, 1);
  return 1;
}


static int granted (lua_State *L, int status, lua_KContext ctx) {
  const Wish *wish = ((Petition *)ctx)->arg;
  (void)status;
  return wish->push(L, sk_shared_settle(L, sk_upvalue(L), ctx));
}


int sk_wish_wait (lua_State *L, Shared *s, Object *o, const Wish *wish,
                  sk_time due) {
  sk_sched_checkpoint(L, s->S);
  int result = wish->attempt(&s->m, o, NULL);
  if (result == -EAGAIN && due != SK_NOW) {
    Petition *p = sk_shared_petition(L, s, due);
    p->arg = (void *)(uintptr_t)wish;
    result = wish->attempt(&s->m, o, p->seat);
    if (result == -EAGAIN)
      return sk_shared_suspend(L, s, p, wish->what, granted);
    sk_shared_dismiss(s, p);
  }
  if (result == -EAGAIN) result = -ETIMEDOUT;
  int n = wish->push(L, result);
  return result < 0 ? n : sk_sched_turn(L, s->S, n);
}
