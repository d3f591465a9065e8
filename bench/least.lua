--- What a start needs at least: the floor, then what any library has to add, one
--- part after the other, then skein; each the best of several turns. `make
--- bench-least` runs it.

package.path = "./?.lua;" .. package.path
local floor = require("bench.lib.floor")
local skein = require("skein")

local TURNS, TIMES = 7, 300

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

local works = {
  { "fork, wait", fork(0) },
  { "... and a Lua function is called in the child", fork(1) },
  { "... and it answers in shared memory", fork(2) },
  { "... and a loop waits for its end", fork(3) },
  { "skein.process by fork, join", start("process", { method = "fork" }) },
  { "skein.process by server, join", start("process", { method = "server" }) },
  { "pthread with a Lua state, join", thread(false) },
  { "... and a loop waits for its end", thread(true) },
  { "skein.thread, join", start("thread", {}) },
}

local best = {}
for _ = 1, TURNS do
  for i, work in ipairs(works) do
    work[2](1) -- what is made for the first one is there
    local began = floor.now()
    work[2](TIMES)
    local took = (floor.now() - began) / TIMES * 1e6
    best[i] = math.min(best[i] or took, took)
  end
end

for i, work in ipairs(works) do
  print(("%-48s %6.0f us"):format(work[1], best[i]))
end
