--- Starting and joining processes and threads.

local floor = require("bench.lib.floor")
local loaded, skein = pcall(require, "skein")
if not loaded then skein = {} end

local function nop() end

local function starting(start, opts)
  return function(n)
    start(opts, nop):join() -- what is made for the first one is there
    return function()
      for _ = 1, n do start(opts, nop):join() end
    end
  end
end

local function by_floor(f, ...)
  local args = { ... }
  return function(n)
    return function() f(n, table.unpack(args)) end
  end
end

return {
  {
    id = "fork", title = "process: fork, join", n = 300,
    peers = { "python" },
    floor_title = "C: fork, wait",
    goal = { ratio = 1.3 },
    floor = by_floor(floor.fork),
    skein = starting(skein.process, {}),
  },
  {
    id = "spawn", title = "process: spawn, join", n = 60,
    peers = { "go", "luv", "python" },
    floor_title = "C: posix_spawn of lua, wait",
    goal = { ratio = 1.5 },
    floor = by_floor(floor.spawn, os.getenv("LUA") or "lua5.4"),
    skein = starting(skein.process, { method = "spawn" }),
  },
  {
    id = "server", title = "process: fork server, join", n = 200,
    peers = { "python" },
    floor_title = "C: fork, wait",
    goal = { ratio = 2 },
    floor = by_floor(floor.fork),
    skein = starting(skein.process, { method = "server" }),
  },
  {
    id = "thread", title = "thread: start, join", n = 300,
    peers = { "cqueues", "luv" },
    floor_title = "C: pthread, Lua state, join",
    goal = { ratio = 1.3 },
    floor = by_floor(floor.thread),
    skein = starting(skein.thread, {}),
  },
}
