--- Pools of two workers.

local floor = require("bench.lib.floor")
local works = require("bench.lib.works")
local loaded, skein = pcall(require, "skein")
if not loaded then skein = {} end

local in_pool, numbers, same = works.in_pool, works.numbers, works.same

local function starting(n)
  return function()
    for _ = 1, n do
      local pool = skein.pool(2)
      pool:close()
      pool:join()
    end
  end
end

local function apply(pool, n)
  for i = 1, n do pool:apply(same, i) end
end

--- Some ms of work for the processor.
local function compute(seed)
  local x = seed
  for _ = 1, 200000 do x = (x * 1103515245 + 12345) % 2147483648 end
  return x
end

return {
  {
    id = "pool", title = "pool of 2: start, close, join", n = 50,
    peers = { "python" },
    floor_title = "C: two forks, waits",
    goal = { ns = 1000000, there = 492000 },
    floor = function(n) return function() floor.fork2(n) end end,
    skein = starting,
  },
  {
    id = "apply", title = "pool: apply", n = 20000,
    peers = { "python" },
    floor_title = "C: two futex wake-ups",
    goal = { ns = 10000, there = 125, of = "switch" },
    floor = function(n) return function() floor.futex(n) end end,
    skein = in_pool(apply),
  },
  {
    id = "submit", title = "pool: 50 000 submits, gets", n = 50000, fixed = true,
    peers = { "python" },
    floor_title = "C: 32 bytes there and back",
    goal = { ns = 3000, there = 125, of = "switch" },
    floor = function(n) return function() floor.jobs(n) end end,
    skein = in_pool(works.submit),
  },
  {
    id = "map", title = "pool: map of 1 000 000 items", n = 1000000, fixed = true,
    peers = { "python" },
    floor_title = "Lua: one loop",
    goal = { ns = 90, there = 125, of = "switch" },
    floor = function(n)
      return function()
        local list, results = numbers(n), {}
        for i = 1, n do results[i] = same(list[i]) end
        assert(results[n] == n)
      end
    end,
    skein = in_pool(works.map),
  },
  {
    id = "compute", title = "pool of 2: map of what computes", n = 60, fixed = true,
    peers = { "python" },
    floor_title = "Lua: one after the other",
    goal = { ratio = 1 / 1.9 },
    floor = function(n)
      return function()
        for i = 1, n do compute(i) end
      end
    end,
    skein = in_pool(function(pool, n) assert(#pool:map(compute, numbers(n)) == n) end),
  },
}
