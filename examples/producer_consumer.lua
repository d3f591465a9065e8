--- A producer, a consumer and a channel between them.
-- What to see: both work at the same time, one a second behind the other.
-- `channel:join` returns when all that was put has been dealt with, not just
-- taken out: that is what `task_done` says.

local skein = require("skein")

local second = tonumber(arg and arg[1]) or 0.2
local start = skein.now()

local function say(form, ...)
  local line = form:format(...)
  io.write(("%.3f s  %s\n"):format(skein.now() - start, line)):flush()
end

local function produce(channel)
  for i = 1, 5 do
    skein.sleep(second) -- making it takes a second
    channel:put(i)
    say("put %d", i)
  end
  channel:join()
  say("all were dealt with")
  channel:close()
end

local function consume(channel)
  for item in channel:items() do
    say("get %d", item)
    skein.sleep(second) -- using it takes a second
    say("consumed %d", item)
    channel:task_done()
  end
end

local channel = skein.channel()
local producer = skein.task(produce, channel)
local consumer = skein.task(consume, channel)
producer:get()
consumer:get()
say("done")
