--- Queues and pipes between two processes.

local floor = require("bench.lib.floor")
local works = require("bench.lib.works")
local loaded, skein = pcall(require, "skein")
if not loaded then skein = {} end

local record = { id = 1, name = "task", v = 1.5 }

--- Two copies of as many bytes.
local function copying(size)
  return function(n)
    local blocks = floor.blocks(size)
    return function() floor.copies(n, blocks, size, 2) end
  end
end

--- n items from another process.
local function stream(item)
  return function(n)
    return function()
      local q = skein.queue(1000)
      local p = skein.process(function()
        for _ = 1, n do q:put(item) end
      end)
      for _ = 1, n do q:get() end
      p:get()
    end
  end
end

local function echo(item)
  return function(n)
    return function() works.echo(n, item) end
  end
end

return {
  {
    id = "pipe", title = "pipe: there and back", n = 50000,
    peers = { "go", "python" },
    floor_title = "C: two futex wake-ups",
    goal = { ns = 5000, there = 125, of = "switch" },
    floor = function(n) return function() floor.futex(n) end end,
    skein = echo(1),
  },
  {
    id = "pipe_1m", title = "pipe: 1 MiB there and back", n = 200,
    peers = { "python" },
    floor_title = "C: memcpy of 2 MiB",
    -- 4 GB/s, where memcpy copied 14.9
    goal = { ns = 524288, there = 140748 },
    floor = copying(1 << 20),
    skein = echo(("x"):rep(1 << 20)),
  },
  {
    id = "queue", title = "queue: a small record, 1 to 1", n = 200000,
    peers = { "go", "python" },
    floor_title = "C: 32 bytes, mutex and futex",
    goal = { ns = 600, there = 125, of = "switch" },
    floor = function(n) return function() floor.ring(n) end end,
    skein = stream(record),
  },
  {
    id = "queue_64k", title = "queue: strings of 64 KiB", n = 5000,
    peers = { "python" },
    floor_title = "C: memcpy, twice",
    goal = { ns = 15000, there = 9000 },
    floor = copying(65536),
    skein = stream(("x"):rep(65536)),
  },
}
