--- A pipe between two children, and what it keeps meanwhile.
-- What to see: the two ends go to any two processes. What son 1 sends at
-- 2 seconds waits in the pipe until son 2 asks for it at 3.

local skein = require("skein")

local second = tonumber(arg and arg[1]) or 0.2
local start = skein.now()

local function say(form, ...)
  local line = form:format(...)
  io.write(("%.3f s  %s\n"):format(skein.now() - start, line)):flush()
end

local function send(pipe, who)
  pipe:send("greetings from " .. who)
  say("%s has sent", who)
end

local function recv(pipe, who)
  say("%s wants to receive", who)
  say("%s receives: %s", who, pipe:recv())
end

local function first(pipe)
  recv(pipe, "son 1")
  skein.sleep(second)
  send(pipe, "son 1")
end

local function other(pipe)
  skein.sleep(second)
  send(pipe, "son 2")
  skein.sleep(2 * second)
  recv(pipe, "son 2")
end

local left, right = skein.pipe()
local one = skein.process(first, left)
local two = skein.process(other, right)
one:join()
two:join()
