--- A channel's own method as a task.
-- What to see: any function that waits can be a task, `channel.get` too. The
-- handle delivers what it returned.

local skein = require("skein")

local second = tonumber(arg and arg[1]) or 0.2
local start = skein.now()

local function say(form, ...)
  local line = form:format(...)
  io.write(("%.3f s  %s\n"):format(skein.now() - start, line)):flush()
end

local channel = skein.channel()

local getter = skein.task(channel.get, channel)
local putter = skein.task(function()
  skein.sleep(second)
  channel:put("a letter")
end)

say("got %s", getter:get())
putter:get()
say("the getter is %s and still has %s", getter:status(), getter:get())
