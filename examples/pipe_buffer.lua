--- A pipe that is full makes its sender wait.
-- What to see: a pipe keeps a number of bytes, here 16 KiB. A send for which
-- there is no room waits until the other side has received something.

local skein = require("skein")

local second = tonumber(arg and arg[1]) or 0.2
local start = skein.now()

local function say(form, ...)
  local line = form:format(...)
  io.write(("%.3f s  %s\n"):format(skein.now() - start, line)):flush()
end

local message = ("x"):rep(1000)

local function work(reader, count)
  skein.sleep(second)
  say("son begins to receive")
  for _ = 1, count do assert(reader:recv() == message) end
  say("son has received all")
end

local reader, writer = skein.pipe({ duplex = false, bytes = 16 * 1024 })
local count = 0
while writer:send(message, 0) do count = count + 1 end
say("%d messages of %d bytes went in without waiting", count, #message)

local son = skein.process(work, reader, count + 1)
say("main sends one more and waits")
writer:send(message)
say("main has sent it")
son:join()
