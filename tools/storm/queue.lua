--- Producers and consumers of one queue. Each item has a number; two arrays
--- say whose put returned and how often it was got. A killed producer may have
--- put one more item than it could say, a killed consumer have got one.

local skein = require("skein")
local crew = require("tools.storm.crew")
local text = require("tools.storm.text")

local ITEMS, PRODUCERS, CONSUMERS = 2000000, 3, 3

local function produce(me, s)
  while me:goes_on() do
    local id = s.ticket:add(1)
    if id > ITEMS then return end
    local item = text.item(id)
    local ok = s.q:put(item, 0.05 * me:dice(2))
    s.state[id] = ok and 1 or 2
  end
end

local function consume(me, s)
  while me:goes_on() do
    local item = s.q:get(0.05)
    if item then s.got:add(text.check(item), 1) end
  end
end

--- What came of each item, after all are gone.
local function account(s, kills)
  local count = { put = 0, lost = 0, unsaid = 0 }
  local last = math.min(s.ticket:get(), ITEMS)
  local state, got = s.state:slice(1, last), s.got:slice(1, last)
  for id = 1, last do
    assert(got[id] <= 1, "item " .. id .. " came twice")
    assert(state[id] ~= 2 or got[id] == 0, "item " .. id .. " was not put")
    if state[id] == 1 then
      count.put = count.put + 1
      if got[id] == 0 then count.lost = count.lost + 1 end
    elseif got[id] == 1 then
      count.unsaid = count.unsaid + 1
    end
  end
  assert(count.lost <= kills.consumers, count.lost .. " items were lost")
  assert(count.unsaid <= kills.producers, count.unsaid .. " items were unsaid")
  return count
end

local function storm(options, capacity)
  local s = { q = skein.queue(capacity), ticket = skein.value("int64", 0),
              state = skein.array("int8", ITEMS),
              got = skein.array("int8", ITEMS) }
  local kills = { producers = 0, consumers = 0 }
  local c = crew.run({
    n = PRODUCERS + CONSUMERS,
    random = options.random, seconds = options.seconds,
    work = function(me)
      return (me.place <= PRODUCERS and produce or consume)(me, s)
    end,
    killed = function(place)
      local who = place <= PRODUCERS and "producers" or "consumers"
      kills[who] = kills[who] + 1
    end,
  })
  for item in function() return s.q:get(0) end do
    s.got:add(text.check(item), 1)
  end
  local count = account(s, kills)
  return ("%d kills, %d items put, %d lost with who had them; " ..
    "longest standstill %.2f s"):format(c.kills, count.put, count.lost,
    c.longest)
end

return {
  { name = "queue", run = function(o) return storm(o) end },
  { name = "short queue", run = function(o) return storm(o, 2) end },
  { name = "rendezvous", run = function(o) return storm(o, 0) end },
  { name = "narrow queue",
    run = function(o) return storm(o, { bytes = 3000 }) end },
}
