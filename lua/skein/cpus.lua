--- skein.cpus: how many processors this process may use.

---@param path string
---@return string?
local function read(path)
  local file = io.open(path)
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

--- Those that the affinity mask of this thread leaves: a list as "0-3,8".
---@return integer
local function allowed()
  local status = read("/proc/thread-self/status") or ""
  local list = status:match("Cpus_allowed_list:%s*(%S+)")
  local n = 0
  for first, last in (list or "0"):gmatch("(%d+)%-?(%d*)") do
    n = n + (tonumber(last) or tonumber(first)) - tonumber(first) + 1
  end
  return n
end

--- The least that `limit(directory)` finds from `path` up to the root.
local function least(root, path, limit)
  local found = math.huge
  while true do
    found = math.min(found, limit(root .. path) or math.huge)
    if path == "" or path == "/" then return found end
    path = path:match("^(.*)/[^/]*$")
  end
end

local function limit_v2(dir)
  local quota, period = (read(dir .. "/cpu.max") or ""):match("^(%d+) (%d+)")
  return quota and quota / period
end

local function limit_v1(dir)
  local quota = tonumber(read(dir .. "/cpu.cfs_quota_us") or "")
  local period = tonumber(read(dir .. "/cpu.cfs_period_us") or "")
  return quota and period and quota > 0 and quota / period or nil
end

--- What the control groups allow, in processors.
---@return number
local function quota()
  local found = math.huge
  for names, path in (read("/proc/self/cgroup") or ""):gmatch("%d+:([^:\n]*):([^\n]*)") do
    if names == "" then
      found = math.min(found, least("/sys/fs/cgroup", path, limit_v2))
    elseif ("," .. names .. ","):find(",cpu,", 1, true) then
      found = math.min(found, least("/sys/fs/cgroup/" .. names, path, limit_v1))
    end
  end
  return found
end

--- Processors that this process can use, by affinity and control group.
---@return integer
local function cpus()
  return math.max(1, math.min(allowed(), math.ceil(math.min(quota(), 1e6))))
end

return cpus
