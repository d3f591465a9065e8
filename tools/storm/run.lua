--- Storms: processes work on what they share while random ones are killed. All
--- that was confirmed is there, once and undamaged; nothing is left behind.
---
---     tools/lua tools/storm/run.lua [SECONDS [SEED [NAME...]]]
---
--- Each storm lasts its part of the seconds (60).

local core = require("skein.core")
local skein = require("skein")

local seconds = tonumber(arg[1]) or 60
local seed = tonumber(arg[2]) or os.time()
local wanted = { table.unpack(arg, 3) }

local storms = {}
for _, file in ipairs({ "queue", "locks", "meeting", "tables", "pipes",
                        "handles", "pool" }) do
  for _, storm in ipairs(require("tools.storm." .. file)) do
    local named = #wanted == 0
    for _, name in ipairs(wanted) do named = named or name == storm.name end
    if named then storms[#storms + 1] = storm end
  end
end

--- Descriptors of this process.
local function descriptors()
  local n = 0
  for fd = 0, 511 do
    local info = io.open("/proc/self/fdinfo/" .. fd)
    if info then
      n = n + 1
      info:close()
    end
  end
  return n
end

local function collect()
  collectgarbage()
  collectgarbage()
end

--- Runs one, which must leave nothing behind. False: it failed.
local function rage(storm)
  collect()
  local objects, fds = core.arena(), descriptors()
  local said
  local ok, err = xpcall(function()
    said = skein.run(storm.run, { seconds = seconds / #storms,
                                  random = math.random })
    collect()
    local now = core.arena()
    assert(now == objects, now - objects .. " objects were left behind")
    assert(#skein.children() == 0, "processes were left behind")
    assert(descriptors() == fds, "descriptors were left open")
  end, debug.traceback)
  print(("%-22s %s"):format(storm.name, ok and said or "FAILED\n" .. err))
  return ok
end

print(("storm: %g seconds, seed %d"):format(seconds, seed))
math.randomseed(seed)
skein.process({ method = "server" }, function() end):join() -- the helper stays
skein.event():wait(0.001)
local failed = 0
for _, storm in ipairs(storms) do
  if not rage(storm) then
    failed = failed + 1
    for _, p in ipairs(skein.children()) do p:kill() end
  end
end
print(failed == 0 and "storm: nothing was lost" or
  ("storm: %d failed; the seed is %d"):format(failed, seed))
os.exit(failed == 0)
