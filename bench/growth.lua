--- How cost grows: each work is done for several x, and drawn as a curve.

local floor = require("bench.lib.floor")
local works = require("bench.lib.works")
local loaded, skein = pcall(require, "skein")
if not loaded then skein = {} end

local record = { id = 1, name = "task", v = 1.5 }

--- 'from', 'from' * 'by', ... 'to'.
local function powers(from, by, to)
  local list = {}
  while from <= to do
    list[#list + 1] = from
    from = from * by
  end
  return list
end

-- Tasks --------------------------------------------------------------------

-- They have begun before the clock does: here it is about switching.

local function many_coroutines(n, x)
  local create, resume, give = coroutine.create, coroutine.resume, coroutine.yield
  local all = {}
  for i = 1, x do
    all[i] = create(function() while true do give() end end)
    resume(all[i])
  end
  return function()
    for _ = 1, n // x do
      for i = 1, x do resume(all[i]) end
    end
  end
end

local function many_tasks(n, x)
  local function work()
    for _ = 1, n // x do skein.yield() end
  end
  local last
  for _ = 1, x do last = skein.task(work) end
  skein.yield()
  return function() last:join() end
end

--- A timeout that is armed and disarmed while x tasks sleep.
local function timers(n, x)
  for i = 1, x do skein.task(skein.sleep, 1000 + i / 1000) end
  skein.yield()
  return function()
    for _ = 1, n do skein.timeout(1, works.same) end
  end
end

-- Queues and pipes ---------------------------------------------------------

local function echo(n, x)
  local message = ("x"):rep(x)
  return function() works.echo(n, message) end
end

--- x processes put, and x get.
local function crowd(n, x)
  local share = n // x
  return function()
    local q, all = skein.queue(1000), {}
    for i = 1, x do
      all[i] = skein.process(function()
        for _ = 1, share do q:put(record) end
      end)
      all[x + i] = skein.process(function()
        for _ = 1, share do q:get() end
      end)
    end
    for _, p in ipairs(all) do p:get() end
  end
end

local function as_many(x) return x end

return {
  {
    id = "many", title = "tasks that yield in turn", axis = "tasks",
    sweep = powers(100, 10, 1000000), times = function(x) return math.max(3 * x, 300000) end,
    floor = many_coroutines,
    skein = many_tasks,
    peers = { "go", "python" }, most = { go = 100000, python = 100000 },
  },
  {
    id = "timers", title = "arm and disarm a timer", axis = "timers that are pending",
    sweep = powers(10, 10, 1000000), times = function() return 100000 end,
    skein = timers,
    peers = { "luv", "go", "python" }, most = { luv = 100000 },
  },
  {
    id = "sizes", title = "message there and back", axis = "bytes",
    sweep = powers(1, 4, 1 << 26),
    times = function(x) return math.max(3, math.min(10000, (1 << 27) // x)) end,
    floor = function(n, x)
      local blocks = floor.blocks(x)
      return function() floor.copies(n, blocks, x, 2) end
    end,
    skein = echo,
    peers = { "python" },
  },
  {
    id = "crowd", title = "item through a queue", axis = "producers, and as many consumers",
    sweep = powers(1, 2, 16), times = function() return 40000 end,
    skein = crowd,
    peers = { "go", "python" },
  },
  {
    id = "jobs", title = "pool: submit and get", axis = "jobs at once",
    sweep = powers(100, 10, 1000000), times = as_many,
    skein = works.in_pool(works.submit),
    peers = { "python" }, most = { python = 10000 },
  },
  {
    id = "items", title = "pool: map", axis = "items",
    sweep = powers(100, 10, 1000000), times = as_many,
    skein = works.in_pool(works.map),
    peers = { "python" },
  },
}
