--- An array in shared memory: four processes work on one list of numbers.
-- What to see: each process squares a part of the array in its place, and
-- counts what it did. Nothing is sent back; the main process reads the array.

local skein = require("skein")

local N, PARTS = 12, 4

local numbers = skein.array("int32", N)
for i = 1, N do numbers[i] = i end
local done = skein.array("int32", PARTS + 1) -- the last one is the sum

local function square(part)
  for i = part, N, PARTS do
    numbers[i] = numbers[i] * numbers[i]
    done[part] = done[part] + 1 -- nobody else writes here
    done:add(PARTS + 1, 1)      -- here everybody does: one step, no lock
  end
end

print("before: " .. table.concat(numbers:slice(), " "))
local processes = {}
for part = 1, PARTS do processes[part] = skein.process(square, part) end
for _, process in ipairs(processes) do process:get() end
print("after:  " .. table.concat(numbers:slice(), " "))
print("done:   " .. table.concat(done:slice(1, PARTS), " + ")
  .. " = " .. done[#done])
