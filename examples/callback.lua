--- A function that only knows a callback becomes a coroutine, then a task.
-- What to see: `calc` was written for a callback and knows nothing of
-- coroutines. A callback that yields stops it halfway all the same; one
-- that lets other tasks run makes two of them take turns.

local skein = require("skein")

local function calc(n, callback)
  local sum = 0
  for i = 0, n - 1 do
    sum = sum + i
    callback(sum)
  end
  return sum
end

local step = coroutine.wrap(function() calc(4, coroutine.yield) end)
for sum in step do print("paused at " .. sum) end

local function pause(name)
  return function(sum)
    print(name .. " is at " .. sum)
    skein.yield()
  end
end

local left = skein.task(calc, 3, pause("left"))
local right = skein.task(calc, 4, pause("right"))
print(("left is %d, right is %d"):format(left:get(), right:get()))
