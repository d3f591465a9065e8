--- A worker keeps its state from one job to the next.
-- What to see: the worker that takes task 4 remembers the task it did
-- before. The global `history` is a different one in each worker, and the
-- main process never has any.

local skein = require("skein")

local second = tonumber(arg and arg[1]) or 0.2
local start = skein.now()

local function say(form, ...)
  local line = form:format(...)
  io.write(("%.3f s  %s\n"):format(skein.now() - start, line)):flush()
end

-- luacheck: globals history
local function work(seconds, name)
  history = history or {}
  local past = #history > 0 and table.concat(history, ", ") or "nothing"
  say("worker %d begins %s, did before: %s", skein.self().pid, name, past)
  skein.sleep(seconds * second)
  table.insert(history, name)
end

local pool = skein.pool(3)
for i = 1, 4 do pool:submit(work, 1, "task " .. i) end
pool:close()
pool:join()
say("all tasks finished; main has the history %s", history)
