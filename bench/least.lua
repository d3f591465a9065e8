--- What a start needs at least: the floor, then what any library has to add, one
--- part after the other, then skein. And what two processors can do at the most:
--- one half of what computes in a bare fork, the other beside it, then a pool of
--- two. Each is the best of several turns. `make bench-least` runs it.

package.path = "./?.lua;" .. package.path
local floor = require("bench.lib.floor")
local skein = require("skein")

local TURNS, TIMES = 150, 12 -- short ones: one of them finds the machine quiet
local LONG = 20 -- one in so many turns has what takes long

local function nop() end

local function start(kind, opts)
  return function(n)
    for _ = 1, n do skein[kind](opts, nop):join() end
  end
end

local function fork(mode)
  return function(n) floor.leastfork(n, mode, nop) end
end

local function thread(rings)
  return function(n) floor.leastthread(n, rings) end
end

local ITEMS, ROUNDS = 60, 200000

--- Some ms of work for the processor.
local function compute(seed)
  local x = seed
  for _ = 1, ROUNDS do x = (x * 1103515245 + 12345) % 2147483648 end
  return x
end

local function half(which)
  for i = which, ITEMS, 2 do compute(i) end
end

local list = {}
for i = 1, ITEMS do list[i] = i end

--- A pool of two of that kind: what computes, as a map -> the time of that alone.
local function pool(kind)
  return function()
    local made <close> = skein.pool({ workers = 2, kind = kind })
    made:map(compute, { 1, 2 }) -- both are there
    local began = floor.now()
    made:map(compute, list)
    return floor.now() - began
  end
end

local works = {
  { "fork, wait", fork(0) },
  { "... and a Lua function is called in the child", fork(1) },
  { "... and it answers in shared memory", fork(2) },
  { "... and a loop waits for its end", fork(3) },
  { "... and it has all that a process is owed", fork(4) },
  { "skein.process by fork, join", start("process", { method = "fork" }) },
  { "skein.process by server, join", start("process", { method = "server" }) },
  { "pthread with a Lua state, join", thread(false) },
  { "... and a loop waits for its end", thread(true) },
  { "skein.thread, join", start("thread", {}) },
  { "what computes, one half after the other", function() half(1) half(2) end, 1 },
  { "... one in a bare fork, the other beside it", function() floor.halves(half) end, 1 },
  { "skein.pool of two processes, map", pool("process"), 1 },
  { "skein.pool of two threads, map", pool("thread"), 1 },
}

local best = {}

--- One turn of the `i`th.
local function measure(i)
  local what, times = works[i][2], works[i][3] or TIMES
  what(1) -- what is made for the first one is there
  local began = floor.now()
  local alone = what(times)
  local took = (alone or floor.now() - began) / times * 1e6
  best[i] = math.min(best[i] or took, took)
end

for turn = 1, TURNS do
  for i, work in ipairs(works) do
    if not work[3] or turn % LONG == 1 then measure(i) end
  end
end

for i, work in ipairs(works) do
  print(("%-48s %6.0f us"):format(work[1], best[i]))
end
