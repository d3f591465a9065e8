--- Shared by every spec.

local assert = require("luassert")
local core = require("skein.core")
local skein = require("skein")

local support = {}

--- Seconds after which a test that hangs is given up.
support.patience = tonumber(os.getenv("PATIENCE")) or 20

--- How many descriptors this process has open (of the first 512). Looked up
--- one by one: a pipe to a program that lists them would be among them.
---@return integer
function support.fds()
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

local warm = false

--- Opens the scheduler's own descriptors: it does that when it first sleeps, and on
--- a busy machine a single short wait may be over before it has slept.
local function open_own()
  if warm then return end
  for _ = 1, 5 do skein.event():wait(0.02) end
  warm = true
end

local function bounded(run, body)
  return function()
    open_own()
    collectgarbage()
    local live, fds = core.live(), support.fds()
    run(skein.timeout, support.patience, body)
    assert.equal(live, core.live(), "tasks were left behind")
    collectgarbage()
    assert.equal(fds, support.fds(), "descriptors were left open")
  end
end

--- A test body that runs in `skein.run`, with a watchdog, and must leave no
--- task and no descriptor behind.
---@param body fun()
---@return fun()
function support.task(body)
  return bounded(skein.run, body)
end

--- The same on the clock of `skein.test`: sleeping takes no time.
---@param body fun()
---@return fun()
function support.still(body)
  return bounded(skein.test.run, body)
end

--- Polls `test` until it is true, for a long time: is it?
---@param test fun(): any
---@return boolean
function support.eventually(test)
  local due = skein.now() + support.patience
  while not test() do
    if skein.now() > due then return false end
    skein.sleep(0.001)
  end
  return true
end

--- The error that `fn(...)` raises.
---@return any
function support.failure(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok, "no error was raised")
  return err
end

--- Its kind, if it is one of skein's; else the error itself.
---@return any
function support.kind(fn, ...)
  local err = support.failure(fn, ...)
  return type(err) == "table" and err.kind or err
end

--- Runs a program in a fresh interpreter; what it wrote, and how it ended.
---@param code string
---@param first? string  what the shell does before: "ulimit ...; "
---@param patience? number  seconds that it may take, if it may take long
---@return string output, string how, integer code
function support.program(code, first, patience)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(code)
  file:close()
  local env = ("LUA_PATH='%s' LUA_CPATH='%s'"):format(package.path,
    package.cpath)
  local run = assert(io.popen(("%s%s timeout -s KILL %d %s %s 2>&1"):format(
    first or "", env, math.max(patience or 0, support.patience), support.lua, name)))
  local output = run:read("a")
  local _, how, status = run:close()
  os.remove(name)
  return output, how, status
end

-- The interpreter that runs the specs.
do
  local n = 0
  while arg and arg[n - 1] do n = n - 1 end
  local link = io.popen("readlink /proc/" .. skein.self().pid .. "/exe")
  support.lua = link and link:read("l") or arg and arg[n] or "lua5.4"
  if link then link:close() end
end

return support
