--- Barriers that break and are made whole, events that are set and cleared.

local skein = require("skein")
local crew = require("tools.storm.crew")

local N = 4

local function meet(me, s)
  while me:goes_on() do
    local n, why = s.b:wait(0.5)
    if n then
      assert(n >= 1 and n <= N, "a number that is nobody's")
      s.met:add(n, 1)
    elseif why == "broken" then
      s.broken:add(1, 1)
      s.b:reset()
    else
      error("a wait at a barrier ended with " .. tostring(why), 0)
    end
  end
  s.b:abort() -- so that nobody waits for us
end

local function flags(me, s)
  while me:goes_on() do
    if me.place == 1 then
      s.e:set()
      s.e:clear()
    elseif s.e:wait(0.02) then
      s.met:add(me.place, 1)
    end
  end
end

local function storm(work, finish)
  return function(options)
    local s = { b = skein.barrier(N), e = skein.event(),
                met = skein.array("int64", N), broken = skein.array("int64", 1) }
    local c = crew.run({
      n = N, random = options.random, seconds = options.seconds,
      pause = 0.02, work = function(me) work(me, s) end })
    return ("%d kills, %s; longest standstill %.2f s"):format(c.kills,
      finish(s, c), c.longest)
  end
end

return {
  { name = "barrier", run = storm(meet, function(s, c)
    local least, most = math.huge, 0
    for i = 1, N do
      least, most = math.min(least, s.met[i]), math.max(most, s.met[i])
    end
    assert(most - least <= c.kills, "not all who met have a number of their own")
    return ("met %d times, broken for %d"):format(least, s.broken[1])
  end) },
  { name = "event", run = storm(flags, function(s)
    return ("waited for %d times"):format(s.met[2] + s.met[3] + s.met[4])
  end) },
}
