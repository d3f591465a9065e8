--- Two processes work at the same time as the main one.
-- What to see: the main process goes on while its children run, each child
-- has a process id of its own, and `join` is where the main one waits.

local skein = require("skein")

local second = tonumber(arg and arg[1]) or 0.2
local start = skein.now()

local function say(form, ...)
  local line = form:format(...)
  io.write(("%.3f s  %s\n"):format(skein.now() - start, line)):flush()
end

local function work(seconds)
  local pid = skein.self().pid
  say("son process %d starts with %d", pid, seconds)
  skein.sleep(seconds * second)
  say("son process %d ends after %d", pid, seconds)
end

say("main process %d starts", skein.self().pid)
local one = skein.process({ start = false }, work, 1)
local two = skein.process({ start = false }, work, 2)
say("created: %s, %s", one:status(), two:status())
one:start()
two:start()
say("alive: %s, %s", one:alive(), two:alive())
say("the main process goes on while they run")
one:join()
two:join()
say("exit codes: %d, %d", one:exitcode(), two:exitcode())
say("main process %d ends", skein.self().pid)
