--- Processes that work on what they share while random ones are killed.
---
--- A crew has `n` places. In each a process runs `work(me)`; killed, it is
--- followed by another one at once. `me` is what a worker knows of itself: its
--- place, its number among all that ever worked there, and when to stop.

local skein = require("skein")

local crew = {}

--- Seconds that a worker may stand still before the storm is a failure. They
--- go on within a second; a machine that has other things to do is granted more.
crew.patience = 10

local Me = {}
Me.__index = Me

--- Is there to be one more round? Called in each; the crew sees it.
function Me:goes_on()
  self.beats:add(self.place, 1)
  return not self.over:is_set()
end

--- A random integer that follows from the seed.
function Me:dice(n)
  self.state = (self.state * 6364136223846793005 + 1442695040888963407)
  return (self.state >> 33) % n + 1
end

local function work_as(self, work)
  work(setmetatable(self, Me))
end

local methods = { "fork", "fork", "fork", "server", "spawn" }

local function start(self, place)
  self.started = self.started + 1
  local method = methods[self.random(#methods)]
  local p = skein.process({ method = method, daemon = true }, work_as,
    { place = place, number = self.started, beats = self.beats,
      over = self.over, state = self.random(1 << 40) }, self.work)
  self.places[place] = { process = p, seen = self.beats[place],
                         since = skein.now() }
end

--- Looks who has done something; raises when one has not for too long.
local function watch(self)
  local now = skein.now()
  for place, w in ipairs(self.places) do
    local beats = self.beats[place]
    if w.process:done() then
      error(("the worker at place %d ended: %s"):format(place,
        tostring(w.process:error())), 0)
    elseif beats ~= w.seen then
      w.seen, w.since = beats, now
    elseif now - w.since > crew.patience then
      error(("the worker at place %d stands still\n%s"):format(place,
        skein.dump()), 0)
    end
    self.longest = math.max(self.longest, now - w.since)
  end
end

--- Kills random workers for so many seconds, then lets the others end.
---@param options table  n, work, random, seconds; pause: the longest between
---  two kills; killed: called with the place of each one that was
---@return table  kills, longest: the longest that one stood still
function crew.run(options)
  local self = { work = options.work, random = options.random, places = {},
                 beats = skein.array("int64", options.n),
                 over = skein.event(), started = 0, kills = 0, longest = 0 }
  for place = 1, options.n do start(self, place) end
  local finish = skein.now() + options.seconds
  while skein.now() < finish do
    skein.sleep(options.random() * (options.pause or 0.01))
    watch(self)
    local place = options.random(options.n)
    local p = self.places[place].process
    p:kill()
    p:join()
    self.kills = self.kills + 1
    if options.killed then options.killed(place) end
    start(self, place)
  end
  self.over:set()
  for place, w in ipairs(self.places) do
    if not w.process:join(crew.patience) then
      error(("the worker at place %d does not end\n%s"):format(place,
        skein.dump()), 0)
    end
    if w.process:exitcode() ~= 0 then error(tostring(w.process:error()), 0) end
  end
  return self
end

return crew
