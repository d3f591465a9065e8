--- skein.pool: jobs and their results.

local core = require("skein.core")
local skein = require("skein")
local pools = require("spec.pools")
local support = require("spec.support")

local failure, kind, task = support.failure, support.kind, support.task
local with, where, children = pools.with, pools.where, pools.children

--- Never returns to Lua, so only killing ends it; and it starts no process of
--- its own, which would stay behind.
local function deaf() string.find(("a"):rep(200), ("a-"):rep(30) .. "b") end

describe("pool:apply", function()
  setup(pools.warm)

  it("returns what the function returned", with(2, function(pool)
    local function f(a, b) return b, nil, a, nil end
    assert.same({ n = 4, 2, nil, 1, nil }, table.pack(pool:apply(f, 1, 2)))
    assert.equal(0, select("#", pool:apply(function() end)))
  end))

  it("runs in another process", with(2, function(pool)
    assert.not_equal(skein.self().pid, pool:apply(where))
  end))

  it("raises what the function raised", with(2, function(pool)
    local err = failure(pool.apply, pool, function() error({ code = 7 }) end)
    assert.equal("error", err.kind)
    assert.same({ code = 7 }, err.value)
    err = failure(pool.apply, pool, function() error("boom", 0) end)
    assert.equal("boom", err.message)
    assert.equal("boom", err.value)
    assert.match("traceback", err.traceback)
    assert.match("pool worker %d", err.source)
  end))

  it("takes a function with its upvalues, and what they share", with(2, function(pool)
    local shared = { n = 1 }
    local function get(t) t.n = t.n + 1 return shared.n end
    assert.equal(2, pool:apply(get, shared))
    shared.n = 10
    assert.equal(11, pool:apply(get, shared))
    assert.equal(10, shared.n)
  end))

  it("takes the name of a function, and C functions", with(2, function(pool)
    assert.equal(9, pool:apply("math.max", 3, 9))
    assert.equal("A", pool:apply(string.upper, "a"))
    assert.equal("error", kind(pool.apply, pool, "math.nothing"))
    assert.equal("error", kind(pool.apply, pool, "no.such.module"))
  end))

  it("keeps the worker's state from job to job", with(1, function(pool)
    local function count()
      _G.counted = (_G.counted or 0) + 1 -- luacheck: ignore
      return _G.counted -- luacheck: ignore
    end
    for i = 1, 5 do assert.equal(i, pool:apply(count)) end
  end))

  it("works from several tasks at once", with(2, function(pool)
    local results = skein.map({ 1, 2, 3, 4, 5, 6, 7, 8 }, function(i)
      return pool:apply(function(x) return x * x end, i)
    end)
    assert.same({ 1, 4, 9, 16, 25, 36, 49, 64 }, { table.unpack(results) })
  end))

  it("cancels the job when it is left", with(1, function(pool)
    local flag = skein.queue()
    local start = skein.now()
    assert.equal("timeout", kind(skein.timeout, 0.05, function()
      pool:apply(function()
        local _ <close> = setmetatable({}, { __close = function()
          skein.shield(function() flag:put("cleaned") end)
        end })
        skein.sleep(60)
      end)
    end))
    assert.equal("cleaned", flag:get(0))
    assert.is_true(skein.now() - start < 5)
    assert.equal(1, pool:apply(function() return 1 end))
  end))

  it("interrupts a loop that never waits", with(1, function(pool)
    local pid = pool:apply(where)
    assert.equal("timeout", kind(skein.timeout, 0.05, pool.apply, pool,
      function() while true do end end))
    assert.equal(pid, pool:apply(where))
  end))
end)

