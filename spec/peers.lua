--- Shared by the specs of what crosses between threads and processes.

local assert = require("luassert")
local core = require("skein.core")
local skein = require("skein")
local family = require("spec.family")

local peers = {}

--- The ways to run a function beside the caller, by name.
peers.kinds = {
  task = skein.task,
  fork = skein.process,
  spawn = function(...) return skein.process({ method = "spawn" }, ...) end,
  server = function(...) return skein.process({ method = "server" }, ...) end,
  thread = skein.thread,
}

--- Those of them that share nothing but what crosses.
peers.apart = { "fork", "spawn", "server", "thread" }

--- Several of them at once; a fork comes before any thread.
peers.crowds = {
  ["threads"] = { "thread", "thread", "thread", "task" },
  ["processes and threads"] = { "fork", "spawn", "thread", "task" },
}

--- Starts `fn(...)` beside the caller.
---@param kind string
function peers.start(kind, ...)
  return peers.kinds[kind](...)
end

--- Starts `fn(...)` beside the caller, once for each of the kinds.
---@param kinds string[]
---@return table[] handles
function peers.start_all(kinds, ...)
  local handles = {}
  for i, kind in ipairs(kinds) do handles[i] = peers.start(kind, ...) end
  return handles
end

--- Defines a test for each kind of peer.
---@param kinds string[]
---@param it fun(name: string, body: fun())
---@param text string  with %s for the kind
---@param wrap fun(body: fun()): fun()
---@param body fun(kind: string)
function peers.each(kinds, it, text, wrap, body)
  for _, kind in ipairs(kinds) do
    local run = wrap(function() body(kind) end)
    it(text:format(kind), function()
      if kind == "server" then family.server() end
      run()
    end)
  end
end

--- Defines a test for each crowd, of threads alone and mixed with processes.
---@param it fun(name: string, body: fun())
---@param text string  with %s for the crowd
---@param wrap fun(body: fun()): fun()
---@param body fun(start: fun(fn: fun(...), ...): table[])
function peers.each_crowd(it, text, wrap, body)
  peers.each({ "threads", "processes and threads" }, it, text, wrap, function(name)
    body(function(...) return peers.start_all(peers.crowds[name], ...) end)
  end)
end

--- Opens what a member of the family opens once (its memory, its doorbell, its
--- helper), and lets its tables grow beyond what a test needs.
function peers.warm()
  family.server()
  local handles = {}
  for i = 1, 2000 do handles[i] = skein.queue() end
  handles[1]:get(0.001)
end

--- A test body that must leave no object and no byte in the family's memory.
function peers.clean(body)
  return function()
    body() -- tables that only grow
    collectgarbage()
    collectgarbage()
    local objects, bytes = core.arena()
    body()
    collectgarbage()
    collectgarbage()
    local now, used = core.arena()
    assert.equal(objects, now, "objects were left behind")
    assert.equal(bytes, used, "memory was left behind")
  end
end

--- In a build for it (make steps): a child dies at the n-th step of `fn(scene)`,
--- for n = 1, 2, ... until one gets through. `check` looks at what was left.
function peers.at_each_step(prepare, fn, check)
  local n, died = 0, true
  while died do
    n = n + 1
    local scene = prepare()
    local child = skein.process(function()
      pcall(core.doom, n)
      fn(scene)
      core.doom(0)
      if scene.stays then skein.sleep(100) end
    end)
    if scene.stays then
      child:join(0.02)
      died = child:done()
      child:kill()
    end
    child:join()
    if not scene.stays then died = child:exitcode() ~= 0 end
    check(scene, died)
  end
  return n
end

return peers
