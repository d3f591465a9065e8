--- What starting and joining a process or thread costs, next to what it costs
--- in C: see floor/floor.c, which is built here.

local skein = require("skein")
package.path = arg[0]:gsub("[^/]*$", "lib/?.lua;") .. package.path
local measure = require("measure")

local function build()
  local command = "mkdir -p build/bench && ${CC:-cc} -O2 -shared -fPIC -I$(tools/find include) "
    .. "-o build/bench/floor.so bench/floor/floor.c -lpthread"
  assert(os.execute(command), "the floor cannot be built")
  return assert(package.loadlib("build/bench/floor.so", "luaopen_floor"))()
end

local floor = build()
local lua = arg[-1] or "lua5.4"

local function nop() end

--- Start and join, with these options.
local function start_join(start, opts)
  return function(n)
    for _ = 1, n do start(opts, nop):join() end
  end
end

local function using() return skein end

measure.table("process: fork and join", {
  { "C: fork, wait", 300, floor.fork },
  { "skein.process", 300, start_join(skein.process, {}) },
}, true)

measure.table("process: spawn and join", {
  { "C: posix_spawn of lua -e '', wait", 60, function(n) floor.spawn(n, lua) end },
  { 'method = "spawn"', 60, start_join(skein.process, { method = "spawn" }) },
}, true)

measure.table("thread: start and join", {
  { "C: pthread_create, a Lua state, pthread_join", 300, floor.thread },
  { "skein.thread", 300, start_join(skein.thread, {}) },
  { "skein.thread that requires skein", 300, function(n)
    for _ = 1, n do skein.thread(using):join() end
  end },
}, true)
