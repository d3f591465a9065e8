--- What happens again and again in a program: name to a function that prepares
--- it in a group and returns `run(n)`, which does it n times. What it costs is
--- asked by cost_spec.lua.

local skein = require("skein")
local yield = skein.yield

local steady = {}

--- A task of the group that does `body` until the group is cancelled.
local function forever(group, body)
  group:task(function() while true do body() end end)
  yield() -- it has begun
end

local function times(body)
  return function(n) for _ = 1, n do body() end end
end

steady["switch"] = function(group)
  forever(group, yield)
  return times(yield)
end

steady["channel, put and get"] = function()
  local c = skein.channel()
  return times(function()
    c:put(1)
    c:get()
  end)
end

steady["channel, there and back"] = function(group)
  local to, from = skein.channel(0), skein.channel(0)
  forever(group, function() from:put(to:get()) end)
  return times(function()
    to:put(1)
    from:get()
  end)
end

steady["channel, a full one"] = function(group)
  local c = skein.channel(1)
  forever(group, function() c:put(1) end)
  return times(function() c:get() end)
end

steady["channel, by priority"] = function()
  local c = skein.channel { order = "priority" }
  for i = 1, 10 do c:put(i, nil, i) end
  return times(function()
    c:put(5, nil, 5)
    c:get()
  end)
end

steady["channel, a get that times out at once"] = function()
  local c = skein.channel()
  return times(function() c:get(0) end)
end

steady["channel, a get with a timeout that waits"] = function(group)
  local c = skein.channel(0)
  forever(group, function() c:put(1) end)
  return times(function() c:get(60) end)
end

steady["timeout that need not wait"] = function()
  local function quick() return 1 end
  return times(function() skein.timeout(60, quick) end)
end

steady["timeout around a wait"] = function()
  return times(function() skein.timeout(60, yield) end)
end

steady["timeouts inside of each other"] = function()
  local timeout = skein.timeout
  return times(function() timeout(60, timeout, 50, timeout, 40, yield) end)
end

steady["shield around a wait"] = function()
  return times(function() skein.shield(yield) end)
end

steady["lock, acquire and release"] = function()
  local lock = skein.lock()
  return times(function()
    lock:acquire()
    lock:release()
  end)
end

steady["lock, handed over"] = function(group)
  local lock = skein.lock()
  local function hold()
    lock:acquire()
    yield()
    lock:release()
  end
  forever(group, hold)
  return times(hold)
end

steady["semaphore, handed over"] = function(group)
  local to, from = skein.semaphore(0), skein.semaphore(0)
  forever(group, function()
    to:acquire()
    from:release()
  end)
  return times(function()
    to:release()
    from:acquire()
  end)
end

steady["event, set and awaited"] = function(group)
  local go, done = skein.event(), skein.event()
  forever(group, function()
    go:wait()
    go:clear()
    done:set()
  end)
  return times(function()
    go:set()
    done:wait()
    done:clear()
  end)
end

steady["queue, put and get"] = function()
  local q = skein.queue()
  return times(function()
    q:put(1)
    q:get()
  end)
end

steady["value, add"] = function()
  local v = skein.value(0)
  return times(function() v:add(1) end)
end

return steady
