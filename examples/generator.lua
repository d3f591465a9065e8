--- A generator that is sent values: a plain Lua coroutine.
-- What to see: `yield` hands a value out and returns what is sent in next.
-- The second half has two of them take turns: all that a scheduler is, as
-- long as nobody has to wait for the outside world.

local function sum(total)
  while true do
    total = total + coroutine.yield(total)
  end
end

local add = coroutine.wrap(sum)
print(add(0)) -- runs it up to its first yield
print(add(1)) -- sends 1, which adds to 0
print(add(2)) -- sends 2, which adds to 1

local function count(name, to)
  return coroutine.wrap(function()
    for i = 1, to do
      print(name .. " " .. i)
      coroutine.yield(true)
    end
  end)
end

local turns = { count("left", 2), count("right", 3) }
while #turns > 0 do
  local step = table.remove(turns, 1)
  if step() then table.insert(turns, step) end -- to the end of the line
end
