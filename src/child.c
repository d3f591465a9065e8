/*
** child.c - The life of a child process. See child.h.
*/
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "heap.h"
#include "osthread.h"
#include "pin.h"
#include "report.h"
#include "server.h"
#include "spawn.h"
#include "vault.h"

/* Process-wide. */
SK_LARGE char sk_child_program[1024]; /* the interpreter; "": not set */
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER; /* of that */
static Sched *here; /* whom SIGTERM tells ... */
static Prod prod;   /* ... once more */
static struct {
  const char *name, *parent; /* for good */
  int pid;                   /* of the parent */
} who;


SK_BIRTH const char *sk_child_name (void) {
  return who.name != NULL ? who.name : "main";
}


int sk_child_parent (const char **name) {
  *name = who.parent;
  return who.pid;
}


/* We are called 'name', a child of 'parent', process 'pid'. Both texts stay. */
static SK_BIRTH void introduce (Sched *S, const char *name, const char *parent,
                                int pid) {
  S->name = name;
  who.parent = parent;
  who.name = name;
  who.pid = pid;
}


/* ---- signals ---- */

static void onterm (int signo, siginfo_t *info, void *context) {
  int err = errno;
  (void)context;
  sk_crossing_stop(here, &prod, signo, sk_prod_issent(&prod, info));
  errno = err;
}


/* A wait installs what Ctrl-C does. */
static SK_BIRTH void setsignals (Sched *S) {
  struct sigaction ours = {.sa_sigaction = onterm, .sa_flags = SA_SIGINFO};
  sk_signals_afterfork();
  here = S;
  prod = (Prod){0};
  sigaction(SIGTERM, &ours, NULL);
}


static void dieby (int signo) {
  sigset_t set;
  signal(signo, SIG_DFL);
  sigemptyset(&set);
  sigaddset(&set, signo);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  raise(signo);
}


/* ---- living ---- */

/* Tell of failures that nobody asked for. */
static SK_BIRTH int reportall (lua_State *L) {
  sk_report_all(L, sk_sched_of(L));
  return 0;
}


/* Run the function, which is on the stack ('fork'd, with its 'nargs'
   arguments) or in the parcel, and end the process. */
static SK_BIRTH _Noreturn void live (lua_State *L, Shared *s, Parcel *p,
                                     bool forked, int nargs) {
  Crossing c = {.s = s, .p = p, .name = who.name};
  sk_crossing_run(L, &c,
                  forked ? sk_crossing_wrapcall(L, &c, nargs)
                         : sk_crossing_pushcall(L, &c));
  if (c.story != NULL) fprintf(stderr, "skein: %s\n", c.story);
  lua_pushcfunction(L, reportall);
  lua_pcall(L, 0, 0, 0);
  fflush(NULL);
  if (sk_osthread_any() || sk_spawn_any()) { /* we may have to wait for them */
    sk_shared_finish();
    fflush(NULL);
  }
  if (c.outcome == SK_STOPPED) dieby(SIGTERM);
  if (c.interrupted) dieby(SIGINT);
  _exit(c.outcome == SK_RESULTS ? 0 : 1);
}


/* ---- after a fork ---- */

/* os.exit([code]) - without closing the state: the variables to be closed
   that it knows of are the parent's. */
static int leave (lua_State *L) {
  lua_settop(L, lua_gettop(L) > 0);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 0);
  return 0;
}


/* Push a standard library, the key, and what it has there; or nils. */
static int pushstandard (lua_State *L, const char *lib, const char *key) {
  int top = lua_gettop(L);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushstring(L, lib);
  if (lua_rawget(L, -2) == LUA_TTABLE) {
    lua_remove(L, -2);
    lua_pushstring(L, key);
    lua_pushvalue(L, -1);
    return lua_rawget(L, -3);
  }
  lua_settop(L, top);
  for (int i = 0; i < 3; i++) lua_pushnil(L);
  return LUA_TNIL;
}


/* What is to be done in the child is looked up here, for there each page that
   is touched first costs. */
void sk_child_pushoutfit (lua_State *L, int name) {
  lua_pushvalue(L, name);
  pushstandard(L, "os", "exit");
  if (!lua_iscfunction(L, -1) || lua_tocfunction(L, -1) == leave) {
    lua_pop(L, 1);
    lua_pushnil(L);
  }
  else
    lua_pushcclosure(L, leave, 1);
  if (pushstandard(L, "math", "randomseed") != LUA_TFUNCTION) {
    lua_pop(L, 1);
    lua_pushnil(L);
  }
  lua_replace(L, -3);
  lua_pop(L, 1);
}


