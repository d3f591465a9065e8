--- Work in threads beside a task that answers at once.
-- What to see: two threads look for prime numbers, each on a processor of
-- its own. The main thread only waits, so its task answers whenever it is
-- asked how far they are. Done in a task, the same work would keep
-- everybody else waiting.

local skein = require("skein")

local second = tonumber(arg and arg[1]) or 0.2
local limit = 200000
local done = skein.value(0)

local function primes(first, last)
  local found = 0
  for n = first, last do
    local is = n > 1
    for d = 2, math.floor(n ^ 0.5) do
      if n % d == 0 then
        is = false
        break
      end
    end
    if is then found = found + 1 end
    if n % 1000 == 0 then done:add(1000) end
  end
  return found
end

local user = skein.task(function()
  for question = 1, 3 do
    print(("question %d: how far? %d %%"):format(question, 100 * done:get() // limit))
    skein.sleep(second / 5)
  end
end)

local low = skein.thread(primes, 1, limit // 2)
local high = skein.thread(primes, limit // 2 + 1, limit)
print("primes: " .. low:get() + high:get())
user:join()
print(("in the end: %d %%"):format(100 * done:get() // limit))
