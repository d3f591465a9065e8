--- skein: tasks, threads and processes, one kind of handle for all of them.

local core = require("skein.core")

local skein = {}
for name, value in pairs(core) do skein[name] = value end

return skein
