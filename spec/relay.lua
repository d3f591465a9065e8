--- A bad network between a client and a server: what passes comes late, in other
--- pieces than it was sent in, in bursts, after stalls, or not at all, since the
--- connection is reset. By chance, which a seed repeats.
---
--- It stands in for a network that delays and loses packets, where the kernel has
--- none of that kind: TCP makes of a lost packet a stall and then a burst.

local skein = require("skein")

local relay = {}

--- A generator of its own: `dice(n)` is from 1 to n.
function relay.dice(seed)
  return function(n)
    seed = seed * 6364136223846793005 + 1442695040888963407
    return (seed >> 33) % n + 1
  end
end

--- Passes on what comes, cut anew.
local function pass(from, to, dice, faults, count)
  while true do
    local data = from:read()
    if not data then break end
    if dice(faults.merge) == 1 then -- a burst: what comes meanwhile goes with it
      skein.sleep(faults.delay * dice(4))
      data = data .. (from:read(nil, 0) or "")
    end
    local at = 1
    while at <= #data do
      local n = dice(dice(20) == 1 and #data or faults.piece)
      if dice(faults.stall) == 1 then skein.sleep(faults.delay * 10) end
      if not to:write(data:sub(at, at + n - 1)) then return end
      count.passed = count.passed + math.min(n, #data + 1 - at)
      at = at + n
      if count.passed > count.limit then return true end
      if dice(8) == 1 then skein.sleep(0) end
    end
  end
  to:shutdown()
end

--- What is written to a stream that is closed with something unread in it, the
--- other side loses as well: that is a reset.
local function attend(near, port, dice, faults)
  local far <close> = skein.net.connect("127.0.0.1", port)
  if not far then return end
  local count = { passed = 0, limit = faults.reset and dice(faults.reset) or math.huge }
  local over = skein.event()
  local ways <close> = setmetatable({}, { __close = function(ways)
    for _, way in ipairs(ways) do
      way:cancel()
      skein.shield(way.join, way)
      way:error()
    end
  end })
  for i, way in ipairs { { near, far }, { far, near } } do
    ways[i] = skein.task(function()
      if pass(way[1], way[2], dice, faults, count) then over:set() end -- a reset
    end)
  end
  skein.task(function()
    for _, way in ipairs(ways) do way:join() end
    over:set()
  end)
  over:wait()
end

--- Starts one that leads to a port of this machine. `faults`: seconds of a `delay`;
--- one of so many pieces waits, `merge`, and stalls for longer, `stall`; the most
--- bytes of a small `piece`; after how many bytes at most there is a `reset`.
---@return { port: integer }  closed by <close>
function relay.start(port, seed, faults)
  faults = setmetatable(faults or {}, { __index = {
    delay = 0.0005, merge = 8, piece = 40, stall = 100,
  } })
  local dice = relay.dice(seed)
  local server = assert(skein.net.listen("127.0.0.1", 0))
  local serving = skein.task({ name = "relay" }, server.serve, server, function(near)
    attend(near, port, dice, faults)
  end)
  local self = { port = select(2, server:sockname()) }
  return setmetatable(self, { __close = function()
    server:close()
    serving:cancel()
    serving:join()
    serving:error()
  end })
end

return relay
