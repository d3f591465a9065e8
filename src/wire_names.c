/*
** wire_names.c - What travels by name: modules and what they hold.
**
** The name of a value is "module", "module\0field" or "module\0field\0field".
** An index of 'package.loaded' is made on first need: in C the addresses, so
** that a miss is cheap; in Lua, with weak keys, the names. It may be out of
** date: a hit is compared with what the module holds now, and once in each
** message that misses a function or a metatable, the set of modules is
** compared with the one that was indexed.
**
** A module itself travels by name, and so do its functions and the classes in
** it (tables that look like metatables). Its other tables are data and are
** copied, unless they are met as metatables. A Lua function counts as the
** module's only if it was loaded from a file that is not the main script:
** what the script has put into a module is not there on arrival.
*/
#include <lauxlib.h>
#include <lualib.h>

#include "lib.h"
#include "wire_coder.h"

#define SMALL 256 /* a table with more entries is not searched for functions */

static const char namekey; /* its address is the key of the names */

static const char *const standard[] = {LUA_STRLIBNAME,  LUA_TABLIBNAME,
                                       LUA_MATHLIBNAME, LUA_IOLIBNAME,
                                       LUA_OSLIBNAME,   LUA_COLIBNAME,
                                       LUA_UTF8LIBNAME, LUA_DBLIBNAME,
                                       LUA_LOADLIBNAME, NULL};

static const char *const base[] = {
    "assert",   "collectgarbage", "dofile",   "error",        "getmetatable",
    "ipairs",   "load",           "loadfile", "next",         "pairs",
    "pcall",    "print",          "rawequal", "rawget",       "rawlen",
    "rawset",   "require",        "select",   "setmetatable", "tonumber",
    "tostring", "type",           "warn",     "xpcall",       NULL};


/* ---- Names to values ---- */

/* The next part of a name, from 'at' on, onto the stack. */
static const char *pushpart (lua_State *L, const char *at, const char *end) {
  const char *stop = memchr(at, '\0', (size_t)(end - at));
  if (stop == NULL) stop = end;
  lua_pushlstring(L, at, (size_t)(stop - at));
  return stop + 1;
}


/* Push what the name at 'idx' means now, nil if nothing. No metamethods. */
static void getraw (lua_State *L, int idx) {
  size_t n;
  const char *at = lua_tolstring(L, idx, &n), *end = at + n;
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  while (at <= end && lua_istable(L, -1)) {
    at = pushpart(L, at, end);
    lua_rawget(L, -2);
    lua_remove(L, -2);
  }
  if (at > end) return;
  lua_pop(L, 1);
  lua_pushnil(L);
}


/* Call 'require' for the string at the top. */
static void require (lua_State *L) {
  lua_pushglobaltable(L);
  lua_pushliteral(L, "require");
  lua_rawget(L, -2);
  lua_replace(L, -2);
  lua_insert(L, -2);
  lua_call(L, 1, 1);
}


/* Protected: "module\0field\0field" -> value. */
static int getslow (lua_State *L) {
  size_t n;
  const char *at = luaL_checklstring(L, 1, &n), *end = at + n;
  const char *module = at;
  at = pushpart(L, at, end);
  require(L);
  while (at <= end) {
    at = pushpart(L, at, end);
    const char *field = lua_tostring(L, -1);
    if (lua_isnil(L, -2) || (lua_pushvalue(L, -1), lua_gettable(L, -3)) == 0)
      return luaL_error(L, "module '%s' has no '%s'", module, field);
    lua_replace(L, -3);
    lua_pop(L, 1);
  }
  return 1;
}


/* Replace the string at the top by what 'f' makes of it, or by a message. */
static int protect (lua_State *L, lua_CFunction f) {
  lua_pushcfunction(L, f);
  lua_insert(L, -2);
  if (lua_pcall(L, 1, 1, 0) == LUA_OK) return 0;
  sk_coder_totext(L);
  return -1;
}


int sk_names_get (lua_State *L, bool mayrequire) {
  getraw(L, -1);
  if (!lua_isnil(L, -1)) {
    lua_replace(L, -2);
    return 0;
  }
  lua_pop(L, 1);
  if (mayrequire) return protect(L, getslow);
  lua_pushfstring(L, "it needs module '%s', which is not loaded",
                  lua_tostring(L, -1));
  lua_replace(L, -2);
  return -1;
}


/* Protected: module, "field.field" -> value. */
static int getfields (lua_State *L) {
  const char *at = lua_tostring(L, 2), *end = at + strlen(at);
  lua_settop(L, 2);
  lua_insert(L, 1); /* the fields, the module */
  while (at <= end) {
    const char *dot = at + strcspn(at, ".");
    if (lua_isnil(L, 2)) return 1;
    lua_pushlstring(L, at, (size_t)(dot - at));
    lua_gettable(L, 2);
    lua_replace(L, 2);
    at = dot + 1;
  }
  return 1;
}