describe("pool:submit", function()
  it("makes a job, a handle like all others", with(2, function(pool)
    local job = pool:submit({ name = "adds" }, function(a, b) return a + b end, 1, 2)
    assert.equal("adds", job.name)
    assert.equal("number", type(job.id))
    assert.equal(3, job:get())
    assert.equal(3, job:get())
    assert.is_true(job:join())
    assert.is_true(job:done())
    assert.equal("finished", job:status())
    assert.is_nil(job:error())
    assert.is_false(job:cancel())
    assert.match("already", failure(job.start, job))
  end))

  it("keeps an error for whoever asks", with(2, function(pool)
    local job = pool:submit(error, "no", 0)
    assert.is_true(job:join())
    assert.equal("failed", job:status())
    assert.equal("no", job:error().message)
    assert.equal("no", failure(job.get, job).message)
  end))

  it("calls on_done", with(2, function(pool)
    local got = skein.channel()
    local job = pool:submit(function() return 5 end)
    assert.equal(job, job:on_done(function(h) got:put(h) end))
    assert.equal(job, got:get(5))
  end))

  it("leaves the work running when get times out", with(1, function(pool)
    local job = pool:submit(function() skein.sleep(0.1) return "late" end)
    assert.equal("timeout", kind(job.get, job, 0.01))
    assert.same({ n = 2, nil, "timeout" }, table.pack(job:join(0)))
    assert.equal("late", job:get())
  end))

  it("is seen by who only looks", with(1, function(pool)
    local gate = skein.queue()
    local job = pool:submit(function() return gate:get() end)
    local second = pool:submit(function() return 2 end)
    while job:status() ~= "running" do skein.sleep(0.001) end
    assert.equal("pending", second:status())
    gate:put(1)
    while not second:done() do end
    assert.equal(1, job:get())
  end))

  it("begins the smallest priority first", with(1, function(pool)
    local gate, order = skein.queue(), skein.queue()
    local first = pool:submit(function() return gate:get() end)
    while first:status() ~= "running" do skein.sleep(0.001) end
    for i, priority in ipairs { 5, 0, -3.5, 5, 0.25 } do
      pool:submit({ priority = priority }, function(x) order:put(x) end, i)
    end
    gate:put(true)
    local seen = {}
    for i = 1, 5 do seen[i] = order:get(5) end
    assert.same({ 3, 2, 5, 1, 4 }, seen)
  end))

  it("drops a job that has not begun", with(1, function(pool)
    local gate, seen = skein.queue(), skein.queue()
    local first = pool:submit(function() return gate:get() end)
    while first:status() ~= "running" do skein.sleep(0.001) end
    local job = pool:submit(function() seen:put("ran") end)
    assert.is_true(job:cancel("not wanted"))
    assert.equal("cancelled", job:status())
    assert.equal("cancelled", kind(job.get, job))
    assert.equal("not wanted", job:error().reason)
    gate:put(true)
    first:get()
    assert.equal(7, pool:apply(function() return 7 end))
    assert.equal(0, seen:size())
  end))

  it("cancels a job in its worker, which goes on", with(1, function(pool)
    local pid = pool:apply(where)
    local cleaned = skein.queue()
    local job = pool:submit(function()
      local _ <close> = setmetatable({}, { __close = function()
        skein.shield(function() cleaned:put(true) end)
      end })
      skein.sleep(60)
    end)
    while job:status() ~= "running" do skein.sleep(0.001) end
    assert.is_true(job:cancel())
    assert.is_true(job:join(5))
    assert.equal("cancelled", job:status())
    assert.is_true(cleaned:get(0))
    assert.equal(pid, pool:apply(where))
  end))

  it("takes the results of one that swallows its cancel", with(1, function(pool)
    local job = pool:submit(function() pcall(skein.sleep, 60) return "stayed" end)
    while job:status() ~= "running" do skein.sleep(0.001) end
    job:cancel()
    assert.equal("stayed", job:get())
  end))

  it("limits the time from when a job begins", with(1, function(pool)
    local pid = pool:apply(where)
    pool:submit(skein.sleep, 0.1)
    local job = pool:submit({ timeout = 0.08, name = "slow" }, skein.sleep, 60)
    local start = skein.now()
    local err = failure(job.get, job)
    assert.equal("timeout", err.kind)
    assert.match("slow", err.message)
    assert.is_true(skein.now() - start >= 0.17)
    assert.is_true(skein.now() - start < 5)
    assert.equal("failed", job:status())
    assert.equal(pid, pool:apply(where))
    assert.equal(3, pool:submit({ timeout = 5 }, function() return 3 end):get())
  end))

  it("limits the time of jobs that begin while they are submitted", with(2, function(pool)
    for i = 1, 100 do
      pool:apply(type, i) -- its worker looks for the next one now
      local job = pool:submit({ timeout = 0.001 }, skein.sleep, 60)
      local done = job:join(10)
      if not done then job:cancel() end
      assert.is_true(done, "the time of job " .. i .. " was not limited")
      assert.equal("timeout", kind(job.get, job))
    end
  end))

  it("kills the worker of one that does not stop", with(1, function(pool)
    local job = pool:submit({ timeout = 0.05 }, deaf)
    assert.equal("timeout", kind(job.get, job))
    assert.equal(1, pool:apply(function() return 1 end))
  end))

  it("cancels many jobs at whatever moment", with(2, function(pool)
    for round = 1, 30 do
      local jobs = {}
      for i = 1, 20 do jobs[i] = pool:submit(function() skein.sleep(0.0005) return i end) end
      for i = 1, 20, 2 do jobs[(i * round) % 20 + 1]:cancel() end
      for i = 1, 20 do
        assert.is_true(jobs[i]:join(10))
        local status = jobs[i]:status()
        assert.is_true(status == "finished" or status == "cancelled", status)
        if status == "finished" then assert.equal(i, jobs[i]:get()) else jobs[i]:error() end
      end
    end
  end))

  it("raises for what cannot cross, and sends nothing", with(1, function(pool)
    local err = failure(function() pool:submit(print, 1, { f = io.stdout }) end)
    assert.equal("transfer", err.kind)
    assert.match("cannot send argument 2: field 'f'", tostring(err))
    assert.match("pool_spec.lua", err.where)
    local co = coroutine.create(print)
    err = failure(pool.submit, pool, function() return co end)
    assert.match("upvalue 'co'", tostring(err))
    assert.equal(0, pool:stats().queued)
  end))

  it("fails a job whose results cannot cross", with(1, function(pool)
    local err = failure(pool.apply, pool, function() return 1, io.stdout end)
    assert.match("cannot return result 2: ", tostring(err))
    assert.equal("error", err.kind)
    err = failure(pool.apply, pool, function() error({ io.stdout }) end)
    assert.is_nil(err.value)
    assert.equal(4, pool:apply(function() return 4 end))
  end))

  it("carries large results of all workers at once", with(3, function(pool)
    local jobs = {}
    for i = 1, 12 do jobs[i] = pool:submit(string.rep, tostring(i % 10), 3000000) end
    for i = 1, 12 do
      local s = jobs[i]:get()
      assert.is_true(s == tostring(i % 10):rep(3000000))
    end
  end))

  it("carries shared objects both ways", with(2, function(pool)
    local q = skein.queue()
    assert.equal(q, pool:apply(function(c) c:put("from afar") return c end, q))
    assert.equal("from afar", q:get(0))
    local made = pool:apply(function()
      local new = skein.queue()
      new:put("kept")
      return new
    end)
    assert.equal("kept", made:get(0))
  end))

  it("counts what became of the jobs", with(2, function(pool)
    local gate = skein.queue()
    for _ = 1, 2 do pool:submit(function() return gate:get() end) end
    for _ = 1, 3 do pool:submit(function() return gate:get() end) end
    repeat skein.sleep(0.001) until pool:stats().running == 2
    local stats = pool:stats()
    assert.equal(3, stats.queued)
    assert.equal(2, #stats.workers)
    assert.equal("busy", stats.workers[1].state)
    for _ = 1, 5 do gate:put(1) end
    assert.equal("x", failure(pool.apply, pool, error, "x").message)
    repeat skein.sleep(0.001) until pool:stats().finished == 5
    stats = pool:stats()
    assert.equal(1, stats.failed)
    assert.equal(0, stats.queued)
    assert.equal(0, stats.running)
    local jobs = 0
    for _, w in ipairs(stats.workers) do
      jobs = jobs + w.jobs
      assert.equal("idle", w.state)
      assert.equal("number", type(w.pid))
    end
    assert.equal(6, jobs)
  end))

  it("has counted a job when its result is there", with(1, function(pool)
    for i = 1, 300 do
      assert.equal(i, pool:apply(math.abs, -i))
      local stats = pool:stats()
      assert.same({ i, 0, "idle", i },
        { stats.finished, stats.running, stats.workers[1].state, stats.workers[1].jobs })
    end
  end))
end)

describe("the end of a pool", function()
  it("does what was submitted before close", task(function()
    local pool = skein.pool(2)
    local jobs = {}
    for i = 1, 50 do jobs[i] = pool:submit(function() return i end) end
    pool:close()
    assert.match("closed", failure(pool.submit, pool, print))
    assert.match("closed", failure(pool.apply, pool, print))
    assert.match("closed", failure(pool.map, pool, print, {}))
    assert.is_true(pool:join())
    for i = 1, 50 do assert.equal(i, jobs[i]:get()) end
    assert.same({}, pool:stats().workers)
    pool:close()
    assert.is_true(pool:join(0))
  end))

  it("can be waited for, for a while", task(function()
    local pool = skein.pool(1)
    local gate = skein.queue()
    pool:submit(function() return gate:get() end)
    pool:close()
    assert.same({ n = 2, nil, "timeout" }, table.pack(pool:join(0.01)))
    gate:put(1)
    assert.is_true(pool:join(5))
  end))

  it("must be asked for before join", with(1, function(pool)
    local err = failure(function() pool:join() end)
    assert.match("pool_spec.lua:%d+: close or terminate", err)
  end))

  it("cancels open jobs when it is terminated", task(function()
    local pool = skein.pool(2)
    local jobs = {}
    for i = 1, 5 do jobs[i] = pool:submit(skein.sleep, 60) end
    skein.sleep(0.02)
    local start = skein.now()
    pool:terminate()
    for i = 1, 5 do assert.equal("cancelled", jobs[i]:status()) end
    assert.equal("cancelled", kind(jobs[1].get, jobs[1]))
    assert.is_true(pool:join())
    assert.is_true(skein.now() - start < 0.9)
    assert.match("terminated", failure(pool.submit, pool, print))
  end))

  it("comes soon even for workers that do not listen", task(function()
    local pool = skein.pool(1)
    pool:submit(deaf)
    skein.sleep(0.05)
    pool:terminate()
    assert.is_true(pool:join(5))
  end))

  it("comes when its variable is left", task(function()
    local job
    do
      local pool <close> = skein.pool(1)
      job = pool:submit(function() skein.sleep(0.05) return "done" end)
    end
    assert.equal("finished", job:status())
    local start = skein.now()
    assert.equal("mine", failure(function()
      local pool <close> = skein.pool(1)
      job = pool:submit(skein.sleep, 60)
      error("mine", 0)
    end))
    assert.is_true(skein.now() - start < 5)
    assert.equal("cancelled", job:status())
  end))

  it("comes when the pool is forgotten", function()
    local before = children()
    skein.pool(2):apply(print)
    skein.sleep(0.01)
    collectgarbage()
    collectgarbage()
    assert.is_true(support.eventually(function() return children() == before end))
  end)

  it("does not come while its jobs are awaited", task(function()
    local live = core.live()
    local job = skein.pool(1):submit(function() skein.sleep(0.05) return "there" end)
    collectgarbage()
    collectgarbage()
    assert.equal("there", job:get())
    collectgarbage()
    collectgarbage()
    assert.is_true(support.eventually(function() return core.live() == live end))
  end))

  it("is the end of the program's workers", function()
    local out = support.program [[
      local skein = require("skein")
      local pool = skein.pool(2)
      pool:submit(skein.sleep, 60)
      print(pool:apply(function() return "fine" end))
      io.stdout:flush()
      os.exit(0)
    ]]
    assert.equal("fine\n", out)
  end)
end)
