--- Measuring one kind of work next to its floor, in the same run.

local skein = require("skein")

local measure = {}

local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

--- Seconds that `fn(n)` takes for each of its n rounds: the median of five
--- runs that take turns with those of the others.
---@param works { [1]: string, [2]: integer, [3]: fun(n: integer) }[]
---@return number[]
function measure.each(works)
  local times = {}
  for i = 1, #works do times[i] = {} end
  for run = 1, 5 do
    for i, work in ipairs(works) do
      collectgarbage()
      local start = skein.now()
      work[3](work[2])
      times[i][run] = (skein.now() - start) / work[2]
    end
  end
  for i, list in ipairs(times) do times[i] = median(list) end
  return times
end

local function number(seconds)
  local ns = seconds * 1e9
  if ns < 1e4 then return ("%.0f ns"):format(ns) end
  if ns < 1e7 then return ("%.1f us"):format(ns / 1e3) end
  return ("%.1f ms"):format(ns / 1e6)
end

--- Prints a table; the first work is the floor that the others are compared
--- with, if `title` is followed by `true`.
function measure.table(title, works, floor)
  print(title)
  local times = measure.each(works)
  for i, work in ipairs(works) do
    local ratio = floor and ("%8.2f x"):format(times[i] / times[1]) or ""
    print(("  %-44s %12s %s"):format(work[1], number(times[i]), ratio))
  end
end

return measure
