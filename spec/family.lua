--- Shared by the specs of processes and threads.

local assert = require("luassert")
local core = require("skein.core")
local skein = require("skein")
local support = require("spec.support")

local family = {}

--- Children of this process, zombies too, whoever started them.
---@return integer
local function children()
  local n = 0
  for line in io.lines("/proc/self/task/" .. skein.self().pid .. "/children") do
    for _ in line:gmatch("%d+") do n = n + 1 end
  end
  return n
end

--- Threads of this process. One that ended may be seen for a moment.
---@return integer
local function threads()
  for line in io.lines("/proc/self/status") do
    local n = line:match("^Threads:%s*(%d+)")
    if n then return tonumber(n) end
  end
end

--- Processes of this one that are not handles: the helper, if it runs.
---@return integer[]
function family.helpers()
  local mine, list = {}, {}
  for _, p in ipairs(skein.children()) do mine[p.pid] = true end
  for line in io.lines("/proc/self/task/" .. skein.self().pid .. "/children") do
    for pid in line:gmatch("%d+") do
      pid = tonumber(pid)
      if not mine[pid] then list[#list + 1] = pid end
    end
  end
  return list
end

--- Has this process its helper, which then stays; so that it is not counted as
--- left behind by whoever needs it first.
function family.server()
  skein.process({ method = "server" }, function() end):join()
end

--- Calls `count` until it gives no more than `most`, or for a long time.
local function settles(count, most)
  local n
  support.eventually(function()
    n = count()
    return n <= most
  end)
  return n
end

--- A test body that must leave nothing at all behind: see support.task, and no
--- process, no thread, no shared object.
---@param body fun()
---@return fun()
function family.test(body)
  local run = support.task(body)
  return function()
    local idle = skein.queue()
    --- Who waits for others sees their deaths, and sweeps.
    local function objects()
      idle:get(0.0001)
      return (core.arena())
    end
    objects() -- the memory is there, and the doorbell
    collectgarbage()
    local before, processes, tids = objects(), children(), threads()
    run()
    collectgarbage()
    collectgarbage()
    assert.equal(processes, settles(children, processes), "processes left")
    -- fewer is well: those that read files end when they were idle for a while
    assert.is_true(settles(threads, tids) <= tids, "threads left")
    assert.equal(before, settles(objects, before), "shared objects left")
  end
end

--- The letter of the state that process `pid` is in; nil if there is none.
local function state(pid)
  local file = io.open(("/proc/%d/stat"):format(pid))
  if not file then return nil end
  local letter = (file:read("a") or ""):match("%) (%a)") -- it may go meanwhile
  file:close()
  return letter
end

--- Does process `pid` run? A zombie does not.
---@param pid integer
---@return boolean
function family.runs(pid)
  local letter = state(pid)
  return letter ~= nil and letter ~= "Z" and letter ~= "X"
end

--- Waits until process `pid` sleeps, for half a second at most: it may be busy.
---@param pid integer
function family.sleeps(pid)
  local due = skein.now() + 0.5
  while state(pid) == "R" and skein.now() < due do skein.sleep(0.002) end
end

--- Does process `pid` sleep until something comes? nil: the kernel hides it.
local function rests(pid)
  if state(pid) ~= "S" then return false end
  local file <close> = io.open(("/proc/%d/wchan"):format(pid))
  local where = file and file:read("a") or "0"
  if where == "0" or where == "" then return nil end
  return where:find("ep_poll", 1, true) ~= nil or where:find("epoll", 1, true) ~= nil
end

--- Waits until process `p`, whose tasks will all wait for something, does so.
---@param p table
function family.waits(p)
  local seen = 0
  assert(support.eventually(function()
    local sure = rests(p.pid)
    seen = sure == nil and seen + 1 or 0
    return sure or seen == 10
  end), "it does not come to wait")
end

--- Stops process `p` where it waits, and nowhere else: one that was stopped in the
--- midst of a change would hold up whoever wants to change the same.
---@param p table
function family.stop(p)
  family.waits(p)
  p:signal("STOP")
  assert(support.eventually(function() return state(p.pid) == "T" end), "it does not stop")
end

--- Waits until process `pid` runs no more; false after some seconds.
---@param pid integer
---@return boolean
function family.ends(pid)
  return support.eventually(function() return not family.runs(pid) end)
end

--- Never returns, and never waits.
function family.spin()
  while true do end
end

return family
