--- skein: tasks, threads and processes, one kind of handle for all of them.

local core = require("skein.core")
local dump = require("skein.dump")
require("skein.lock")
require("skein.process")
require("skein.value")

core.set_dump(dump)
core.set_await(function(handle)
  local awaited <close> = handle -- left early, it is cancelled and waited for
  return awaited:get()
end)

--- What of the C module is for users; the rest is for this layer.
local public = {
  "channel", "children", "group", "is_cancelled", "lock", "now", "on_error",
  "pack", "parent", "pipe", "process", "queue", "run", "self", "shield",
  "sleep", "task", "thread", "timeout", "unpack", "value", "yield",
}

local skein = { cpus = require("skein.cpus"), dump = dump }
for _, name in ipairs(public) do skein[name] = core[name] end

return skein
