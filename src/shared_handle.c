/*
** shared_handle.c - Handles to shared objects, and the messages that carry
** them. See shared.h.
*/
#include <string.h>

#include "shared.h"

/* By type; process-wide, the same whoever sets it. */
static const SharedClass *_Atomic classes[SK_TYPES];
static const char handles; /* key in the registry: the weak table of handles */


/* ---- handles ---- */

void sk_shared_makehandles (lua_State *L) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &handles);
}


/* The key of a handle: ends of a pipe have handles of their own. */
static lua_Integer key (const Object *o, uint32_t flags) {
  return (lua_Integer)(sk_off(o) | (flags & ~(Off)SK_REF_ACTIVE));
}


static Handle *newhandle (lua_State *L, const char *class) {
  Handle *h = lua_newuserdatauv(L, sizeof *h, 1);
  *h = (Handle){0};
  luaL_setmetatable(L, class);
  return h;
}


/* The handle at the top of the stack can be found by its object. */
static void enroll (lua_State *L, const Handle *h) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &handles);
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, key(h->o, h->flags));
  lua_pop(L, 1);
}


Handle *sk_shared_new (lua_State *L, Shared *s, uint32_t type, uint32_t flags,
                       const char *class) {
  Handle *h = newhandle(L, class);
  int err = sk_object_new(&s->m, type, flags, &h->o, &h->ref);
  if (err != 0) {
    h->o = NULL;
    luaL_error(L, "cannot make a %s: %s", sk_object_class(type)->name,
               strerror(-err));
  }
  h->flags = flags;
  enroll(L, h);
  return h;
}


/* Push the handle to 'o' that this state has, or nil. */
static Handle *find (lua_State *L, const Object *o, uint32_t flags) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &handles);
  lua_rawgeti(L, -1, key(o, flags));
  lua_remove(L, -2);
  Handle *h = lua_touserdata(L, -1);
  return h != NULL && h->o == o ? h : NULL;
}


/* (methods, key): load the Lua module that adds the rest of the methods. */
static int loadmethods (lua_State *L) {
  lua_settop(L, 2);
  lua_pushnil(L);
  lua_setmetatable(L, 1); /* once */
  lua_getglobal(L, "require");
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_call(L, 1, 0);
  lua_pushvalue(L, 2);
  lua_rawget(L, 1);
  return 1;
}


/* The methods that are Lua are loaded when one of them is looked for: a fresh
   state begins with what is C, for speed. */
static void addloader (lua_State *L, const SharedClass *c) {
  if (c->module == NULL) return;
  sk_pushmethods(L, c->name);
  lua_createtable(L, 0, 1);
  lua_pushstring(L, c->module);
  lua_pushcclosure(L, loadmethods, 1);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_pop(L, 1);
}


/* Make the metatable. */
static void makeclass (lua_State *L, Sched *S, const SharedClass *c) {
  static const luaL_Reg gc[] = {{"__gc", sk_shared_gc}, {NULL, NULL}};
  sk_newclass(L, S, c->name, c->methods, gc);
  luaL_getmetatable(L, c->name);
  S->handles[c->ref.cls] = lua_topointer(L, -1);
  sk_addfunctions(L, S, c->meta);
  if (c->selects != NULL) sk_select_class(L, c->selects);
  sk_wire_setref(L, &c->ref);
  if (c->complete != NULL) c->complete(L, S);
  lua_pop(L, 1);
  addloader(L, c);
}


Handle *sk_shared_push (lua_State *L, Shared *s, Object *o, uint32_t flags,
                        const char *class) {
  Handle *h = find(L, o, flags);
  if (h != NULL) {
    if (flags & ~sk_object_flags(&s->m, h->ref))
      sk_object_setflags(&s->m, h->ref, flags);
    return h;
  }
  lua_pop(L, 1);
  /* in a state that has not required the module it may be the first one */
  if (sk_unlikely(s->S->handles[o->type] == NULL))
    makeclass(L, s->S, classes[o->type]);
  h = newhandle(L, class);
  int err = sk_object_hold(&s->m, o, flags, &h->ref);
  if (err != 0)
    luaL_error(L, "cannot hold a %s: %s", sk_object_class(o->type)->name,
               strerror(-err));
  h->o = o;
  h->flags = flags;
  enroll(L, h);
  return h;
}


static bool ispart (const Object *o, Off place) {
  return place - sk_off(o) < sk_object_class(o->type)->size;
}


static void stands (void *arg, Seat *seat) {
  Object **o = arg;
  if (*o == NULL) return;
  if (ispart(*o, seat->object) || ispart(*o, seat->line) ||
      ispart(*o, seat->from))
    *o = NULL;
}


void sk_shared_drop (Shared *s, Handle *h) {
  h->o = NULL;
  sk_object_drop(&s->m, h->ref);
}


int sk_shared_gc (lua_State *L) {
  Handle *h = lua_touserdata(L, 1);
  Sched *S = sk_upvalue(L);
  Shared *s = sk_shared_of(S);
  for (uint32_t i = 0; i < SK_TYPES; i++)
    if (S->recent[i] == h)
      S->recent[i] = NULL; /* its place will be another's */
  if (h->o == NULL || s == NULL) return 0;
  Object *o = h->o;
  h->o = NULL;
  /* the state is closing while tasks wait here: leaving will drop it */
  if (s->S->shared > 0) sk_seat_each(s->m.slot, stands, &o);
  if (o != NULL) sk_object_drop(&s->m, h->ref);
  return 0;
}


