--- skein.pool: what a pool can be told, and what it leaves behind.

local peers = require("spec.peers")
local skein = require("skein")
local pools = require("spec.pools")
local support = require("spec.support")
local family = require("spec.family")

local failure, kind, task = support.failure, support.kind, support.task
local with, where, children = pools.with, pools.where, pools.children

describe("skein.pool", function()
  setup(family.server)

  setup(pools.warm)

  it("runs init in each worker before its jobs", with({
    workers = 2, init = function(a, b) _G.prepared = a + b end, init_args = { 3, 4 }, -- luacheck: ignore
  }, function(pool)
    for _ = 1, 10 do
      assert.equal(7, pool:apply(function() return _G.prepared end)) -- luacheck: ignore
    end
  end))

  it("fails when init raises", task(function()
    local pool = skein.pool { workers = 2, init = function() error("no way", 0) end }
    local job = pool:submit(skein.sleep, 60)
    local err = failure(job.get, job)
    assert.equal("no way", err.message)
    assert.equal("no way", failure(pool.apply, pool, print).message)
    assert.equal("no way", failure(pool.map, pool, print, { 1 }).message)
    local later = pool:submit(print)
    assert.equal("failed", later:status())
    assert.equal("no way", failure(later.get, later).message)
    pool:close()
    assert.is_true(pool:join(5))
  end))

  it("says what of init cannot cross, where it has to", function()
    local file = io.stdout
    for _, opts in ipairs { { method = "spawn" }, { method = "server" }, { kind = "thread" } } do
      opts.init = function() file:write() end
      local err = failure(function() skein.pool(opts) end)
      assert.equal("transfer", err.kind)
      assert.match("^[^ ]+pool_making_spec.lua:%d+: cannot send init: upvalue 'file' of " ..
        "function <.*>: file handle$", tostring(err))
      opts.init, opts.init_args = print, { 1, { x = file } }
      err = failure(function() skein.pool(opts) end)
      assert.match("pool_making_spec.lua:%d+: cannot send init argument 2: field 'x': file handle$",
        tostring(err))
    end
    local pool <close> = skein.pool { workers = 1, init = function() file:flush() end }
    assert.equal(1, pool:apply(function() return 1 end))
  end)

  it("replaces workers that did enough", with({ workers = 1, tasks_per_worker = 3 },
    function(pool)
      local pids, n = {}, 0
      for _ = 1, 9 do
        local pid = pool:apply(where)
        if not pids[pid] then n = n + 1 end
        pids[pid] = (pids[pid] or 0) + 1
      end
      assert.equal(3, n)
      for _, jobs in pairs(pids) do assert.equal(3, jobs) end
    end))

  it("names its workers", with({ workers = 1, name = "cook" }, function(pool)
    local self = pool:apply(skein.self)
    assert.equal("cook worker 1", self.name)
    assert.equal("process", self.kind)
    assert.same({}, skein.children())
  end))

  it("can have threads as workers", with({ workers = 2, kind = "thread" }, function(pool)
    local self = pool:apply(skein.self)
    assert.equal("thread", self.kind)
    assert.equal(skein.self().pid, self.pid)
    assert.equal("error", kind(pool.apply, pool, error, "no"))
    local job = pool:submit(skein.sleep, 60)
    while job:status() ~= "running" do skein.sleep(0.001) end
    job:cancel()
    assert.is_true(job:join(5))
    assert.equal("cancelled", job:status())
    for i = 1, 5 do
      local again = pool:submit(skein.sleep, 60)
      while again:status() ~= "running" do skein.sleep(0.001) end
      again:cancel()
      assert.is_true(again:join(5), "round " .. i)
    end
    local squares = pool:map(function(x) return x * x end, { 1, 2, 3 })
    assert.same({ n = 3, 1, 4, 9 }, squares)
    assert.equal("timeout", kind(pool.map, pool, skein.sleep, { 60, 60 }, { timeout = 0.05 }))
  end))

  it("can have fresh processes as workers", with({
    workers = 1, method = "spawn", init = function(v) _G.given = v end, init_args = { "v" }, -- luacheck: ignore
  }, function(pool)
    assert.equal("v", pool:apply(function() return _G.given end)) -- luacheck: ignore
    assert.equal(5, pool:apply(function(a) return a + 1 end, 4))
  end))

  it("can have workers that the server forks, dead ones replaced", with({
    workers = 2, method = "server", init = function(v) _G.given = v end, init_args = { "v" }, -- luacheck: ignore
  }, function(pool)
    for _ = 1, 3 do
      assert.equal("v", pool:apply(function() return _G.given end)) -- luacheck: ignore
      assert.equal("exited", kind(pool.apply, pool, os.exit, 3))
      assert.same({ n = 3, 1, 4, 9 }, pool:map(function(x) return x * x end, { 1, 2, 3 }))
    end
  end))

  it("can be nested", with(2, function(pool)
    local sums = pool:map(function(i)
      local inner <close> = skein.pool(2)
      local part = inner:map(function(x) return x * i end, { 1, 2, 3 })
      return part[1] + part[2] + part[3]
    end, { 1, 2, 3 })
    assert.same({ n = 3, 6, 12, 18 }, sums)
  end))

  it("serves threads, each with a pool of its own", task(function()
    local thread = skein.thread(function()
      local inner <close> = skein.pool { workers = 2, kind = "thread" }
      local r = inner:map(function(x) return x * 2 end, { 1, 2, 3 })
      return r[1] + r[2] + r[3], pcall(skein.pool, 1)
    end)
    local sum, ok, err = thread:get()
    assert.equal(12, sum)
    assert.is_false(ok)
    assert.match("cannot fork while other threads", tostring(err))
  end))

  it("has jobs that other waits take as they take tasks", with(2, function(pool)
    local jobs = {}
    for i = 1, 3 do jobs[i] = pool:submit(function() skein.sleep(i * 0.02) return i end) end
    assert.same({ jobs[1] }, skein.wait(jobs))
    assert.same({ 1, 2, 3 }, { table.unpack(skein.all(jobs)) })
    local slow = pool:submit(skein.sleep, 60)
    assert.equal("timeout", kind(skein.timeout, 0.05, slow))
    assert.equal("cancelled", slow:status())
    local first = skein.race { pool:submit(skein.sleep, 60), pool:submit(function() end) }
    assert.equal(2, first)
  end))

  it("belongs to the process that made it", with(1, function(pool)
    local inside = skein.process(function() return pcall(pool.submit, pool, print) end)
    local ok, err = inside:get()
    assert.is_false(ok)
    assert.match("belongs to the parent", tostring(err))
    assert.equal(1, pool:apply(function() return 1 end))
  end))

  it("refuses nonsense at the caller's line", function()
    for _, bad in ipairs {
      0, -1, 0.5, 2000, "2", true, { workers = 0 }, { kind = "fiber" }, { nonsense = 1 },
      { init = 5 }, { init_args = 3 }, { tasks_per_worker = 0 }, { retries = -1 },
      { method = "magic" }, { kind = "thread", method = "fork" }, { name = 3 },
    } do
      local err = failure(function() skein.pool(bad) end)
      assert.match("pool_making_spec.lua:%d+: bad argument #1 to 'pool'", tostring(err))
    end
    local pool <close> = skein.pool(1)
    for _, args in ipairs {
      { "submit", 5 }, { "submit", {} }, { "submit", { priority = "x" }, print },
      { "submit", { what = 1 }, print }, { "submit", { timeout = 0 / 0 }, print }, { "apply" },
      { "map", 1, {} }, { "map", print, 5 }, { "map", print, {}, { chunk = 0 } },
      { "map", print, {}, { progress = 3 } }, { "map", print, {}, { timeout = "1" } },
      { "map", print, {}, { chunks = 2 } }, { "imap", print, 5 },
      { "imap", print, {}, { ahead = 0 } },
    } do
      local err = failure(function() pool[args[1]](pool, args[2], args[3], args[4]) end)
      assert.match("pool_making_spec.lua:%d+: ", tostring(err), args[1])
    end
  end)

  it("can have workers from the clean helper process", function()
    family.server()
    local pool <close> = skein.pool { workers = 2, method = "server" }
    assert.equal(5, pool:apply(function(a) return a + 1 end, 4))
    assert.same({ n = 2, 1, 2 }, pool:map("math.abs", { -1, 2 }))
  end)

  it("leaves nothing in the memory of the family", peers.clean(function()
    local pool <close> = skein.pool(2)
    local q = skein.queue()
    pool:map(function(x) q:put(x) end, { 1, 2, 3, { "t" } })
    pool:submit(function() return q:get() end):cancel()
    pcall(pool.apply, pool, os.exit, 1)
    pcall(pool.apply, pool, error, q)
    q:close()
  end))

  it("leaves no process behind", function()
    local before = children()
    for _ = 1, 3 do
      local pool <close> = skein.pool(3)
      pool:map(function(x) return x end, { 1, 2, 3, 4 })
    end
    assert.equal(before, children())
  end)
end)
