--- An initializer prepares each worker before its first job.
-- What to see: every worker begins its first task with "init" behind it.
-- The place for what is costly to make and cannot be sent: a connection,
-- a file, a large table.

local skein = require("skein")

local second = tonumber(arg and arg[1]) or 0.2
local start = skein.now()

local function say(form, ...)
  local line = form:format(...)
  io.write(("%.3f s  %s\n"):format(skein.now() - start, line)):flush()
end

-- luacheck: globals history
local function prepare(name)
  history = { name }
end

local function work(seconds, name)
  local past = table.concat(history, ", ")
  say("worker %d begins %s, did before: %s", skein.self().pid, name, past)
  skein.sleep(seconds * second)
  table.insert(history, name)
end

local pool = skein.pool({ workers = 3, init = prepare, init_args = { "init" } })
for i = 1, 4 do pool:submit(work, 1, "task " .. i) end
pool:close()
pool:join()
say("all tasks finished")
