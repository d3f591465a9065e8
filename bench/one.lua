--- Does one work of one party, in a process of its own, and prints what it took
--- in ns for each time (or the figure that the work returns).
---   one.lua AREA PARTY WORK N [X]
--- The clock is the wall's, or with CLOCK=processor that of this process.
--- A work is a function of n and x: it prepares, and returns a function that does
--- it n times, and, where something is to be ended, another that ends it. Those of
--- net.lua are servers, n is their port, and they do not return.

package.path = "./?.lua;" .. package.path
local area, party, id, n, x = table.unpack(arg)
local floor = require("bench.lib.floor")

local function load_work()
  if party ~= "skein" and party ~= "floor" then
    return require("bench.peers." .. party)[id]
  end
  for _, work in ipairs(require("bench." .. area)) do
    if work.id == id or work.server == id then return work[party] end
  end
end

local now = os.getenv("CLOCK") == "processor" and os.clock or floor.now
local run, finish = assert(load_work(), "no such work")(math.tointeger(n), math.tointeger(x))
collectgarbage()
local began = now()
local figure = run()
local took = now() - began
if finish then finish() end
print(figure or took / n * 1e9)
