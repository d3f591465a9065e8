--- skein: tasks, threads and processes, one kind of handle for all of them.

local core = require("skein.core")
local dump = require("skein.dump")

core.set_dump(dump)
core.set_await(function(handle)
  local awaited <close> = handle -- left early, it is cancelled and waited for
  return awaited:get()
end)

local skein = {}
for name, value in pairs(core) do skein[name] = value end
skein.dump = dump

return skein
