--- What the specs of pools share.

local skein = require("skein")
local support = require("spec.support")

local pools = {}

--- A test with a pool, which is closed and joined at its end.
function pools.with(opts, body)
  return support.task(function()
    local pool <close> = skein.pool(opts)
    body(pool)
  end)
end

--- For `setup`: what the first pool opens stays open.
function pools.warm()
  local pool <close> = skein.pool(1)
  pool:apply(function() skein.sleep(0.02) end)
end

--- 1 to n.
function pools.range(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

--- For a job: the pid of its worker.
function pools.where() return skein.self().pid end

--- How many children this process has, zombies included.
function pools.children()
  local pid = skein.self().pid
  local file = assert(io.open(("/proc/%d/task/%d/children"):format(pid, pid)))
  local _, n = file:read("a"):gsub("%d+", "")
  file:close()
  return n
end

return pools
