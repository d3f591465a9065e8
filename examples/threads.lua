--- Ten threads, a shared number and a lock.
-- What to see: the sum of 1 to 10 is 55. Threads have Lua states of their
-- own and run truly at the same time; what they share is made to be shared,
-- here a value. Reading it and writing it back are two steps, so a lock
-- keeps the others out in between. `add` is both in one and needs no lock.

local skein = require("skein")

local function run_all(fn)
  local threads = {}
  for i = 1, 10 do threads[i] = skein.thread(fn, i) end
  for _, thread in ipairs(threads) do thread:get() end
end

local n, lock = skein.value(0), skein.lock()

run_all(function(m)
  local _ <close> = lock:hold()
  n:set(n:get() + m)
end)
print("with a lock: " .. n:get())

n:set(0)
run_all(function(m) n:add(m) end)
print("with add: " .. n:get())
