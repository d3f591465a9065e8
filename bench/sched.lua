--- What a task, a switch, a channel and a timeout cost, next to what Lua's own
--- coroutines cost on the same machine at the same moment.

local skein = require("skein")
local clock, yield = os.clock, skein.yield

local function nop() end

--- The best of some runs, in ns per operation.
local function best(n, run)
  local least = math.huge
  for _ = 1, 7 do
    collectgarbage()
    local start = clock()
    run(n)
    least = math.min(least, (clock() - start) / n * 1e9)
  end
  return least
end

local function report(name, ns, floor)
  local ratio = floor and ("%6.2f x Lua's"):format(ns / floor) or ""
  print(("%-38s %8.1f ns  %s"):format(name, ns, ratio))
  return ns
end

local switch = report("Lua: resume and yield", best(1e6, function(n)
  local co = coroutine.create(function()
    local give = coroutine.yield
    while true do give() end
  end)
  local resume = coroutine.resume
  for _ = 1, n do resume(co) end
end))

local start = report("Lua: create and resume", best(2e5, function(n)
  local create, resume = coroutine.create, coroutine.resume
  for _ = 1, n do resume(create(nop)) end
end))

report("task switch", best(1e6, function(n)
  local function work()
    for _ = 1, n / 2 do yield() end
  end
  local a, b = skein.task(work), skein.task(work)
  a:join()
  b:join()
end), switch)

report("task start and end", best(2e5, function(n)
  for _ = 1, n / 100 do
    local last
    for _ = 1, 100 do last = skein.task(nop) end
    last:join()
  end
end), start)

report("channel put and get", best(1e6, function(n)
  local c = skein.channel()
  for i = 1, n do
    c:put(i)
    c:get()
  end
end), switch)

report("channel ping-pong, round trip", best(2e5, function(n)
  local a, b = skein.channel(0), skein.channel(0)
  skein.task(function()
    for _ = 1, n do b:put(a:get()) end
  end)
  skein.task(function()
    for i = 1, n do
      a:put(i)
      b:get()
    end
  end):join()
end), switch)

report("timeout around a short wait", best(2e5, function(n)
  skein.task(function()
    for _ = 1, n do skein.timeout(1, yield) end
  end):join()
end), switch)

do -- many sleepers
  local function resident()
    local file <close> = assert(io.open("/proc/self/statm"))
    return tonumber(file:read("l"):match("%d+ (%d+)")) * 4096
  end
  local n = 100000
  local function sleeper() skein.sleep(0.5) end
  local before, began = resident(), clock()
  for _ = 1, n do skein.task(sleeper) end
  yield()
  local bytes = (resident() - before) / n
  skein.sleep(0.6)
  print(("%-38s %8.2f us, %.0f bytes each"):format("100 000 sleepers",
    (clock() - began) / n * 1e6, bytes))
end
