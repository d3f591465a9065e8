--- Locks, conditions and semaphores. What a lock protects is changed in two
--- places one after the other: whoever gets it sees both alike, or is told
--- that the last owner died.

local skein = require("skein")
local crew = require("tools.storm.crew")

--- The lock is ours: look whether it was nobody else's, and change both.
local function inside(me, s, how)
  if how == "abandoned" then
    s.a[2] = s.a[1]
    s.a[3] = 0
  end
  assert(s.a[3] == 0, "two had the lock")
  s.a[3] = me.number
  assert(s.a[1] == s.a[2], "what the lock protects is half changed")
  s.a[1] = s.a[1] + 1
  if me:dice(8) == 1 then skein.yield() end
  s.a[2] = s.a[2] + 1
  assert(s.a[3] == me.number, "another one had the lock")
  s.a[3] = 0
end

local function lock(me, s)
  while me:goes_on() do
    local ok, how = s.l:acquire(me:dice(3) == 1 and 0.001 or nil)
    if ok then
      inside(me, s, how)
      s.l:release()
    end
  end
end

local function tasks(me, s)
  skein.group(function(g)
    for _ = 1, 3 do g:task(lock, me, s) end
  end)
end

--- A lock that its owner takes twice.
local function twice(me, s)
  while me:goes_on() do
    local ok, how = s.l:acquire()
    if ok then
      s.l:acquire()
      inside(me, s, how)
      s.l:release()
      s.l:release()
    end
  end
end

--- Half of them wait for a token, half make one.
local function condition(me, s)
  while me:goes_on() do
    local _, how = s.c:acquire()
    if how == "abandoned" then s.a[3] = 0 end
    assert(s.a[3] == 0, "two had the lock")
    if me.place % 2 == 0 then
      if s.a[4] == 0 then
        local ok, why = s.c:wait(0.02)
        if ok and why == "abandoned" then s.a[3] = 0 end
        assert(s.a[3] == 0, "two had the lock")
      end
      s.a[3] = me.number
      if s.a[4] > 0 then s.a[4] = s.a[4] - 1 end
    else
      s.a[3] = me.number
      s.a[4] = s.a[4] + 1
      s.c:notify(me:dice(2))
    end
    s.a[3] = 0
    s.c:release()
  end
end

local PERMITS = 100

--- The place says whether its worker has a permit, or is about to have one.
local function semaphore(me, s)
  while me:goes_on() do
    s.a[10 + me.place] = 1
    if s.s:acquire(0.01) then
      local n = s.inside:add(1, 1)
      assert(n <= PERMITS, "more are inside than there were permits")
      s.inside:add(1, -1)
      s.s:release()
    end
    s.a[10 + me.place] = 0
  end
end

local function storm(work, killed, finish)
  return function(options)
    local s = { l = skein.lock({ reentrant = work == twice }),
                s = skein.semaphore(PERMITS), a = skein.array("int64", 20),
                inside = skein.array("int64", 1) }
    s.c = skein.condition(s.l)
    local c = crew.run({
      n = 5, random = options.random, seconds = options.seconds,
      work = function(me) work(me, s) end,
      killed = killed and function(place) killed(s, place) end,
    })
    assert(s.l:acquire(1), "the lock is lost")
    s.l:release()
    local said = finish and finish(s, c) or s.a[1] .. " times inside"
    return ("%d kills, %s; longest standstill %.2f s"):format(c.kills, said,
      c.longest)
  end
end

--- A permit that was held is lost; one that was waited for is not.
local function permits(s, c)
  local lost = PERMITS - s.s:value()
  assert(lost >= 0 and lost <= c.kills, lost .. " permits were lost")
  return lost .. " permits lost with who had them"
end

local function replace(s, place)
  s.a[10 + place] = 0
  if s.s:value() < PERMITS // 2 then
    s.s:release() -- else they all die out
    s.a[9] = s.a[9] + 1
  end
end

return {
  { name = "lock", run = storm(lock) },
  { name = "lock of tasks", run = storm(tasks) },
  { name = "reentrant lock", run = storm(twice) },
  { name = "condition", run = storm(condition, nil,
    function(s) return s.a[4] .. " tokens left" end) },
  { name = "semaphore", run = storm(semaphore, replace, function(s, c)
    return permits(s, { kills = c.kills + s.a[9] })
  end) },
}