/* Make use of it; of the name, which stays there, too. */
static SK_BIRTH void equip (lua_State *top, const uint64_t seed[2]) {
  lua_pushvalue(top, 2);
  lua_pushvalue(top, 3);
  lua_pushvalue(top, 4);
  if (lua_isnil(top, -1))
    lua_pop(top, 3);
  else {
    lua_rawset(top, -3); /* it is there: that takes no memory */
    lua_pop(top, 1);
  }
  lua_pushvalue(top, 5);
  lua_pushinteger(top, (lua_Integer)seed[0]);
  lua_pushinteger(top, (lua_Integer)seed[1]);
  if (lua_isnil(top, -3))
    lua_pop(top, 3);
  else if (lua_pcall(top, 2, 0, 0) != LUA_OK)
    lua_pop(top, 1);
}


typedef struct Birth {
  Shared *s;
  Parcel *parcel;
} Birth;


/* (fn, arguments..., birth): the life of the child. Does not return. */
static SK_BIRTH int beborn (lua_State *L) {
  const Birth *b = lua_touserdata(L, -1);
  lua_pop(L, 1);
  live(L, b->s, b->parcel, true, lua_gettop(L) - 1);
}


/*
** What comes before the call raises nothing. The rest is protected: an error
** that nothing catches, such as want of memory, would unwind the frames of the
** parent.
*/
SK_BIRTH _Noreturn void sk_child_forked (Sched *S, lua_State *top, Parcel *p,
                                         uint32_t slot, int nargs) {
  Birth b = {.s = sk_shared_of(S), .parcel = p};
  int pid = getpid(), parent = sk_slot_pid(b.s->m.slot);
  uint64_t random[3];
  sk_sched_random(random, SK_COUNT(random));
  sk_osthread_forget();
  sk_sched_afterfork(S, top, pid, random[0]);
  setsignals(S);
  sk_shared_afterfork(b.s, slot, pid);
  S->kind = "process";
  introduce(S, lua_tostring(top, 1), sk_child_name(), parent);
  equip(top, random + 1);
  sk_spawn_unmask();
  lua_pushcfunction(top, beborn);
  lua_insert(top, SK_OUTFIT + 1);
  lua_pushlightuserdata(top, &b);
  lua_pcall(top, nargs + 2, 0, 0);
  const char *why = lua_tostring(top, -1);
  fprintf(stderr, "skein: process '%s': %s\n", who.name,
          why != NULL ? why : "?");
  _exit(1);
}


/* ---- in a fresh interpreter ---- */

/* Push what this process runs, if that is lua. */
static const char *pushself (lua_State *L) {
  char path[4096];
  ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  if (n <= 0 || (size_t)n == sizeof path) return lua_pushliteral(L, "lua5.4");
  path[n] = '\0';
  const char *base = strrchr(path, '/');
  bool is = base != NULL && strncmp(base + 1, "lua", 3) == 0;
  return lua_pushstring(L, is ? path : "lua5.4");
}


const char *sk_child_pushinterpreter (lua_State *L) {
  char path[sizeof sk_child_program];
  pthread_mutex_lock(&guard);
  strcpy(path, sk_child_program);
  pthread_mutex_unlock(&guard);
  return path[0] != '\0' ? lua_pushstring(L, path) : pushself(L);
}


static void setinterpreter (const char *path) {
  pthread_mutex_lock(&guard);
  strcpy(sk_child_program, path);
  pthread_mutex_unlock(&guard);
}


int sk_child_interpreter (lua_State *L) {
  if (!lua_isnoneornil(L, 1)) {
    size_t size;
    const char *path = luaL_checklstring(L, 1, &size);
    luaL_argcheck(L, size > 0 && size < sizeof sk_child_program, 1,
                  "path of a program expected");
    setinterpreter(path);
  }
  sk_child_pushinterpreter(L);
  return 1;
}


/* Append 'text' as a Lua string. */
static void addquoted (luaL_Buffer *b, const char *text) {
  char byte[6];
  luaL_addchar(b, '"');
  for (const unsigned char *c = (const unsigned char *)text; *c != 0; c++) {
    if (*c >= ' ' && *c != '"' && *c != '\\' && *c != 127) {
      luaL_addchar(b, (char)*c);
      continue;
    }
    snprintf(byte, sizeof byte, "\\%03u", *c);
    luaL_addstring(b, byte);
  }
  luaL_addchar(b, '"');
}


/* Push code that finds what we would find, and then does as 'rest' says. */
static const char *pushprogram (lua_State *L, const char *rest) {
  luaL_Buffer b;
  const char *path = sk_crossing_pushpath(L, "path");
  const char *cpath = sk_crossing_pushpath(L, "cpath");
  luaL_buffinit(L, &b);
  luaL_addstring(&b, "package.path=");
  addquoted(&b, path);
  luaL_addstring(&b, " package.cpath=");
  addquoted(&b, cpath);
  luaL_addchar(&b, ' ');
  luaL_addstring(&b, rest);
  luaL_pushresult(&b);
  lua_replace(L, -3);
  lua_pop(L, 1);
  return lua_tostring(L, -1);
}


