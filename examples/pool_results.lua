--- The results of a pool: at once with `apply`, later with `submit`.
-- What to see: `apply` returns what the function returned, `submit` a job.
-- A job tells whether it is done, and its result can be had again and again.

local skein = require("skein")

local second = tonumber(arg and arg[1]) or 0.2
local start = skein.now()

local function say(form, ...)
  local line = form:format(...)
  io.write(("%.3f s  %s\n"):format(skein.now() - start, line)):flush()
end

local function work(seconds, name)
  skein.sleep(seconds * second)
  return name .. " finished", seconds
end

local pool <close> = skein.pool(2)
say("apply: %s after %d", pool:apply(work, 1, "task 1"))

local job = pool:submit(work, 2, "task 2")
say("submit: done %s", job:done())
local ok, reason = job:join(0)
say("join that does not wait: %s, %s", ok, reason)
say("join: %s", job:join())
say("submit: done %s", job:done())
say("first get: %s after %d", job:get())
say("second get: %s after %d", job:get())

pool:close()
pool:join()
say("still there when the pool is gone: %s after %d", job:get())
