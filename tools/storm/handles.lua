--- Objects that are made, put into one another, sent and dropped by processes
--- that are killed meanwhile. What nobody has any more is gone.

local skein = require("skein")
local crew = require("tools.storm.crew")

local makers = {
  function() return skein.queue() end,
  function() return skein.lock() end,
  function() return (skein.pipe()) end,
  function() return skein.condition() end,
  function() return skein.array("double", 1000) end,
  function() return skein.dict() end,
  function() return skein.value({ "x" }) end,
  function()
    local q = skein.queue()
    q:put({ skein.event(), skein.semaphore(1) })
    return q
  end,
}

local function work(me, q)
  while me:goes_on() do
    if me:dice(2) == 1 then
      local list = {}
      for i = 1, me:dice(3) do list[i] = makers[me:dice(#makers)]() end
      q:put(list, 0.001)
    else
      q:get(0.001)
    end
    if me:dice(20) == 1 then collectgarbage() end
  end
end

local function storm(options)
  local q = skein.queue(20)
  local c = crew.run({ n = 5, random = options.random,
                       seconds = options.seconds,
                       work = function(me) work(me, q) end })
  local n = 0
  while q:get(0) do n = n + 1 end
  return ("%d kills, %d lists left; longest standstill %.2f s"):format(
    c.kills, n, c.longest)
end

return { { name = "handles", run = storm } }
