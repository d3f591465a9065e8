--- The program of check.lua: does hot operations where callgrind counts, each a few
--- times and then STEP times more. Prints how many that is, then their names in
--- the order of the counts.

package.path = "./?.lua;" .. package.path
local floor = require("bench.lib.floor")
local skein = require("skein")
local steady = require("spec.steady")

local STEP, FEW = 500, 100

local function nop() end

local function times(body)
  return function(n) for _ = 1, n do body() end end
end

--- Those that may allocate.
local others = {}

others["task, start and end"] = function()
  return times(function() skein.task(nop):join() end)
end

others["group of two tasks"] = function()
  local function body(g)
    g:task(nop)
    g:task(nop)
  end
  return times(function() skein.group(body) end)
end

others["select of two channels"] = function()
  local a, b = skein.channel(), skein.channel()
  local cases = { { a, "get" }, { b, "get" } }
  return times(function()
    b:put(1)
    skein.select(cases)
  end)
end

others["pipe, send and recv"] = function()
  local here, there = skein.pipe()
  return times(function()
    here:send(1)
    there:recv()
  end)
end

others["dict, set and get"] = function()
  local d = skein.dict()
  return times(function()
    d:set("key", 1)
    d:get("key")
  end)
end

local record = { id = 1, name = "task", v = 1.5 }

others["queue, put and get of a record"] = function()
  local q = skein.queue()
  return times(function()
    q:put(record)
    q:get()
  end)
end

others["pack a record"] = function()
  return times(function() skein.pack(record) end)
end

others["unpack a record"] = function()
  local s = skein.pack(record)
  return times(function() skein.unpack(s) end)
end

local names, all = {}, {}
for _, works in ipairs { steady, others } do
  for name, work in pairs(works) do
    names[#names + 1], all[name] = name, work
  end
end
table.sort(names)

print(STEP)

for _, name in ipairs(names) do
  skein.run(function()
    skein.group(function(group)
      local run = all[name](group)
      collectgarbage()
      collectgarbage("stop")
      run(FEW)
      floor.counted(run, FEW)
      floor.counted(run, FEW + STEP)
      collectgarbage("restart")
      group:cancel()
    end)
  end)
  print(name)
end
