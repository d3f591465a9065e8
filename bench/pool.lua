--- Pools of two workers.

package.path = arg[0]:gsub("[^/]*$", "lib/?.lua;") .. package.path
local skein = require("skein")
local measure = require("measure")

local function same(x) return x end

-- Before there is much memory, for a fork copies its tables.
measure.table("pool of two processes", {
  { "start, close and join", 50, function(n)
    for _ = 1, n do
      local pool = skein.pool(2)
      pool:close()
      pool:join()
    end
  end },
})

local pool <close> = skein.pool(2)

local function submit_and_get(n)
  local jobs = {}
  for i = 1, n do jobs[i] = pool:submit(same, i) end
  for i = 1, n do assert(jobs[i]:get() == i) end
end

local list = {}
for i = 1, 1000000 do list[i] = i end

measure.table("its jobs", {
  { "apply, there and back", 20000, function(n)
    for i = 1, n do pool:apply(same, i) end
  end },
  { "submit + get, 50 000 at once", 50000, submit_and_get },
  { "map, 1 000 000 trivial items", #list, function(n)
    local results = pool:map(same, list)
    assert(results[n] == n)
  end },
})
