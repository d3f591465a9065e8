--- What packing and unpacking cost, next to building the values in Lua.
local skein = require("skein")

--- Prints the time of one call of 'fn', the least of five runs.
local function measure(name, n, fn)
  local best = math.huge
  for _ = 1, 5 do
    local start = os.clock()
    for _ = 1, n do fn() end
    best = math.min(best, (os.clock() - start) / n)
  end
  print(("%-44s %12.0f ns"):format(name, best * 1e9))
end

local function build()
  local list = {}
  for i = 1, 1000 do list[i] = { id = i, name = "task" .. i, v = 1.5 } end
  return list
end

local function counter()
  local n = 0
  return function() n = n + 1 return n end
end

local numbers, strings = {}, {}
for i = 1, 100000 do
  numbers[i] = i
  strings[i] = "item " .. i
end

local unpacking = { functions = true }

local function both(name, n, value)
  local s = skein.pack(value)
  measure("pack   " .. name, n, function() skein.pack(value) end)
  measure("unpack " .. name, n, function() skein.unpack(s, unpacking) end)
end

measure("build  1000 small records in plain Lua", 100, build)
both("1000 small records", 100, build())
both("one small record", 100000, { id = 1, name = "task", v = 1.5 })
both("an integer", 200000, 5)
both("a list of 100000 integers", 20, numbers)
both("a list of 100000 strings", 20, strings)
both("a string of 1 MiB", 200, ("x"):rep(1 << 20))
both("a function with an upvalue", 20000, counter())
both("print, by name", 100000, print)
