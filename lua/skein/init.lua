--- skein: tasks, threads and processes, one kind of handle for all of them.

local core = require("skein.core")
local dump = require("skein.dump")
local many = require("skein.many")
require("skein.array")
require("skein.dict")
require("skein.lock")
require("skein.value")

core.set_dump(dump)
core.set_await(function(handle)
  local awaited <close> = handle -- left early, it is cancelled and waited for
  return awaited:get()
end)

--- What of the C module is for users; the rest is for this layer.
local public = {
  "array", "barrier", "channel", "children", "condition", "debug", "dict", "event",
  "group", "interpreter", "is_cancelled", "lock", "now", "on_error", "pack", "parent", "pipe",
  "process", "queue", "run", "select", "self", "semaphore", "shield", "sleep",
  "task", "thread", "timeout", "unpack", "value", "wait", "yield",
}

local skein = {
  _VERSION = "skein scm-1",
  all = many.all,
  coroutine = require("skein.coroutine"),
  cpus = require("skein.cpus"),
  dump = dump,
  every = many.every,
  loop = {
    deadline = core.loop_deadline, fd = core.loop_fd, step = core.loop_step,
  },
  map = many.map,
  pool = require("skein.pool"),
  race = many.race,
  test = require("skein.test"),
}
for _, name in ipairs(public) do skein[name] = core[name] end

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
