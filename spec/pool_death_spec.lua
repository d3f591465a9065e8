--- Pools whose workers die.

local core = require("skein.core")
local skein = require("skein")
local pools = require("spec.pools")
local support = require("spec.support")

local failure, task = support.failure, support.task
local with, range = pools.with, pools.range

local function kill(pid) os.execute("kill -9 " .. pid) end

local function die() os.execute("kill -9 " .. require("skein").self().pid) end

describe("a worker that dies", function()
  setup(pools.warm)

  it("costs its own job only", with(2, function(pool)
    local jobs = {}
    for i = 1, 10 do
      jobs[i] = pool:submit(function()
        if i == 4 then die() end
        return i
      end)
    end
    for i = 1, 10 do
      if i == 4 then
        local err = failure(jobs[i].get, jobs[i])
        assert.equal("killed", err.kind)
        assert.equal(9, err.signal)
        assert.match("signal 9", err.message)
        assert.match("pool worker", err.source)
      else
        assert.equal(i, jobs[i]:get())
      end
    end
    assert.equal(1, pool:stats().failed)
  end))

  it("is told from one that left by exit", with(2, function(pool)
    for _, code in ipairs { 0, 3 } do
      local err = failure(pool.apply, pool, function() os.exit(code) end)
      assert.equal("exited", err.kind)
      assert.equal(code, err.code)
    end
    assert.equal(1, pool:apply(function() return 1 end))
  end))

  it("is replaced when it was idle", with(2, function(pool)
    for _ = 1, 3 do
      for _, w in ipairs(pool:stats().workers) do kill(w.pid) end
      local pids = pool:map(function(x) skein.sleep(0.01) return x end, range(6))
      assert.equal(6, #pids)
    end
    local due = skein.now() + 5
    while #pool:stats().workers < 2 and skein.now() < due do skein.sleep(0.005) end
    assert.equal(2, #pool:stats().workers)
  end))

  it("gives its job another run, if it may", with({ workers = 2, retries = 2 }, function(pool)
    local runs = skein.queue()
    local job = pool:submit(function()
      runs:put(1)
      if runs:size() < 3 then die() end
      return "at last"
    end)
    assert.equal("at last", job:get())
    assert.equal(3, runs:size())
    local hopeless = pool:submit(function() runs:put(1) die() end)
    assert.equal("killed", failure(hopeless.get, hopeless).kind)
    assert.equal(6, runs:size())
  end))

  it("is no reason to fail the pool, if its job may be tried so often",
    with({ workers = 1, retries = 40 }, function(pool)
      local runs = skein.value(0)
      local job = pool:submit(function()
        if runs:add(1) < 40 then os.exit(3) end
        return "at last"
      end)
      assert.equal("at last", job:get())
      assert.equal(40, runs:get())
    end))

  it("does not end the pool, however often", with(2, function(pool)
    local jobs = {}
    for i = 1, 30 do jobs[i] = pool:submit(os.exit, i % 2) end
    for i = 1, 30 do
      assert.equal("exited", failure(jobs[i].get, jobs[i]).kind)
    end
    assert.equal(1, pool:apply(function() return 1 end))
  end))

  it("leaves failures to the owner to report", function()
    local out = support.program [[
      local skein = require("skein")
      local pool <close> = skein.pool(1)
      local job = pool:submit(error, "once", 0)
      job:join()
      for _ = 1, 3 do pcall(pool.apply, pool, os.exit, 1) end
    ]]
    local _, n = out:gsub("once", "")
    assert.equal(1, n)
  end)

  it("fails one item of a map", with(2, function(pool)
    local err = failure(pool.map, pool, function(x)
      if x == 13 then die() end
      return x
    end, range(20), { chunk = 10 })
    assert.equal("killed", err.kind)
    assert.equal(1, pool:apply(function() return 1 end))
  end))

  it("lets a lower item of its part fail first", with(2, function(pool)
    local err = failure(pool.map, pool, function(x)
      if x == 5 then die() end
      if x == 3 and _G.again then error("three", 0) end -- luacheck: ignore
      _G.again = true -- luacheck: ignore
    end, range(6), { chunk = 6 })
    assert.is_true(err.kind == "killed" or err.message == "three")
  end))

  it("does not spoil a map that may try again", with({ workers = 2, retries = 1 }, function(pool)
    local first = skein.queue()
    first:put(true)
    local results = pool:map(function(x)
      if x == 13 and first:get(0) then die() end
      return x
    end, range(20), { chunk = 10 })
    for i = 1, 20 do assert.equal(i, results[i]) end
  end))

  it("is noticed while the pool closes", task(function()
    local pool = skein.pool { workers = 2, retries = 1 }
    local first = skein.queue()
    first:put(true)
    local job = pool:submit(function()
      if first:get(0) then die() end
      return "again"
    end)
    pool:close()
    assert.is_true(pool:join(10))
    assert.equal("again", job:get())
  end))

  it("may be killed at any moment", with({ workers = 2, retries = 20 }, function(pool)
    local killer = skein.task(function()
      for _ = 1, 25 do
        skein.sleep(0.004)
        local workers = pool:stats().workers
        local victim = workers[math.random(math.max(#workers, 1))]
        if victim then kill(victim.pid) end
      end
    end)
    local jobs = {}
    for i = 1, 400 do
      jobs[i] = pool:submit(function()
        local s = 0
        for k = 1, 20000 do s = s + k end
        return i, s
      end)
    end
    for i = 1, 400 do assert.equal(i, (jobs[i]:get())) end
    killer:join()
    local results = pool:map(function(x) return x end, range(1000))
    for i = 1, 1000 do assert.equal(i, results[i]) end
  end))

  it("while it waits in a queue of the user's costs nobody else", with(2, function(pool)
    local q = skein.queue()
    local waiting = pool:submit(function() return q:get() end)
    repeat skein.sleep(0.002) until waiting:status() == "running"
    for _, w in ipairs(pool:stats().workers) do
      if w.state == "busy" then kill(w.pid) end
    end
    assert.equal("killed", failure(waiting.get, waiting).kind)
    q:put("for the next")
    assert.equal("for the next", pool:apply(function() return q:get() end))
  end))

  it("as soon as it starts, again and again, fails the pool", task(function()
    local pool = skein.pool { workers = 1, init = os.exit, init_args = { 3 } }
    local job = pool:submit(function() return 1 end)
    local err = failure(job.get, job, 15)
    assert.equal("exited", err.kind)
    assert.match("the pool failed, for its workers die .* exit with code 3", err.message)
    pool:close()
    assert.is_true(pool:join(5))
  end))
end)

-- In a build for it (make steps): a worker dies between any two steps.
if core.doom(0) then
  describe("a worker that dies at any step", function()
    it("costs its own job only", with(2, function(pool)
      for n = 1, 60 do
        local doomed = pool:submit(function() return n, require("skein.core").doom(n) end)
        local other = pool:submit(function() return n end)
        for _, job in ipairs { doomed, other } do
          local ok, v = pcall(job.get, job, 10)
          assert.is_true(ok and v == n or v.kind == "killed", tostring(v))
        end
      end
    end))

    it("does not spoil a map that may try again", with({ workers = 2, retries = 100 },
      function(pool)
        local once = skein.queue()
        for n = 1, 300 do
          once:put(n)
          local results = pool:map(function(x)
            local steps = once:get(0)
            if steps then require("skein.core").doom(steps) end
            return x
          end, range(8), { chunk = 3, timeout = 10 })
          for i = 1, 8 do assert.equal(i, results[i]) end
        end
      end))
  end)
end

describe("the owner of a pool", function()
  it("takes its workers with it when it is killed", function()
    local out = support.program [[
      local skein = require("skein")
      local child = skein.process(function(q)
        local pool = skein.pool(2)
        pool:map(function() skein.sleep(0.05) q:put(skein.self().pid) end, { 1, 2 })
        pool:submit(skein.sleep, 60)
        q:put(0)
        skein.sleep(60)
      end, (function() _G.q = skein.queue() return _G.q end)())
      local pids = {}
      for pid in _G.q:items() do
        if pid == 0 then break end
        pids[#pids + 1] = pid
      end
      child:kill()
      child:join()
      local due = skein.now() + 5
      for _, pid in ipairs(pids) do
        while os.execute("kill -0 " .. pid .. " 2>/dev/null") and skein.now() < due do
          skein.sleep(0.01)
        end
        print(os.execute("kill -0 " .. pid .. " 2>/dev/null") and "alive" or "gone")
      end
    ]]
    assert.match("gone\ngone\n$", out)
  end)

  it("ends its pool when Ctrl-C comes", function()
    local out = support.program [[
      local skein = require("skein")
      local pid = skein.self().pid
      local ok, err = pcall(function()
        local pool <close> = skein.pool(2)
        os.execute(("(sleep 0.2; kill -INT %d) &"):format(pid))
        pool:map(skein.sleep, { 60, 60 })
      end)
      print(ok, err.kind, #skein.children())
    ]]
    assert.equal("false\tinterrupted\t0\n", out)
  end)
end)
