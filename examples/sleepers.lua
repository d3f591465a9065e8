--- Two sleepers, one after the other and both at once.
-- What to see: called as functions they take 1 + 2 seconds, as tasks 2.

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
end

local function in_sequence()
  say_hi(1)
  say_hi(2)
end

local function at_once()
  local one = skein.task(say_hi, 1)
  local two = skein.task(say_hi, 2)
  one:get()
  two:get()
end

local function watch(name, fn)
  start = skein.now()
  say("%s", name)
  fn()
  say("done %s", name)
end

watch("in sequence", in_sequence)
watch("at once", at_once)
