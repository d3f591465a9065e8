--- What running a program costs, next to what it costs in C: see
--- floor/command.c, which is built here.

local skein = require("skein")
package.path = arg[0]:gsub("[^/]*$", "lib/?.lua;") .. package.path
local measure = require("measure")

local function build()
  local command = "mkdir -p build/bench && ${CC:-cc} -O2 -shared -fPIC -I$(tools/find include) "
    .. "-o build/bench/floor_command.so bench/floor/command.c"
  assert(os.execute(command), "the floor cannot be built")
  return assert(package.loadlib("build/bench/floor_command.so", "luaopen_floor"))()
end

local floor = build()

local function command(...)
  local opts = { ... }
  return function(n)
    for _ = 1, n do skein.command(opts):get() end
  end
end

local function popen(line)
  return function(n)
    for _ = 1, n do
      local pipe <close> = io.popen(line)
      pipe:read("a")
    end
  end
end

measure.table("a program that does nothing: start, read, wait", {
  { "C: posix_spawn, two pipes, wait", 200, function(n) floor.run(n, "true") end },
  { "skein.command", 200, command("true") },
  { "io.popen, for its shell", 200, popen("true") },
}, true)

measure.table("8 MiB of output", {
  { "C: posix_spawn, two pipes, wait", 5,
    function(n) floor.run(n, "head", "-c", "8388608", "/dev/zero") end },
  { "skein.command", 5, command("head", "-c", 8388608, "/dev/zero") },
}, true)

measure.table("20 at a time, of 200", {
  { "C: one after the other", 200, function(n) floor.run(n, "true") end },
  { "skein.map(list, command, 20)", 200, function(n)
    local list = {}
    for i = 1, n do list[i] = i end
    skein.map(list, function() return skein.command({ "true" }):get().code end, 20)
  end },
}, true)
