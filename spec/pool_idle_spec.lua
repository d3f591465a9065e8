--- Pools whose workers have nothing to do.

local skein = require("skein")
local pools = require("spec.pools")
local support = require("spec.support")
local family = require("spec.family")

local kind, task = support.kind, support.task

--- A test body that runs in a process of its own: where it may wait for ever,
--- for here its watchdog's timer is always pending.
local function alone(body)
  return task(function() skein.process(body):get() end)
end

local kinds = {
  fork = { workers = 2 },
  spawn = { workers = 2, method = "spawn" },
  server = { workers = 2, method = "server" },
  thread = { workers = 2, kind = "thread" },
}

local function each(text, body)
  for name, opts in pairs(kinds) do
    local run = alone(function() body(opts) end)
    it(text:format(name), function()
      if name == "server" then family.server() end
      run()
    end)
  end
end

--- Processor time of process `pid` so far, in ticks of the kernel.
local function ticks(pid)
  local file <close> = assert(io.open(("/proc/%d/stat"):format(pid)))
  local rest = file:read("a"):match("%) %a (.*)")
  local fields = {}
  for field in rest:gmatch("%S+") do fields[#fields + 1] = tonumber(field) end
  return fields[11] + fields[12]
end

describe("an idle pool", function()
  setup(pools.warm)

  each("of kind %s hides no deadlock", function(opts)
    local before = skein.queue()
    local pool <close> = skein.pool(opts)
    assert.equal(1, pool:apply(function() return 1 end))
    local after = skein.queue()
    assert.equal(after, pool:apply(function(q) _G.kept = q return q end, after)) -- luacheck: ignore
    assert.equal("deadlock", kind(before.get, before))
    assert.equal("deadlock", kind(after.get, after))
    assert.equal("deadlock", kind(function() skein.channel():get() end))
    assert.equal(2, pool:apply(function() return 2 end))
  end)

  it("hides none from locks and their conditions", alone(function()
    local lock, condition = skein.lock(), skein.condition()
    local pool <close> = skein.pool(2)
    pool:apply(function() end)
    lock:acquire()
    assert.equal("deadlock", kind(function() skein.task(lock.acquire, lock):get() end))
    condition:acquire()
    assert.equal("deadlock", kind(condition.wait, condition))
    condition:release()
    lock:release()
  end))

  it("hides none while its workers begin", alone(function()
    local q = skein.queue()
    for _ = 1, 20 do
      local pool = skein.pool(2)
      assert.equal("deadlock", kind(q.get, q))
      pool:terminate()
      pool:join()
    end
  end))

  it("hides none right after its last job", alone(function()
    local q = skein.queue()
    local pool <close> = skein.pool(2)
    for _ = 1, 200 do
      pool:apply(function() end)
      assert.equal("deadlock", kind(q.get, q))
    end
  end))

  each("of kind %s is none if a worker goes on by itself", function(opts)
    local q = skein.queue()
    local pool <close> = skein.pool(opts)
    pool:apply(function()
      skein.task(function() skein.sleep(0.1) q:put("from a task") end)
    end)
    assert.equal("from a task", q:get())
    pool:apply(function()
      local method = skein.self().kind == "thread" and "spawn" or "fork"
      skein.process({ method = method }, function() skein.sleep(0.1) q:put("from a child") end)
    end)
    assert.equal("from a child", q:get())
    assert.equal("deadlock", kind(q.get, q))
  end)

  it("is not idle while a job is open", alone(function()
    local q = skein.queue()
    local pool <close> = skein.pool(1)
    for i = 1, 200 do
      local job = pool:submit(function() q:put(i) end)
      assert.equal(i, q:get())
      job:join()
    end
    local slow = pool:submit(function() skein.sleep(0.1) return "slow" end)
    assert.equal("slow", slow:get())
  end))

  it("is not idle while it ends", alone(function()
    for _ = 1, 20 do
      local pool = skein.pool(2)
      pool:apply(function() end)
      pool:close()
      assert.is_true(pool:join())
      pool = skein.pool(2)
      pool:terminate()
      assert.is_true(pool:join())
    end
  end))

  it("uses no processor time", task(function()
    local pool <close> = skein.pool(2)
    pool:map(function(x) return x end, { 1, 2, 3, 4 })
    skein.sleep(0.05)
    local pids = { skein.self().pid }
    for _, w in ipairs(pool:stats().workers) do pids[#pids + 1] = w.pid end
    local before = {}
    for i, pid in ipairs(pids) do before[i] = ticks(pid) end
    skein.sleep(0.5)
    for i, pid in ipairs(pids) do
      assert.is_true(ticks(pid) - before[i] <= 1, "process " .. i)
    end
  end))
end)
