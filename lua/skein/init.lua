--- skein: tasks, threads and processes, one kind of handle for all of them.

local core = require("skein.core")
local dump = require("skein.dump")
local many = require("skein.many")

core.set_dump(dump)
core.set_await(function(handle)
  local awaited <close> = handle -- left early, it is cancelled and waited for
  return awaited:get()
end)

local skein = {
  task = core.task,
  self = core.self,
  run = core.run,
  sleep = core.sleep,
  yield = core.yield,
  now = core.now,
  timeout = core.timeout,
  group = core.group,
  shield = core.shield,
  all = many.all,
  race = many.race,
  map = many.map,
  every = many.every,
  wait = core.wait,
  select = core.select,
  channel = core.channel,
  is_cancelled = core.is_cancelled,
  on_error = core.on_error,
  coroutine = require("skein.coroutine"),
  dump = dump,
}

--- A channel of the names of the given signals as they arrive. Until it is
--- closed they have no other effect.
---@param ... string  "INT", "TERM", "HUP" ...
---@return skein.Channel
function skein.signal(...)
  local channel = core.channel()
  local ok, err = pcall(core.catch, channel, ...)
  if not ok then error((err:gsub("skein%.core%.catch", "signal")), 2) end
  return channel
end

return skein
