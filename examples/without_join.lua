--- Nobody joins: the main script ends first, and its children still finish.
-- What to see: the last line of this file runs at once. The program as a
-- whole ends when its children have, except for a daemon: that one is
-- stopped, not waited for.

local skein = require("skein")

local second = tonumber(arg and arg[1]) or 0.2
local start = skein.now()

local function say(form, ...)
  local line = form:format(...)
  io.write(("%.3f s  %s\n"):format(skein.now() - start, line)):flush()
end

local function work(seconds)
  skein.sleep(seconds * second)
  say("son process ends after %d", seconds)
end

local function serve()
  skein.sleep(3600)
  say("a daemon that outlived the program")
end

skein.process(work, 1)
skein.process(work, 2)
skein.process({ daemon = true }, serve)
say("main process ends")
