/*
** errand.c - A task that waits for what another thread does. See errand.h.
*/
#include "errand.h"


static Awaited *awaited (Errand *e) {
  return sk_container(e, Awaited, errand);
}


static void ondone (Errand *e) {
  Awaited *a = awaited(e);
  sk_sched_wakeall(a->S, &a->waiters, 0);
}


static void ondrop (Errand *e) {
  Awaited *a = awaited(e);
  a->free(a);
}


int sk_errand_await (lua_State *L, Sched *S, Awaited *a, const char *what,
                     lua_KFunction k) {
  a->S = S;
  a->errand.done = ondone;
  a->errand.drop = ondrop;
  int rc = sk_sched_offload(S, &a->errand);
  if (rc < 0) {
    sk_sched_unprepare(S);
    return rc;
  }
  S->hopes++;
  return sk_sched_suspend(L, S, &a->waiters, NULL, what, (lua_KContext)a, k);
}


int sk_errand_outcome (lua_State *L, Awaited *a) {
  Sched *S = a->S;
  int rc = sk_sched_outcome(L, S);
  S->hopes--;
  if (rc == 0) return 0;
  sk_offload_abandon(&a->errand);
  if (rc == -ECANCELED || rc == -EINTR || rc == -EDEADLK)
    return sk_sched_raise(L, S, rc);
  return rc;
}
