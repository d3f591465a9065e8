--- Four tasks for a pool of three workers.
-- What to see: three tasks begin together; the fourth begins when one of
-- the three has ended, in the worker that became free.

local skein = require("skein")

local second = tonumber(arg and arg[1]) or 0.2
local start = skein.now()

local function say(form, ...)
  local line = form:format(...)
  io.write(("%.3f s  %s\n"):format(skein.now() - start, line)):flush()
end

local function work(seconds, name)
  local pid = skein.self().pid
  say("worker %d begins %s", pid, name)
  skein.sleep(seconds * second)
  say("worker %d ends %s", pid, name)
end

local pool = skein.pool(3)
say("start assigning tasks")
for i = 1, 4 do pool:submit(work, 1, "task " .. i) end
pool:close() -- no more tasks; those assigned go on
say("all tasks assigned; wait for the workers")
pool:join()
say("all tasks finished")
