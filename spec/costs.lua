--- The program of cost_spec.lua: does each of the steady operations, at top level
--- and in a task, and prints what was counted. The last one, "control", does all
--- that the others must not do; the last but one has something to watch.
---   costs.lua allocator LIBRARY    its requests (LIBRARY is preloaded)
---   costs.lua registry             what changed in the registry
---   costs.lua system               nothing: for strace, which sees the names of
---                                  files that do not exist before and after

local skein = require("skein")
local steady = require("spec.steady")

local ROUNDS = 5000

local ways = {}

function ways.allocator(library)
  local failing = assert(package.loadlib(library, "luaopen_failing"))()
  return function(run)
    failing.arm("memory", math.maxinteger) -- none fails, but all are counted
    run(ROUNDS)
    local _, requests = failing.disarm()
    return requests
  end
end

function ways.registry()
  local function snapshot()
    local copy = {}
    for key, value in pairs(debug.getregistry()) do copy[key] = value end
    return copy
  end
  local function missing(from, to)
    local n = 0
    for key, value in pairs(from) do if to[key] ~= value then n = n + 1 end end
    return n
  end
  return function(run)
    local before = snapshot()
    run(ROUNDS)
    local after = snapshot()
    return missing(before, after) + missing(after, before)
  end
end

function ways.system()
  return function(run, name)
    io.open("/nowhere/begin/" .. name)
    run(ROUNDS)
    io.open("/nowhere/end")
  end
end

local way, library = ...
local measure = ways[way](library)

local names = {}
for name in pairs(steady) do names[#names + 1] = name end
table.sort(names)

local function try(name, where)
  skein.group(function(group)
    local run = steady[name](group)
    collectgarbage()
    collectgarbage("stop")
    measure(run, "once") -- what is kept for another time is there now
    local counted = measure(run, name .. " " .. where)
    collectgarbage("restart")
    if counted then print(name .. " " .. where, counted) end
    group:cancel()
  end)
end

for _, name in ipairs(names) do
  try(name, "at top level")
  skein.run(try, name, "in a task")
end

local child = skein.process(skein.sleep, 60)
child:join(0.05) -- it is asleep
local began = skein.now()
try("switch", "and watch")
print("glances", math.floor((skein.now() - began) / 0.0001) + 2)
child:kill()
child:join()

function steady.control()
  return function(n)
    for _ = 1, n do
      debug.getregistry()[{}] = true
      io.open("/nowhere/control")
    end
  end
end
try("control", "")