static int callrequire (lua_State *L) {
  require(L);
  return 1;
}


/* The dot before 'dot' in 'name', or NULL. */
static const char *dotbefore (const char *name, const char *dot) {
  while (--dot > name)
    if (*dot == '.') return dot;
  return NULL;
}


static bool iscallable (lua_State *L, int idx) {
  if (lua_isfunction(L, idx)) return true;
  if (luaL_getmetafield(L, idx, "__call") == LUA_TNIL) return false;
  lua_pop(L, 1);
  return true;
}


/*
** Protected: "module.function" -> function. The longest module that exists
** wins; if none does, the error is that of the longest.
*/
static int lookup (lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  const char *dot = strrchr(name, '.');
  if (dot == NULL || dot == name || dot[1] == '\0')
    return luaL_error(L, "'%s' is not of the form \"module.function\"", name);
  lua_pushnil(L); /* at 2: the first error */
  lua_pushcfunction(L, getfields);
  for (; dot != NULL; dot = dotbefore(name, dot)) {
    lua_pushlstring(L, name, (size_t)(dot - name));
    if (protect(L, callrequire) == 0) break;
    if (lua_isnil(L, 2))
      lua_replace(L, 2);
    else
      lua_pop(L, 1);
  }
  if (dot == NULL) return lua_settop(L, 2), lua_error(L);
  lua_pushstring(L, dot + 1);
  lua_call(L, 2, 1);
  if (lua_isnil(L, -1)) return luaL_error(L, "there is no '%s'", name);
  if (!iscallable(L, -1))
    return luaL_error(L, "'%s' is a %s, not a function", name,
                      luaL_typename(L, -1));
  return 1;
}


int sk_wire_lookup (lua_State *L, const char *name) {
  lua_pushstring(L, name);
  return protect(L, lookup);
}


/* ---- The index. Stack index 'names': the table of names ---- */

/* Name the value at the top, if it has no name; the name is below it. */
static void note (lua_State *L, Coder *c, int names, int kind) {
  lua_pushvalue(L, -1);
  bool has = lua_rawget(L, names) != LUA_TNIL;
  lua_pop(L, 1);
  if (has) return;
  uint32_t *v = sk_memo_at(&c->index, lua_topointer(L, -1));
  if (v == NULL) luaL_error(L, "not enough memory");
  *v = (uint32_t)kind;
  lua_pushvalue(L, -1);
  lua_pushvalue(L, -3);
  lua_rawset(L, names);
}


/* Does the table at the top have fields that metatables have? */
static bool isclass (lua_State *L) {
  int n = 0;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pop(L, 1);
    const char *k = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    if ((k[0] == '_' && k[1] == '_') || ++n == SMALL) {
      lua_pop(L, 1);
      return n < SMALL;
    }
  }
  return false;
}


/* Push "name\0field", from the strings at 'name' and 'field'. */
static void pushname (lua_State *L, int name, int field) {
  lua_pushvalue(L, name);
  lua_pushlstring(L, "", 1);
  lua_pushvalue(L, field);
  lua_concat(L, 3);
}


/* Name the functions in the table at 'idx', whose name is at 'name'. */
static void notefunctions (lua_State *L, Coder *c, int names, int name,
                           int idx) {
  int n = 0;
  lua_pushnil(L);
  while (lua_next(L, idx)) {
    if (++n == SMALL) {
      lua_pop(L, 2);
      return;
    }
    if (lua_type(L, -2) == LUA_TSTRING && lua_isfunction(L, -1)) {
      pushname(L, name, lua_gettop(L) - 1);
      lua_insert(L, -2);
      note(L, c, names, N_NAMED);
      lua_remove(L, -2);
    }
    lua_pop(L, 1);
  }
}


/* Is the table at the top one that modules stand in, loaded or to be loaded? */
static bool isregister (lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  bool is = lua_rawequal(L, -3, -2) || lua_rawequal(L, -3, -1);
  lua_pop(L, 2);
  return is;
}


/* Name the field whose key is at -2, its value at -1, of what is 'name'. */
static void notefield (lua_State *L, Coder *c, int names, int name) {
  int type = lua_type(L, -1);
  if (lua_type(L, -2) != LUA_TSTRING) return;
  if (type != LUA_TFUNCTION && type != LUA_TTABLE) return;
  if (type == LUA_TTABLE && isregister(L)) return; /* they have their names */
  pushname(L, name, lua_gettop(L) - 1);
  lua_insert(L, -2);
  bool named = type == LUA_TFUNCTION || isclass(L);
  note(L, c, names, named ? N_NAMED : N_FIELD);
  if (type == LUA_TTABLE)
    notefunctions(L, c, names, lua_gettop(L) - 1, lua_gettop(L));
  lua_remove(L, -2);
}


