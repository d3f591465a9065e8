--- A lock and a number that processes share.

local floor = require("bench.lib.floor")
local loaded, skein = pcall(require, "skein")
if not loaded then skein = {} end

local function locking(n)
  local lock = skein.lock()
  return function()
    for _ = 1, n do
      lock:acquire()
      lock:release()
    end
  end
end

local function adding(n)
  local value = skein.value(0)
  return function()
    for _ = 1, n do value:add(1) end
  end
end

--- The same here and in another process at once, n times in all.
local function together(work)
  return function(n)
    local half = work(n // 2)
    return function()
      local p = skein.process(half)
      half()
      p:get()
    end
  end
end

return {
  {
    id = "lock", title = "lock: acquire, release", n = 1000000, clock = "processor",
    peers = { "python" },
    floor_title = "C: robust shared mutex",
    goal = { ns = 110, there = 125, of = "switch" },
    floor = function(n) return function() floor.mutex(n) end end,
    skein = locking,
  },
  {
    id = "lock2", title = "the same by 2 processes", n = 1000000,
    peers = { "python" },
    floor_title = "C: robust shared mutex",
    goal = { ns = 250, there = 125, of = "switch" },
    floor = function(n) return function() floor.mutex2(n) end end,
    skein = together(locking),
  },
  {
    id = "value2", title = "value: add by 2 processes", n = 1000000,
    peers = { "python" },
    floor_title = "C: atomic add",
    goal = { ns = 80, there = 125, of = "switch" },
    floor = function(n) return function() floor.add2(n) end end,
    skein = together(adding),
  },
}
