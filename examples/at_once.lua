--- Several things at once: all of them, the first of them, some at a time.
-- What to see: 'all' takes as long as the slowest, 'race' as long as the fastest,
-- whose rival cleans up; 'map' has two of five under way; 'select' takes what
-- comes first, and 'every' ticks three times.

local skein = require("skein")

local second = tonumber(arg and arg[1]) or 0.2

local function fetch(what, delay)
  local _ <close> = setmetatable({}, {
    __close = function(_, err)
      if err then print("  " .. what .. " stops: " .. err.kind) end
    end,
  })
  skein.sleep(delay * second)
  return what
end

local function timed(title, fn)
  local start = skein.now()
  print(title)
  print("  " .. fn())
  print(("  after %.1f"):format((skein.now() - start) / second))
end

timed("all: both", function()
  local got = skein.all {
    function() return fetch("news", 1) end,
    function() return fetch("weather", 2) end,
  }
  return got[1] .. ", " .. got[2]
end)

timed("race: the mirror that answers first", function()
  local index, page = skein.race {
    function() return fetch("far", 3) end,
    function() return fetch("near", 1) end,
  }
  return page .. ", which is number " .. index
end)

timed("map: five items, two at a time", function()
  local squares = skein.map({ 1, 2, 3, 4, 5 }, function(item)
    skein.sleep(second)
    return item * item
  end, 2)
  return table.concat(squares, " ")
end)

timed("select: a message or the end of a task", function()
  local inbox, worker = skein.channel(), skein.task(fetch, "result", 2)
  skein.task(function()
    skein.sleep(second)
    inbox:put("a message")
  end)
  local cases = { inbox, { worker, "get" } }
  local _, first = skein.select(cases)
  local _, next_ = skein.select(cases)
  return first .. ", then " .. next_
end)

timed("every: three ticks", function()
  local ticks = {}
  for tick in skein.every(second) do
    ticks[tick] = tick
    if tick == 3 then return table.concat(ticks, " ") end
  end
end)
