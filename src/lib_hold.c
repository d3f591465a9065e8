/*
** lib_hold.c - The lock inside of a shared object, held while Lua code runs.
**
** What 'with' of values and arrays and 'update' of dicts stand on; see lua/skein/hold.lua.
*/
#include "cell.h"
#include "open.h"
#include "shared.h"

typedef struct Holder { /* a class whose objects begin with a lock */
  uint32_t type;
  const char *what;  /* of a wait */
  const char *again; /* to who has it already */
} Holder;

static const Holder holders[] = {
    {SK_CELL, "value with", "this task is inside 'with' of the value already"},
    {SK_ARRAY, "array with", "this task is inside 'with' of the array already"},
    {SK_DICT, "dict update",
     "this task is inside 'update' of the dict already"},
};


static Lock *checklock (lua_State *L, const Holder **holder) {
  const Sched *S = sk_upvalue(L);
  Handle *h = lua_touserdata(L, 1);
  const void *its = NULL;
  if (h != NULL && lua_getmetatable(L, 1)) {
    its = lua_topointer(L, -1);
    lua_pop(L, 1);
  }
  for (size_t i = 0; its != NULL && i < SK_COUNT(holders); i++) {
    if (its != S->handles[holders[i].type] || h->o == NULL) continue;
    *holder = &holders[i];
    return (Lock *)h->o;
  }
  sk_misuse(L, "calling a method on bad self (shared object expected, got %s)",
            sk_typename(L, 1));
  return NULL;
}


/* It is ours: nobody else changes the object from here on. */
static void begin (Shared *s, Lock *l, const Holder *holder) {
  if (holder->type == SK_CELL) sk_cell_shut((Cell *)l);
  s->held++;
}


static int heldafter (lua_State *L, int status, lua_KContext ctx) {
  const Holder *holder;
  (void)status;
  sk_shared_settle(L, sk_upvalue(L), ctx);
  Lock *l = checklock(L, &holder);
  begin(sk_shared_of((Sched *)sk_upvalue(L)), l, holder);
  return 0;
}


/* core.hold(object) - acquire its lock; raises if this task has it. */
static int core_hold (lua_State *L) {
  const Holder *holder;
  Lock *l = checklock(L, &holder);
  Shared *s = sk_shared_of((Sched *)sk_upvalue(L));
  uint64_t who = sk_shared_who(s);
  sk_sched_checkpoint(L, s->S);
  int result = sk_lock_try(&s->m, l, who);
  if (result == -EAGAIN) {
    Petition *p = sk_shared_petition(L, s, SK_FOREVER);
    result = sk_lock_acquire(&s->m, l, who, p->seat);
    if (result == -EAGAIN)
      return sk_shared_suspend(L, s, p, holder->what, heldafter);
    sk_shared_dismiss(s, p);
  }
  if (result == -EDEADLK) return sk_raise(L, "deadlock", "%s", holder->again);
  begin(s, l, holder);
  return 0;
}


/* core.unhold(object) */
static int core_unhold (lua_State *L) {
  const Holder *holder;
  Lock *l = checklock(L, &holder);
  Shared *s = sk_shared_of((Sched *)sk_upvalue(L));
  uint64_t who = sk_shared_who(s);
  if (holder->type == SK_CELL) sk_cell_open((Cell *)l, who);
  if (sk_lock_release(&s->m, l, who) == 0) s->held--;
  return 0;
}


static const luaL_Reg functions[] = {
    {"hold", core_hold}, {"unhold", core_unhold}, {NULL, NULL}};


void sk_open_hold (lua_State *L, Sched *S) {
  sk_addfunctions(L, S, functions);
}
