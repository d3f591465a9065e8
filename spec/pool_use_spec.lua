--- Pools in use: several at once, from everywhere, with much to carry.

local skein = require("skein")
local pools = require("spec.pools")
local support = require("spec.support")
local family = require("spec.family")

local failure, kind, task = support.failure, support.kind, support.task
local with, range = pools.with, pools.range

local function double(x) return 2 * x end

describe("a pool", function()
  setup(pools.warm)

  it("has others beside it", with(2, function(pool)
    local second <close> = skein.pool(2)
    local a = skein.task(pool.map, pool, double, range(500))
    local b = skein.task(second.map, second, function(x) return -x end, range(500))
    for i = 1, 500 do
      assert.equal(2 * i, a:get()[i])
      assert.equal(-i, b:get()[i])
    end
    -- what one of them returns can be what the other one is given
    local jobs = {}
    for i = 1, 50 do jobs[i] = pool:submit(double, i) end
    for i = 1, 50 do jobs[i] = second:submit(double, jobs[i]:get()) end
    for i = 1, 50 do assert.equal(4 * i, jobs[i]:get()) end
  end))

  it("is used by many tasks in every way at once", with(3, function(pool)
    skein.group(function(group)
      for k = 1, 12 do
        group:task(function()
          for i = 1, 20 do assert.equal(2 * i, pool:apply(double, i)) end
          local results = pool:map(double, range(30))
          for i = 1, 30 do assert.equal(2 * i, results[i]) end
          local seen = 0
          for i, ok, v in pool:imap(double, range(20), { ordered = k % 2 == 0 }) do
            assert.is_true(ok)
            assert.equal(2 * i, v)
            seen = seen + 1
          end
          assert.equal(20, seen)
        end)
      end
    end)
    assert.equal(12 * (20 + 30 + 20), pool:stats().finished)
  end))

  it("takes jobs from callbacks of its jobs", with(1, function(pool)
    local steps, last = {}, skein.channel()
    local function go_on(job)
      local n = job:get()
      steps[#steps + 1] = n
      if n == 50 then last:put(n) return end
      pool:submit(function(x) return x + 1 end, n):on_done(go_on)
    end
    pool:submit(function() return 1 end):on_done(go_on)
    assert.equal(50, last:get(10))
    assert.equal(50, #steps)
  end))

  it("is nested, also by threads, to some depth", task(function()
    local function sum(depth, make)
      local inner <close> = require("skein").pool(make)
      if depth == 0 then return inner:apply(function() return 1 end) end
      local jobs = { inner:submit(sum, depth - 1, make), inner:submit(sum, depth - 1, make) }
      return jobs[1]:get() + jobs[2]:get()
    end
    for _, make in ipairs { { workers = 2 }, { workers = 2, kind = "thread" } } do
      local pool <close> = skein.pool(make)
      assert.equal(8, pool:apply(sum, 3, make))
    end
  end))

  it("carries more than every buffer, both ways at once", with(3, function(pool)
    local large = ("x"):rep(8 << 20)
    local jobs = {}
    for i = 1, 12 do
      jobs[i] = pool:submit(function(s, n) return s, n, s .. "y" end, large, i)
    end
    for i = 12, 1, -1 do
      local s, n, longer = jobs[i]:get()
      assert.is_true(s == large and n == i and #longer == #large + 1)
    end
    local list = {}
    for i = 1, 12 do list[i] = large end
    local results = pool:map(function(s) return s end, list)
    for i = 1, 12 do assert.is_true(results[i] == large) end
  end))

  it("grows by nothing, however many jobs", function()
    local out = support.program [[
      local core, skein = require("skein.core"), require("skein")
      local function double(x) return 2 * x end
      local function resident()
        for line in io.lines("/proc/self/status") do
          local kb = line:match("^VmRSS:%s*(%d+)")
          if kb then return tonumber(kb) end
        end
      end
      local function work(pool, n)
        local list = {}
        for i = 1, n do list[i] = i end
        for _ = 1, 3 do assert(pool:map(double, list)[n] == 2 * n) end
        local jobs = {}
        for i = 1, n // 20 do jobs[i] = pool:submit(double, i) end
        for i = 1, #jobs do assert(jobs[i]:get() == 2 * i) end
        for i = 1, n // 100 do assert(pool:apply(double, i) == 2 * i) end
        list = { table.unpack(list, 1, n // 100) }
        for i, _, v in pool:imap(double, list) do assert(v == 2 * i) end
        collectgarbage()
        collectgarbage()
        return core.arena()
      end
      local pool <close> = skein.pool { workers = 1 }
      for _ = 1, 2 do work(pool, 20000) end
      local objects, bytes = work(pool, 20000)
      local ours, theirs = resident(), pool:apply(resident)
      for _ = 1, 16 do -- a million items and jobs
        local now, used = work(pool, 20000)
        -- but for free blocks, of which each member keeps a few
        assert(now == objects and used <= bytes + 65536, used - bytes)
      end
      print(resident() - ours < 2048 and pool:apply(resident) - theirs < 2048,
        resident() - ours, pool:apply(resident) - theirs)
    ]]
    assert.match("^true", out)
  end)

  it("reads an endless source as far as it is asked for", with(2, function(pool)
    for _, ordered in ipairs { true, false } do
      local read, sum = 0, 0
      for _, ok, v in pool:imap(double, function()
        read = read + 1
        return read
      end, { ordered = ordered }) do
        assert.is_true(ok)
        sum = sum + 1
        if v >= 200 then break end
      end
      assert.is_true(read <= sum + 4)
    end
    assert.equal(0, pool:stats().queued)
  end))

  it("names each item, argument and result that cannot cross", with(1, function(pool)
    local seen = {}
    for i, ok, v in pool:imap(function(x) return x == 3 and io.stdout or x end,
      { 1, io.stderr, 3, 4 }) do
      seen[i] = ok and v or tostring(v)
    end
    assert.equal(1, seen[1])
    assert.match("cannot send argument 1: file handle", seen[2])
    assert.match("cannot return result 1: file handle", seen[3])
    assert.equal(4, seen[4])
    local co = coroutine.create(print)
    assert.match("cannot send argument 2: field 'deep': index 1: coroutine",
      tostring(failure(pool.apply, pool, print, 1, { deep = { co } })))
    assert.match("cannot return result 2: field 'f'",
      tostring(failure(pool.apply, pool, function() return 1, { f = io.stdout } end)))
    assert.equal(2, pool:apply(double, 1))
  end))

  it("fails at once when init does, whatever its workers are", function()
    family.server()
    for _, opts in ipairs { { kind = "thread" }, { method = "spawn" }, { method = "server" } } do
      opts.workers, opts.init = 2, function() error("not today", 0) end
      local pool <close> = skein.pool(opts)
      local jobs = {}
      for i = 1, 5 do jobs[i] = pool:submit(skein.sleep, 60) end
      for i = 1, 5 do assert.equal("not today", failure(jobs[i].get, jobs[i], 10).message) end
      assert.equal("error", kind(pool.map, pool, double, { 1 }))
      local iterate = function() for _ in pool:imap(double, { 1 }) do end end -- luacheck: ignore
      assert.equal("error", kind(iterate))
    end
  end)
end)

describe("the program around a pool", function()
  it("is interrupted with all its workers, which say nothing", function()
    local out = support.program [[
      local skein = require("skein")
      local ok, err = pcall(function()
        local begun = skein.queue()
        local killer <close> = skein.process(function()
          local main = skein.parent().pid
          local pids = { begun:get(), begun:get(), begun:get() }
          require("spec.family").waits { pid = main }
          os.execute(("kill -INT %d %d %d %d"):format(main, table.unpack(pids)))
        end)
        local pool <close> = skein.pool(3)
        pool:map(function(how)
          begun:put(skein.self().pid)
          if how == 1 then skein.sleep(60) end
          while true do end
        end, { 1, 2, 2 }, { chunk = 1 })
      end)
      print(ok, err.kind, #skein.children())
    ]]
    assert.equal("false\tinterrupted\t0\n", out)
  end)

  it("goes on with it when it is interrupted again while a map stops", function()
    local out = support.program [[
      local skein = require("skein")
      local gate, begun, told = skein.queue(), skein.queue(), skein.queue()
      local pool = skein.pool(1)
      local killer = skein.process(function()
        local main = skein.parent()
        for _, sign in ipairs { begun, told } do
          sign:get()
          require("spec.family").waits(main)
          os.execute("kill -INT " .. main.pid)
        end
      end)
      local ok, err = pcall(pool.map, pool, function()
        begun:put(true)
        if pcall(gate.get, gate) then return end
        skein.shield(function()
          told:put(true)
          gate:get()
        end)
      end, { 1, 2, 3 })
      print(ok, err.kind, pool:stats().queued, killer:get())
      gate:put(true)
      pool:close()
      print(pool:join(10))
    ]]
    assert.equal("false\tinterrupted\t0\ntrue\n", out)
  end)

  it("takes its workers with it within a second when it is killed", function()
    local out = support.program [[
      local skein = require("skein")
      local q = skein.queue()
      local child = skein.process(function()
        local pools = { skein.pool(2), skein.pool { workers = 1, method = "spawn" } }
        for _, pool in ipairs(pools) do
          for _ = 1, 2 do
            pool:submit(function()
              q:put(skein.self().pid)
              while true do end
            end)
          end
        end
        local idle = skein.pool(1)
        q:put(idle:apply(function() return skein.self().pid end))
        skein.sleep(60)
      end)
      local pids = {}
      for i = 1, 4 do pids[i] = q:get() end
      child:kill()
      local due = skein.now() + 1
      local function lives(pid)
        local f = io.open("/proc/" .. pid .. "/stat")
        local state = f and f:read("a"):match("%) (%a)")
        if f then f:close() end
        return state and state ~= "Z" and state ~= "X"
      end
      for _, pid in ipairs(pids) do
        while lives(pid) and skein.now() < due do skein.sleep(0.01) end
        print(lives(pid) and "alive" or "gone")
      end
    ]]
    assert.equal(("gone\n"):rep(4), out)
  end)
end)
