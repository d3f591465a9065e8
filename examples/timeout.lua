--- A time limit for work that would never end.
-- What to see: the work is cancelled after a second, cleans up behind it,
-- and the caller gets an error of kind "timeout".

local skein = require("skein")

local second = tonumber(arg and arg[1]) or 0.2
local start = skein.now()

local function say(form, ...)
  local line = form:format(...)
  io.write(("%.3f s  %s\n"):format(skein.now() - start, line)):flush()
end

local function eternity()
  local _ <close> = setmetatable({}, { __close = function()
    say("eternity cleans up")
  end })
  skein.sleep(3600)
  say("yay!")
end

local ok, err = pcall(skein.timeout, second, eternity)
assert(not ok and err.kind == "timeout", err)
say("timeout!")
