--- Switching, starting and limiting tasks, next to plain coroutines.

package.path = arg[0]:gsub("[^/]*$", "lib/?.lua;") .. package.path
local skein = require("skein")
local measure = require("measure")

local function resume_yield(n)
  local co = coroutine.wrap(function()
    while true do coroutine.yield() end
  end)
  for _ = 1, n do co() end
end

--- Two tasks take turns: n switches.
local function switch(n)
  skein.run(function()
    local half = n // 2
    skein.task(function() for _ = 1, half do skein.yield() end end)
    for _ = 1, half do skein.yield() end
  end)
end

local function nothing() end

local function create_resume(n)
  for _ = 1, n do coroutine.resume(coroutine.create(nothing)) end
end

local function start_end(n)
  skein.run(function()
    for i = 1, n do
      skein.task(nothing)
      if i % 100 == 0 then skein.yield() end
    end
  end)
end

local function put_get(n)
  local c = skein.channel()
  for i = 1, n do
    c:put(i)
    c:get()
  end
end

local function ping_pong(n)
  skein.run(function()
    local there, back = skein.channel(0), skein.channel(0)
    skein.task(function() for v in there:items() do back:put(v) end end)
    for i = 1, n do
      there:put(i)
      back:get()
    end
    there:close()
  end)
end

local function limits(n)
  skein.run(function()
    for _ = 1, n do skein.timeout(1, skein.yield) end
  end)
end

measure.table("task switch", {
  { "Lua resume + yield", 500000, resume_yield },
  { "switch between tasks", 500000, switch },
}, true)
measure.table("task start and end", {
  { "coroutine.create + resume", 200000, create_resume },
  { "skein.task, until it has ended", 200000, start_end },
}, true)
measure.table("in a thread", {
  { "channel put + get", 500000, put_get },
  { "channel ping-pong, round trip", 200000, ping_pong },
  { "timeout around a yield", 200000, limits },
})
