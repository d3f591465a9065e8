--- Many at once: all, race, map, and ticks that do not drift.

local core = require("skein.core")

local many = {}

--- What came, for a message: of a number its value.
local function show(v)
  if v ~= v then return "NaN" end
  return type(v) == "number" and tostring(v) or type(v)
end

--- Raises at the line that called the public function.
local function misuse(name, number, expected, got)
  error(("bad argument #%d to '%s' (%s expected, got %s)"):format(number, name,
    expected, got), 3)
end

--- A function that runs the function, or awaits the handle, `thing`.
local function runner(name, list, i)
  local thing = list[i]
  if type(thing) == "function" then return thing end
  if not core.awaitable(thing) then
    error(("bad argument #1 to '%s' (item %d: function or handle expected, " ..
      "got %s)"):format(name, i, show(thing)), 4)
  end
  return function()
    local handle <close> = thing -- left early, it is cancelled
    return handle:get()
  end
end

local function runners(name, list)
  if type(list) ~= "table" then
    error(("bad argument #1 to '%s' (table expected, got %s)"):format(name,
      type(list)), 3)
  end
  local fns = {}
  for i = 1, #list do fns[i] = runner(name, list, i) end
  return fns
end

local function spread(group, fns)
  local tasks = {}
  for i, fn in ipairs(fns) do tasks[i] = group:task(fn) end
  return tasks
end

--- Waits for all; the first error cancels the rest and is raised.
---@async
---@param list (function|skein.Handle)[]
---@return table results  the first result of each, in order, and `n`
function many.all(list)
  local tasks = core.firstgroup(spread, runners("all", list))
  local results = { n = #list }
  for i, task in ipairs(tasks) do results[i] = (task:get()) end
  return results
end

--- The first to end; the others are cancelled and waited for.
---@async
---@param list (function|skein.Handle)[]
---@return integer index
---@return any ...  its results; its error is raised
function many.race(list)
  local fns = runners("race", list)
  if #fns == 0 then misuse("race", 1, "non-empty list", "an empty table") end
  local winner, outcome
  core.group(function(group)
    local function compete(i, fn)
      local result = table.pack(pcall(fn))
      if winner then return end
      winner, outcome = i, result
      group:cancel()
    end
    for i, fn in ipairs(fns) do group:task(compete, i, fn) end
  end)
  if not outcome[1] then error(outcome[2], 0) end
  return winner, table.unpack(outcome, 2, outcome.n)
end

--- Calls `fn(item, i)` for every item in concurrent tasks.
---@async
---@param list any[]
---@param fn fun(item: any, i: integer): any
---@param limit? integer  how many at once at most
---@return table results  the first result of each, in order, and `n`
function many.map(list, fn, limit)
  if type(list) ~= "table" then misuse("map", 1, "table", show(list)) end
  if type(fn) ~= "function" then misuse("map", 2, "function", show(fn)) end
  local n = list.n or #list
  if limit == nil or limit == math.huge then limit = n end
  local whole = math.type(limit) and math.tointeger(limit)
  if not whole or whole < 1 and n > 0 then
    misuse("map", 3, "positive whole number", show(limit))
  end
  local results, taken = { n = n }, 0
  local function work()
    while taken < n do
      taken = taken + 1
      local i = taken
      results[i] = (fn(list[i], i))
    end
  end
  core.firstgroup(function(group)
    for _ = 1, math.min(limit, n) do group:task(work) end
  end)
  return results
end

--- Ticks 1, 2, 3 ... every `seconds`, the first after that time. A late tick
--- is given at once, and does not delay those after it.
---@param seconds number
---@return fun(): integer
function many.every(seconds)
  local positive = type(seconds) == "number" and seconds > 0
  if not positive then
    misuse("every", 1, "positive number", show(seconds))
  end
  local start, tick = core.now(), 0
  return function()
    tick = tick + 1
    core.sleep(math.max(0, start + tick * seconds - core.now()))
    return tick
  end
end

return many
