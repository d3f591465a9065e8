/*
** handover.c - Objects that are a descriptor cross. See handover.h.
*/
#include <string.h>

#include "handover.h"
#include "vault.h"

#define CLASS "skein.Deposit"


void sk_handover_begin (lua_State *L, int idx, int fd) {
  Shared *s = sk_shared_open(L, sk_upvalue(L));
  lua_getiuservalue(L, idx, 1);
  const Handle *h = lua_touserdata(L, -1);
  if (h != NULL && h->o != NULL) return;
  lua_pop(L, 1);
  h = sk_shared_new(L, s, SK_DEPOSIT, 0, CLASS);
  int err = sk_vault_put((Deposit *)h->o, fd);
  if (err == -ENOBUFS)
    luaL_error(L, "too many descriptors are under way");
  else if (err < 0)
    luaL_error(L, "%s", strerror(-err));
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, idx, 1);
}


static void drop (Sched *S, Handle *h) {
  Shared *s = sk_shared_of(S);
  if (h != NULL && h->o != NULL && s != NULL) sk_shared_drop(s, h);
}


void sk_handover_end (lua_State *L, int idx) {
  if (lua_getiuservalue(L, idx, 1) == LUA_TUSERDATA)
    drop(sk_upvalue(L), lua_touserdata(L, -1));
  lua_pop(L, 1);
}


/* What arrives has methods that are Lua; a fresh state begins without. */
static void loadmethods (lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  if (lua_getfield(L, -1, "skein.net") == LUA_TNIL) {
    lua_getglobal(L, "require");
    lua_pushliteral(L, "skein.net");
    lua_call(L, 1, 0);
  }
  lua_pop(L, 2);
}


int sk_handover_take (lua_State *L, int arg) {
  loadmethods(L);
  Handle *h = sk_shared_check(L, sk_upvalue(L), arg, SK_DEPOSIT, CLASS);
  int fd = sk_vault_get((Deposit *)h->o);
  drop(sk_upvalue(L), h);
  if (fd < 0) luaL_error(L, "cannot receive a descriptor: %s", strerror(-fd));
  return fd;
}


static const SharedClass class = {
    .name = CLASS,
    .object = &sk_deposit_class,
    .ref = {SK_DEPOSIT, "descriptor", sk_shared_encode, sk_shared_decode,
            sk_shared_forget},
};


void sk_handover_open (lua_State *L, Sched *S) {
  sk_shared_class(L, S, &class);
}
