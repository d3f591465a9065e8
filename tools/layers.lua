--- Checks that what src/ includes points down: a file includes only files of
--- lower layers, or those left of it in its own layer, and a plain file never
--- includes Lua. Usage: lua tools/layers.lua src/*.[ch]

--- Lowest first. A name is the stem of a file, exact or with a * in it;
--- exact ones come first. Files of one pattern do not include each other.
--- Where `mutual` is set, several files make up one noun: their headers point
--- to the left like all others, their .c files include any of the layer's.
local layers = {
  { "sk" }, -- vocabulary
  { "list", "clock", "buf", "heap", "inbuf", "timers", "memo", "slots" }, -- plain C over memory
  { "guard", "mapping", "layout", "span", "arena", "slot", "stock", "refs", "object", "hope",
    "item", "ledger", "seat", "queue", "queue_poll", "lock", "semaphore", "event", "condition",
    "barrier", "cell", "array", "dict", "pipe", "parcel",
    "crew", "sweep", "vault", -- what is shared
    "poller", "poller_epoll", "alarm", "fdio", "end", "sock", "pin", "prod", "rtsignal",
    "signals", "osthread", "offload", "pgroup", "program", "server", "server_helper",
    "helper", "spawn", "ticker" }, -- OS
  { "lib", "numbers", "wire", "wire_coder", "wire_put", "wire_get",
    "wire_*", mutual = true }, -- Lua, the wire
  { "task", "sched", "outcome", "report", "scope", "coro", "select", "launch", "handle",
    "sched_*", "channel", mutual = true }, -- tasks
  { "errand", "stream", "endpoint", "stream_*" }, -- bytes that come and go
  { "shared", "shared_*", "wish", "transit", "listener", "handover", "modules",
    "crossing", "remote", "offspring", "child", "process", "pump", "pipework",
    "command", "pool", "pool_post" }, -- what classes stand on
  { "open", "lib_task", "lib_lock", "lib_net", "lib_endpoint", "lib_*" }, -- one Lua class each
  { "skein" }, -- the module
}
local highest_plain = 3

local exact, patterns = {}, {}
for n, names in ipairs(layers) do
  for i, name in ipairs(names) do
    local place = { layer = n, column = i }
    if name:find("*", 1, true) then
      local pattern = "^" .. name:gsub("%*", ".*") .. "$"
      patterns[#patterns + 1] = { pattern = pattern, place = place }
    else
      exact[name] = place
    end
  end
end

local function place_of(name)
  if exact[name] then return exact[name] end
  for _, p in ipairs(patterns) do
    if name:find(p.pattern) then return p.place end
  end
end

--- May the file at `path`, which stands at `place`, include what is at `dep`?
local function may_include(path, place, dep)
  if dep.layer ~= place.layer then return dep.layer < place.layer end
  if dep.column == place.column then return false end
  local mutual = layers[place.layer].mutual and path:find("%.c$")
  return mutual or dep.column < place.column
end

local failed = false
local function complain(...)
  io.stderr:write(string.format(...), "\n")
  failed = true
end

local function check_line(path, name, place, line)
  local dep = line:match('^%s*#%s*include%s*"([^"]+)%.h"')
  if dep and dep ~= name then
    local other = place_of(dep)
    if not (other and may_include(path, place, other)) then
      complain("%s: includes %s.h, which is not below it", path, dep)
    end
  end
  local header = line:match('^%s*#%s*include%s*[<"]([%w_]+)%.h')
  local lua = header == "lua" or header == "lauxlib" or header == "lualib"
  if lua and place.layer <= highest_plain then
    complain("%s: plain C must not include Lua", path)
  end
end

for _, path in ipairs(arg) do
  local name = path:match("([^/]+)%.[ch]$")
  local place = name and place_of(name)
  if place then
    for line in io.lines(path) do check_line(path, name, place, line) end
  else
    complain("%s: no layer in tools/layers.lua", path)
  end
end
os.exit(not failed)
