/*
** child.c - The life of a child process. See child.h.
*/
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "osthread.h"
#include "report.h"
#include "server.h"
#include "spawn.h"
#include "vault.h"

/* Process-wide. */
static struct {
  pthread_mutex_t guard;
  char path[1024]; /* "": not set */
} interpreter = {.guard = PTHREAD_MUTEX_INITIALIZER};
static Sched *here; /* whom SIGTERM tells ... */
static Prod prod;   /* ... once more */
static struct {
  const char *name, *parent; /* for good */
  int pid;                   /* of the parent */
} who;


const char *sk_child_name (void) {
  return who.name != NULL ? who.name : "main";
}


int sk_child_parent (const char **name) {
  *name = who.parent;
  return who.pid;
}


/* We are called 'name', a child of 'parent' (which stays), process 'pid'. */
static void introduce (const char *name, const char *parent, int pid) {
  who.parent = parent;
  who.name = strdup(name);
  who.pid = pid;
}


/* ---- signals ---- */

static void onterm (int signo, siginfo_t *info, void *context) {
  int err = errno;
  (void)context;
  sk_crossing_stop(here, &prod, signo, sk_prod_issent(&prod, info));
  errno = err;
}


/* What the parent caught is none of our business, nor what Ctrl-C did there;
   what it ignored stays ignored. */
static void setsignals (Sched *S) {
  struct sigaction now, ours = {.sa_sigaction = onterm, .sa_flags = SA_SIGINFO};
  sk_signals_fini(&S->sink);
  here = S;
  prod = (Prod){0};
  sigemptyset(&ours.sa_mask);
  sigaction(SIGTERM, &ours, NULL);
  if (sigaction(SIGINT, NULL, &now) == 0 &&
      (now.sa_flags & SA_SIGINFO || now.sa_handler != SIG_IGN))
    signal(SIGINT, SIG_DFL); /* a wait installs its own */
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
static int reportall (lua_State *L) {
  sk_report_all(L, sk_sched_of(L));
  return 0;
}


/* Run the function, which is on the stack ('fork'd, with its 'nargs'
   arguments) or in the parcel, and end the process. */
static _Noreturn void live (lua_State *L, Shared *s, Parcel *p, bool forked,
                            int nargs) {
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


static void replaceexit (lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushliteral(L, "os");
  if (lua_rawget(L, -2) != LUA_TTABLE) return;
  lua_pushliteral(L, "exit");
  lua_pushvalue(L, -1);
  lua_rawget(L, -3);
  if (!lua_iscfunction(L, -1) || lua_tocfunction(L, -1) == leave) return;
  lua_pushcclosure(L, leave, 1);
  lua_rawset(L, -3);
}


typedef struct Birth {
  Sched *S;
  lua_State *top;
  Parcel *parcel;
  uint32_t slot;
  const char *name;
} Birth;


/* (birth): what can raise, and is not the user's function. */
static int prepare (lua_State *L) {
  const Birth *b = lua_touserdata(L, 1);
  b->S->kind = "process";
  lua_pushthread(b->top);
  lua_xmove(b->top, L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &here); /* anchored */
  lua_pushstring(L, b->name);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &b->S->kind);
  replaceexit(L);
  sk_crossing_reseed(L);
  return 0;
}


/* (fn, arguments..., birth): the life of the child. Does not return. */
static int beborn (lua_State *L) {
  Birth *b = lua_touserdata(L, -1);
  lua_pop(L, 1);
  Shared *s = sk_shared_of(b->S);
  sk_osthread_forget();
  sk_sched_afterfork(b->S, b->top);
  setsignals(b->S);
  sk_shared_afterfork(s, b->slot);
  introduce(b->name, sk_child_name(), getppid());
  lua_pushcfunction(L, prepare);
  lua_pushlightuserdata(L, b);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) lua_pop(L, 1);
  sk_spawn_unmask();
  live(L, s, b->parcel, true, lua_gettop(L) - 1);
}


/*
** All of it is protected: an error that nothing catches, such as want of
** memory, would unwind the frames of the parent.
*/
_Noreturn void sk_child_forked (Sched *S, lua_State *top, Parcel *p,
                                uint32_t slot, int nargs, const char *name) {
  Birth b = {.S = S, .top = top, .parcel = p, .slot = slot, .name = name};
  lua_pushcfunction(top, beborn);
  lua_insert(top, 1);
  lua_pushlightuserdata(top, &b);
  lua_pcall(top, nargs + 2, 0, 0);
  const char *why = lua_tostring(top, -1);
  fprintf(stderr, "skein: process '%s': %s\n", name, why != NULL ? why : "?");
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
  char path[sizeof interpreter.path];
  pthread_mutex_lock(&interpreter.guard);
  strcpy(path, interpreter.path);
  pthread_mutex_unlock(&interpreter.guard);
  return path[0] != '\0' ? lua_pushstring(L, path) : pushself(L);
}


static void setinterpreter (const char *path) {
  pthread_mutex_lock(&interpreter.guard);
  strcpy(interpreter.path, path);
  pthread_mutex_unlock(&interpreter.guard);
}


int sk_child_interpreter (lua_State *L) {
  if (!lua_isnoneornil(L, 1)) {
    size_t size;
    const char *path = luaL_checklstring(L, 1, &size);
    luaL_argcheck(L, size > 0 && size < sizeof interpreter.path, 1,
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
  if (interpreter.path[0] != '\0') {
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
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &S->kind);
  lua_getfield(L, 1, "parent");
  introduce(lua_tostring(L, 2), strdup(lua_tostring(L, 3)), parent);
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

/* What is loaded here, no child has to load again. */
const char *sk_child_pushserver (lua_State *L) {
  return pushprogram(L, "pcall(require,'skein') require('skein.core').serve");
}


int sk_child_serve (lua_State *L) {
  Sched *S = sk_upvalue(L);
  int sock = (int)luaL_checkinteger(L, 1);
  int first = (int)luaL_checkinteger(L, 3);
  bool named = lua_toboolean(L, 5);
  sk_spawn_mask(); /* it ends with its client, not by a signal to both */
  attach(L, 2);
  lua_gc(L, LUA_GCCOLLECT);
  const int keep[] = {sk_mapping_fd(), sk_vault_fd()};
  Request r =
      sk_server_run(sock, first, keep, named ? &sk_root()->helper : NULL);
  Parcel *p = sk_at(Parcel, r.what);
  sk_sched_afterfork(S, L);
  Shared *s = settle(L, S, p, r.client);
  sk_spawn_unmask();
  live(L, s, p, false, 0);
}
