--- Values as bytes: to a file and back, and what bytes of a stranger may hold.
-- What to see: shared and circular tables arrive as they left; what cannot be
-- sent is named by its path; code in bytes is refused unless it is trusted.

local skein = require("skein")

local trusted = { functions = true } -- bytes of our own
local base = 10
local plan = { steps = { "load", "sort" }, add = function(n) return base + n end }
plan.self, plan.again = plan, plan.steps

local bytes = skein.pack(plan)
local path = os.tmpname()
local file <close> = assert(io.open(path, "w+b"))
file:write(bytes)
file:seek("set")
local copy = skein.unpack(file:read("a"), trusted)
os.remove(path)
print("circle", copy.self == copy, "shared", copy.again == copy.steps)
print("closure", copy.add(5))

local function show_error(what, ...)
  local _, message = pcall(...)
  print(what .. ":")
  print("  " .. message)
end

show_error("without trust", skein.unpack, bytes)
show_error("a file handle", skein.pack, { log = { file = io.stdout } })
show_error("half of it", skein.unpack, bytes:sub(1, 20), trusted)
