--- cqueues, http://25thandclement.com/~william/projects/cqueues.html: coroutines
--- over descriptors. It has no channels; those here are written by hand over its
--- conditions, as its users do.

local cqueues = require("cqueues")
local condition = require("cqueues.condition")
local thread = require("cqueues.thread")
local socket = require("cqueues.socket")
local resident = require("bench.lib.resident")

local works = {}

local function nop() end

function works.switch(n)
  local cq = cqueues.new()
  local function work()
    for _ = 1, n // 2 do cqueues.sleep(0) end
  end
  cq:wrap(work)
  cq:wrap(work)
  return function() assert(cq:loop()) end
end

function works.start(n)
  local cq = cqueues.new()
  return function()
    for _ = 1, n // 100 do
      for _ = 1, 100 do cq:wrap(nop) end
      assert(cq:loop())
    end
  end
end

local function sleepers(figure)
  local cq = cqueues.new()
  local function sleeper() cqueues.sleep(0.5) end
  return resident.work(figure, function(n)
    for _ = 1, n do cq:wrap(sleeper) end
    cq:step(0)
  end, function() assert(cq:loop()) end)
end

works.sleepers = sleepers("cpu")
works.sleepers_memory = sleepers("memory")

--- A channel; `room` items wait in it.
local function channel(room)
  local items, first, last = {}, 1, 0
  local filled, freed = condition.new(), condition.new()
  return {
    put = function(v)
      while last - first + 1 >= room do freed:wait() end
      last = last + 1
      items[last] = v
      filled:signal(1)
    end,
    get = function()
      while first > last do filled:wait() end
      local v = items[first]
      items[first] = nil
      first = first + 1
      freed:signal(1)
      return v
    end,
  }
end

local function in_loop(body)
  local cq = cqueues.new()
  cq:wrap(body)
  return { run = function() assert(cq:loop()) end, cq = cq }
end

function works.channel(n)
  local c = channel(math.huge)
  return in_loop(function()
    for i = 1, n do
      c.put(i)
      c.get()
    end
  end).run
end

function works.pingpong(n)
  local a, b = channel(1), channel(1)
  local loop = in_loop(function()
    for i = 1, n do
      a.put(i)
      b.get()
    end
  end)
  loop.cq:wrap(function()
    for _ = 1, n do b.put(a.get()) end
  end)
  return loop.run
end

--- The nearest to a limit on all that a function does: a loop of its own.
function works.timeout(n)
  return in_loop(function()
    for _ = 1, n do
      local inner = cqueues.new()
      inner:wrap(cqueues.sleep, 0)
      assert(inner:loop(1))
    end
  end).run
end

function works.thread(n)
  return function()
    for _ = 1, n do
      local t = thread.start(function() end)
      t:join()
    end
  end
end

--- The server of bench/net.lua.
function works.echo(port)
  local server = socket.listen("127.0.0.1", port)
  local cq = cqueues.new()
  cq:wrap(function()
    for s in server:clients() do
      cq:wrap(function()
        s:setmode("b", "bn")
        while true do
          local data = s:read(-4096)
          if not data then break end
          s:write(data)
          s:flush()
        end
        s:close()
      end)
    end
  end)
  assert(cq:loop())
end

return works
