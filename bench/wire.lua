--- Values to bytes and back, next to building them in Lua. The clock is that of the
--- processor.

local records = require("bench.lib.records")
local loaded, skein = pcall(require, "skein")
if not loaded then skein = {} end

local function build(n)
  return function() for _ = 1, n do records(1000) end end
end

return {
  clock = "processor",
  {
    id = "pack", title = "pack 1000 small records", n = 300,
    peers = { "cjson", "python" },
    floor_title = "Lua: build them",
    goal = { ns = 200000, there = 125, of = "switch" },
    floor = build,
    skein = function(n)
      local value = records(1000)
      return function() for _ = 1, n do skein.pack(value) end end
    end,
  },
  {
    id = "unpack", title = "unpack 1000 small records", n = 300,
    peers = { "cjson", "python" },
    floor_title = "Lua: build them",
    goal = { ns = 600000, there = 125, of = "switch" },
    floor = build,
    skein = function(n)
      local text = skein.pack(records(1000))
      return function() for _ = 1, n do skein.unpack(text) end end
    end,
  },
}
