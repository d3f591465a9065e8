--- Dicts, values and arrays. Each worker says in a journal of its place what
--- it has added; a killed one may have added once more than it could say.

local skein = require("skein")
local crew = require("tools.storm.crew")
local text = require("tools.storm.text")

local PLACES, KEYS = 5, 40

--- A text that is large now and then, in a table that can be checked.
local function value(me)
  return text.item(me:dice(4000))
end

local function dict(me, s)
  while me:goes_on() do
    local key = "key " .. me:dice(KEYS)
    if me:dice(8) == 1 then key = key:rep(1000) end
    local what = me:dice(8)
    if what == 1 then s.d:delete(key)
    elseif what == 2 then s.d:set(key, value(me))
    elseif what == 3 then
      s.d:update(key, function(old)
        if old then text.check(old) end
        return value(me)
      end)
    elseif what == 4 then
      for _, v in s.d:pairs() do
        if type(v) == "table" then text.check(v) end
      end
    elseif what == 5 then
      local v = s.d:get(key)
      if v then text.check(v) end
    elseif what == 6 then -- it grows and shrinks
      local first = me.place * 1000
      for i = 1, me:dice(200) do s.d:set(first + i, true) end
      for i = 1, 200 do s.d:delete(first + i) end
    else
      s.d:add(s.sums[me:dice(4)], 1)
      s.journal:add(me.place, 1)
    end
  end
end

local function single(me, s)
  while me:goes_on() do
    local what = me:dice(5)
    if what == 1 then s.v:set(value(me))
    elseif what == 2 then text.check(s.v:get())
    elseif what == 3 then
      s.v:with(function(old)
        text.check(old)
        return value(me)
      end)
    elseif what == 4 then s.v:cas(s.v:get(), value(me))
    else
      s.n:add(1)
      s.journal:add(me.place, 1)
    end
  end
end

local function numbers(me, s)
  while me:goes_on() do
    if me:dice(4) == 1 then
      s.a:with(function()
        local x = s.a[1]
        s.a[1] = x + 1
        s.a[2] = x + 1
      end)
    else
      s.a:add(3, 1)
      s.journal:add(me.place, 1)
    end
  end
end

--- What was added is what the journals say, and at most one more a kill.
local function agrees(sum, s, c)
  local said = 0
  for i = 1, PLACES do said = said + s.journal[i] end
  assert(sum >= said and sum <= said + c.kills,
    ("%d was added, the journals say %d"):format(sum, said))
  return sum .. " added"
end

local function storm(work, finish)
  return function(options)
    local s = { d = skein.dict(), v = skein.value(text.item(1)),
                n = skein.value("int64", 0), a = skein.array("int64", 3),
                journal = skein.array("int64", PLACES), sums = {} }
    for i = 1, 4 do s.sums[i] = i end
    local c = crew.run({
      n = PLACES, random = options.random, seconds = options.seconds,
      work = function(me) work(me, s) end })
    return ("%d kills, %s; longest standstill %.2f s"):format(c.kills,
      finish(s, c), c.longest)
  end
end

return {
  { name = "dict", run = storm(dict, function(s, c)
    local sum, n = 0, 0
    for k, v in s.d:pairs() do
      n = n + 1
      if type(v) == "table" then
        text.check(v)
      elseif v ~= true then
        sum = sum + v
      end
      assert(s.d:get(k) ~= nil, "a key that is not found")
    end
    assert(n == #s.d, "the dict has lost count")
    return agrees(sum, s, c)
  end) },
  { name = "value", run = storm(single, function(s, c)
    text.check(s.v:get())
    return agrees(s.n:get(), s, c)
  end) },
  { name = "array", run = storm(numbers, function(s, c)
    assert(s.a[1] - s.a[2] <= 1, "more than one change was cut short")
    return agrees(s.a[3], s, c)
  end) },
}