const char *sk_child_pushcode (lua_State *L, const Parcel *p) {
  char call[160];
  snprintf(call, sizeof call, "require('skein.core').enter(%d,%llu,%d,%d)",
           sk_mapping_fd(), (unsigned long long)sk_off(p), getpid(),
           sk_vault_fd());
  return pushprogram(L, call);
}


/* The family's arena and vault have the descriptors at 'arena' and 4. */
static void attach (lua_State *L, int arena) {
  int err = sk_mapping_attach((int)luaL_checkinteger(L, arena));
  if (err != 0) luaL_error(L, "cannot share memory: %s", strerror(-err));
  sk_vault_attach((int)luaL_checkinteger(L, 4));
}


void sk_child_packsetup (lua_State *L, Shared *s, Parcel *p, const char *name,
                         bool paths) {
  lua_createtable(L, 0, 4);
  lua_pushstring(L, sk_child_name());
  lua_setfield(L, -2, "parent");
  if (sk_child_program[0] != '\0') {
    sk_child_pushinterpreter(L);
    lua_setfield(L, -2, "interpreter");
  }
  sk_crossing_packsetup(L, s, p, name, paths);
}


/* Become the process that 'p' is for, a child of process 'parent'. */
static Shared *settle (lua_State *L, Sched *S, Parcel *p, int parent) {
  Shared *s = sk_shared_adopt(L, S, p->slot);
  lua_settop(L, 0);
  sk_crossing_unpacksetup(L, s, p);
  lua_getfield(L, 1, "name");
  lua_getfield(L, 1, "parent");
  introduce(S, strdup(lua_tostring(L, 2)), strdup(lua_tostring(L, 3)), parent);
  if (lua_getfield(L, 1, "interpreter") == LUA_TSTRING)
    setinterpreter(lua_tostring(L, -1));
  setsignals(S);
  return s;
}


int sk_child_enter (lua_State *L) {
  int parent = (int)luaL_checkinteger(L, 3);
  sk_spawn_tie(parent);
  attach(L, 1);
  Parcel *p = sk_at(Parcel, (Off)luaL_checkinteger(L, 2));
  live(L, settle(L, sk_upvalue(L), p, parent), p, false, 0);
}


/* ---- forked from a helper ---- */

/* Push the table of the last program of a helper: {path, cpath, program}. */
static void pushlast (lua_State *L) {
  static const char key = 's'; /* in the registry */
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &key) != LUA_TNIL) return;
  lua_pop(L, 1);
  lua_createtable(L, 3, 0);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
}


/* Put package[key] at 'i' of the table at the top. If something else was there
   the program is not that of today. */
static void update (lua_State *L, const char *key, int i) {
  sk_crossing_pushpath(L, key);
  lua_rawgeti(L, -2, i);
  if (!lua_rawequal(L, -1, -2)) {
    lua_pushnil(L);
    lua_rawseti(L, -4, 3);
  }
  lua_pop(L, 1);
  lua_rawseti(L, -2, i);
}


/* What is loaded there, no child has to load again. To write this down takes
   longer than to send a request, so it is kept. */
const char *sk_child_pushserver (lua_State *L) {
  pushlast(L);
  update(L, "path", 1);
  update(L, "cpath", 2);
  if (lua_rawgeti(L, -1, 3) == LUA_TNIL) {
    lua_pop(L, 1);
    pushprogram(L, "pcall(require,'skein') require('skein.core').serve");
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, 3);
  }
  lua_remove(L, -2);
  return lua_tostring(L, -1);
}


/* For what a child takes. Its state is freed by us: even when it is closed, which
   unloads libraries, we stay. */
static Heap *makeheap (lua_State *L) {
  void *data;
  lua_Alloc f = lua_getallocf(L, &data);
  sk_pin();
  return sk_heap_new(f, data);
}


int sk_child_serve (lua_State *L) {
  Sched *S = sk_upvalue(L);
  int sock = (int)luaL_checkinteger(L, 1);
  int first = (int)luaL_checkinteger(L, 3);
  bool named = lua_toboolean(L, 5);
  sk_spawn_mask(); /* it ends with its client, not by a signal to both */
  attach(L, 2);
  lua_gc(L, LUA_GCCOLLECT);
  Heap *heap = makeheap(L);
  const int keep[] = {sk_mapping_fd(), sk_vault_fd()};
  Request r =
      sk_server_run(sock, first, keep, named ? &sk_root()->helper : NULL);
  Parcel *p = sk_at(Parcel, r.what);
  if (heap != NULL) lua_setallocf(L, sk_heap_alloc, heap);
  uint64_t salt;
  sk_sched_random(&salt, 1);
  sk_sched_afterfork(S, L, getpid(), salt);
  Shared *s = settle(L, S, p, r.client);
  sk_spawn_unmask();
  live(L, s, p, false, 0);
}