/* Name the module at the top, below it its name, and what it holds. */
static void notemodule (lua_State *L, Coder *c, int names) {
  int module = lua_gettop(L);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (!lua_istable(L, module)) {
    if (lua_isfunction(L, module)) note(L, c, names, N_NAMED);
    return;
  }
  note(L, c, names, N_NAMED);
  lua_pushnil(L);
  while (lua_next(L, module)) {
    notefield(L, c, names, module - 1);
    lua_pop(L, 1);
  }
}


/* Name the C functions of the basic library. */
static void notebase (lua_State *L, Coder *c, int names) {
  lua_pushliteral(L, LUA_GNAME);
  int name = lua_gettop(L);
  lua_pushglobaltable(L);
  for (const char *const *f = base; *f != NULL; f++) {
    lua_pushstring(L, *f);
    lua_pushvalue(L, -1);
    lua_rawget(L, name + 1);
    if (lua_iscfunction(L, -1)) notefield(L, c, names, name);
    lua_settop(L, name + 1);
  }
  lua_settop(L, name - 1);
}


/* Name every module: the standard ones first, '_G' apart. */
static void notemodules (lua_State *L, Coder *c, int names, int loaded) {
  notebase(L, c, names);
  for (const char *const *m = standard; *m != NULL; m++) {
    lua_pushstring(L, *m);
    lua_pushvalue(L, -1);
    lua_rawget(L, loaded);
    notemodule(L, c, names);
    lua_pop(L, 2);
  }
  lua_pushnil(L);
  while (lua_next(L, loaded)) {
    if (lua_type(L, -2) == LUA_TSTRING && lua_topointer(L, -1) != c->globals) {
      lua_pushvalue(L, -2);
      lua_insert(L, -2);
      notemodule(L, c, names);
      lua_remove(L, -2);
    }
    lua_pop(L, 1);
  }
}


/* A number that changes when the set of modules does. */
static uint64_t sign (lua_State *L, int loaded) {
  uint64_t sum = 1;
  lua_pushnil(L);
  while (lua_next(L, loaded)) {
    uint64_t k = (uint64_t)(uintptr_t)lua_topointer(L, -2);
    uint64_t v = (uint64_t)(uintptr_t)lua_topointer(L, -1);
    sum += (k * 31 + v) * 0x9E3779B97F4A7C15u;
    lua_pop(L, 1);
  }
  return sum;
}


/* Bring the index up to date; did it need that? */
static bool refresh (lua_State *L, Coder *c, bool force) {
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  int loaded = lua_gettop(L);
  uint64_t signature = sign(L, loaded);
  bool stale = force || signature != c->signature;
  if (stale) {
    c->signature = 0;
    sk_memo_clear(&c->index);
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    notemodules(L, c, loaded + 1, loaded);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &namekey);
    c->signature = signature;
  }
  lua_settop(L, loaded - 1);
  return stale;
}


/* ---- Values to names ---- */

/* Is the Lua function at 'idx' from a file other than the main script? */
static bool isfrommodule (lua_State *L, int idx) {
  lua_Debug ar;
  int top = lua_gettop(L);
  lua_pushvalue(L, idx);
  lua_getinfo(L, ">S", &ar);
  if (ar.source[0] != '@') return false;
  lua_pushglobaltable(L);
  lua_pushliteral(L, "arg");
  if (lua_rawget(L, -2) == LUA_TTABLE) lua_rawgeti(L, -1, 0);
  const char *script =
      lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  bool is = strcmp(script, ar.source + 1) != 0;
  lua_settop(L, top);
  return is;
}


/* Push the name that the index has for the value at 'idx', if it still fits. */
static bool pushindexed (lua_State *L, int idx) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &namekey);
  lua_pushvalue(L, idx);
  if (lua_rawget(L, -2) == LUA_TSTRING) {
    getraw(L, -1);
    bool fits = lua_rawequal(L, -1, idx);
    lua_pop(L, 1);
    if (fits) {
      lua_replace(L, -2);
      return true;
    }
  }
  lua_pop(L, 2);
  return false;
}


static bool find (lua_State *L, Coder *c, int idx, bool meta) {
  uint32_t kind = sk_memo_get(&c->index, lua_topointer(L, idx));
  if (kind == N_NONE || (kind == N_FIELD && !meta)) return false;
  if (lua_isfunction(L, idx) && !lua_iscfunction(L, idx) &&
      !isfrommodule(L, idx))
    return false;
  return pushindexed(L, idx);
}


bool sk_names_push (lua_State *L, Coder *c, int idx, bool meta) {
  idx = lua_absindex(L, idx);
  if (sk_unlikely(c->signature == 0)) {
    refresh(L, c, true);
    c->checked = 1;
  }
  if (find(L, c, idx, meta)) return true;
  if (!meta && !lua_isfunction(L, idx)) return false; /* data */
  if (c->checked == 0) {
    c->checked = 1;
    c->restart = refresh(L, c, false);
  }
  if (c->restart || c->checked == 2 || !lua_iscfunction(L, idx)) return false;
  c->checked = 2; /* it is in a module by now, or an error */
  c->restart = refresh(L, c, true);
  return false;
}
