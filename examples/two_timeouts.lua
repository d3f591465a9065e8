--- Two tasks and two time limits: one fails, the other goes on.
-- What to see: the limits bound the waits, not the tasks' lives together.
-- First both are in time: the second wait begins when the first is over. Then
-- the first one is cancelled, which does not touch the second.

local skein = require("skein")

local second = tonumber(arg and arg[1]) or 0.2
local start = skein.now()

local function say(form, ...)
  local line = form:format(...)
  io.write(("%.3f s  %s\n"):format(skein.now() - start, line)):flush()
end

local function say_hi(delay)
  skein.sleep(delay * second)
  say("hi after %d", delay)
  return delay
end

local function await(task, limit)
  local ok, result = pcall(skein.timeout, limit * second, task)
  if ok then
    say("in time: %d", result)
  else
    say("%s: the task is %s", result.kind, task:status())
  end
end

for _, limit in ipairs({ 1.25, 0.75 }) do
  start = skein.now()
  say("limits of %g and 1.5", limit)
  local one, two = skein.task(say_hi, 1), skein.task(say_hi, 2)
  await(one, limit)
  await(two, 1.5)
end