/* By the address of its metatable: luaL_checkudata looks up its name. */
Handle *sk_shared_checknew (lua_State *L, Sched *S, int arg, uint32_t type,
                            const char *class) {
  Handle *h = lua_touserdata(L, arg);
  if (sk_likely(h != NULL && lua_getmetatable(L, arg))) {
    const void *its = lua_topointer(L, -1);
    lua_pop(L, 1);
    if (sk_likely(its == S->handles[type] && h->o != NULL)) {
      S->recent[type] = h;
      return h;
    }
  }
  luaL_checkudata(L, arg, class);
  luaL_error(L, "this %s was closed already", sk_object_class(type)->name);
  return NULL;
}


void sk_shared_class (lua_State *L, Sched *S, const SharedClass *c) {
  int type = c->ref.cls;
  classes[type] = c;
  sk_object_register((uint32_t)type, c->object);
  sk_wire_class(&c->ref);
  if (S->handles[type] == NULL) makeclass(L, S, c);
  sk_addfunctions(L, S, c->functions);
}


typedef struct Body { /* of a reference on the wire */
  Off object;
  uint32_t flags;
  uint32_t mine; /* the sender's own entry for it */
} Body;


/* The message holds the object from the moment it is in the arena. */
int sk_shared_encode (lua_State *L, int idx, void *body) {
  Handle *h = lua_touserdata(L, idx);
  if (h->o == NULL) return -EBADF;
  uint32_t flags = h->flags;
  /* an end of a pipe arrives active, see pipe.h */
  if (h->o->type == SK_PIPE) flags |= SK_REF_ACTIVE;
  *(Body *)body =
      (Body){.object = sk_off(h->o), .flags = flags, .mine = h->ref};
  return 0;
}


int sk_shared_decode (lua_State *L, const void *body) {
  const Body *b = body;
  Object *o = sk_at(Object, b->object);
  const SharedClass *c = classes[o->type];
  Shared *s = sk_shared_open(L, sk_sched_of(L));
  sk_shared_push(L, s, o, b->flags, c->name);
  return 0;
}


/* The message's holds are dropped with the message, not one by one. */
void sk_shared_forget (const void *body) {
  (void)body;
}


/* ---- messages ---- */

static Wire *wireof (lua_State *L, Shared *s) {
  if (sk_unlikely(s->wire == NULL)) s->wire = sk_wire_first(L);
  return sk_wire_usable(L, s->wire);
}


/* A copy: in the message it is not aligned. */
static Body bodyof (const Wire *w, size_t i) {
  Body b;
  memcpy(&b, sk_wire_ref(w, i), sizeof b);
  return b;
}


/* List what the message refers to in 's->cargo'. */
static bool listrefs (Shared *s, const Wire *w) {
  if (w->nrefs > s->maxcargo) {
    Off *cargo = realloc(s->cargo, w->nrefs * sizeof *cargo);
    if (cargo == NULL) return false;
    s->cargo = cargo;
    s->maxcargo = w->nrefs;
  }
  for (size_t i = 0; i < w->nrefs; i++) {
    Body b = bodyof(w, i);
    s->cargo[i] = b.object | b.flags;
  }
  return true;
}


/* Who sends an end of a pipe lets go of it. */
static void letgo (Shared *s, const Wire *w) {
  for (size_t i = 0; i < w->nrefs; i++) {
    Body b = bodyof(w, i);
    uint32_t flags = sk_object_flags(&s->m, b.mine);
    if (flags & SK_REF_ACTIVE)
      sk_object_setflags(&s->m, b.mine, flags & ~(uint32_t)SK_REF_ACTIVE);
  }
}


static void fill (lua_State *L, Shared *s, Wire *w, size_t room) {
  int err = listrefs(s, w)
                ? sk_item_new(&s->m, room + sk_wire_size(w), s->cargo, w->nrefs)
                : -ENOMEM;
  if (err != 0) {
    sk_wire_cancel(w);
    luaL_error(L, "cannot send: %s", strerror(-err));
  }
  sk_wire_copy(w, sk_at(Item, s->m.slot->out)->bytes + room);
  letgo(s, w);
  sk_wire_sent(w);
}


void *sk_shared_packafter (lua_State *L, Shared *s, size_t room, int first,
                           int n, const WireWhat *what) {
  Wire *w = wireof(L, s);
  sk_wire_encode(L, w, first, n, what);
  fill(L, s, w, room);
  return sk_at(Item, s->m.slot->out)->bytes;
}


void sk_shared_pack (lua_State *L, Shared *s, int first, int n,
                     const WireWhat *what) {
  sk_shared_packafter(L, s, 0, first, n, what);
}


int sk_shared_trypack (lua_State *L, Shared *s, int first, int n,
                       const WireWhat *what) {
  Wire *w = wireof(L, s);
  if (sk_wire_try(L, w, first, n, what) != 0) return -1;
  fill(L, s, w, 0);
  return 0;
}


void sk_shared_unsent (Shared *s) {
  sk_item_unsent(&s->m, &s->m.slot->out);
}


int sk_shared_unpack (lua_State *L, Shared *s) {
  const Item *i = sk_item_open(&s->m, __builtin_frame_address(0));
  int n = sk_wire_decode(L, wireof(L, s), i->bytes, i->size, SK_WIRE_TRUSTED);
  sk_item_close(&s->m);
  if (sk_likely(n >= 0)) return n;
  sk_raise(L, "transfer", "%s", lua_tostring(L, -1));
  return 0;
}
