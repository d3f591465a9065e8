--- skein: tasks, threads and processes, one kind of handle for all of them.

local core = require("skein.core")
local many = require("skein.many")
require("skein.array")
require("skein.dict")
require("skein.lock")
require("skein.value")

--- A function that is a module: loaded when it is called first, for this is
--- what a thread or process that requires skein begins with.
---@param name string
---@return function
local function later(name)
  return function(...) return require(name)(...) end
end

core.set_await(function(handle)
  core.awaitable(handle) -- wrong use cancels nothing
  local awaited <close> = handle -- left early, it is cancelled and waited for
  return awaited:get()
end)

--- What of the C module is for users; the rest is for this layer.
local public = {
  "array", "barrier", "channel", "children", "condition", "debug", "dict", "event",
  "group", "interpreter", "is_cancelled", "lock", "now", "on_error", "open", "pack", "parent",
  "pipe", "process", "queue", "run", "select", "self", "semaphore", "shield", "sleep",
  "task", "thread", "timeout", "unpack", "value", "wait", "yield",
}

local skein = {
  _VERSION = "skein scm-1",
  all = many.all,
  command = require("skein.command"),
  coroutine = require("skein.coroutine"),
  cpus = later("skein.cpus"),
  dump = later("skein.dump"),
  every = many.every,
  loop = {
    deadline = core.loop_deadline, fd = core.loop_fd, step = core.loop_step,
  },
  map = many.map,
  net = require("skein.net"),
  pool = later("skein.pool"),
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
