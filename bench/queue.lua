--- Queues, pipes, locks and values between two processes.

package.path = arg[0]:gsub("[^/]*$", "lib/?.lua;") .. package.path
local skein = require("skein")
local measure = require("measure")

--- n items from another process.
local function stream(item)
  return function(n)
    local q = skein.queue(1000)
    local p = skein.process(function()
      for _ = 1, n do q:put(item) end
      q:close()
    end)
    local got = 0
    for _ in q:items() do got = got + 1 end
    p:get()
    assert(got == n)
  end
end

--- n items from `many` processes to as many.
local function crowd(many, item)
  return function(n)
    local q, senders, receivers = skein.queue(1000), {}, {}
    for i = 1, many do
      receivers[i] = skein.process(function()
        local got = 0
        for _ in q:items() do got = got + 1 end
        return got
      end)
      senders[i] = skein.process(function()
        for _ = 1, n // many do q:put(item) end
      end)
    end
    for i = 1, many do senders[i]:get() end
    q:close()
    local got = 0
    for i = 1, many do got = got + receivers[i]:get() end
    assert(got == n)
  end
end

local function echo(item)
  return function(n)
    local here, there = skein.pipe()
    local p = skein.process(function(e)
      for _ = 1, n do e:send(e:recv()) end
    end, there)
    for _ = 1, n do
      here:send(item)
      here:recv()
    end
    p:get()
  end
end

local function alone(work)
  return function(n) for _ = 1, n do work() end end
end

--- The same work here and in another process at once, n times in all.
local function together(work)
  return function(n)
    local half = n // 2
    local p = skein.process(function() for _ = 1, half do work() end end)
    for _ = 1, half do work() end
    p:get()
  end
end

local lock, value = skein.lock(), skein.value(0)
local function lock_unlock()
  lock:acquire()
  lock:release()
end
local function add() value:add(1) end

measure.table("queue, one process to another", {
  { "{id = 1, name = \"task\", v = 1.5}", 100000,
    stream({ id = 1, name = "task", v = 1.5 }) },
  { "the same, four to four", 100000,
    crowd(4, { id = 1, name = "task", v = 1.5 }) },
  { "strings of 64 KiB", 5000, stream(("x"):rep(65536)) },
})
measure.table("pipe, there and back", {
  { "an integer", 20000, echo(1) },
  { "a string of 1 MiB", 200, echo(("x"):rep(1 << 20)) },
})
measure.table("lock and value", {
  { "acquire + release, alone", 500000, alone(lock_unlock) },
  { "acquire + release, two processes", 500000, together(lock_unlock) },
  { "value get", 500000, alone(function() value:get() end) },
  { "value add, alone", 500000, alone(add) },
  { "value add, two processes", 500000, together(add) },
})
