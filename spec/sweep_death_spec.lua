--- A process dies at each step of sweeping another one that died. See
--- death_spec.lua.

local core = require("skein.core")
local skein = require("skein")
local family = require("spec.family")
local peers = require("spec.peers")
local support = require("spec.support")

if not core.doom(0) then return end

--- `victim(scene)` runs in a process that is killed where it then stands still;
--- who sweeps it is killed too, at the n-th step, for every n. Then `check`.
local function at_each_step_of_sweeping(prepare, victim, check)
  local n, died = 0, true
  while died do
    n = n + 1
    local scene = prepare()
    local sweeper = skein.process(function()
      local ready = skein.event()
      local p = skein.process(function()
        skein.task(victim, scene, ready)
        for _ = 1, 5 do skein.yield() end
        ready:set()
        skein.sleep(100)
      end)
      ready:wait()
      ready = nil
      core.doom(n)
      p:kill()
      p:join()
      core.doom(0)
    end)
    sweeper:join()
    died = sweeper:exitcode() ~= 0
    core.arena() -- sweeps what nobody else has
    check(scene, died)
  end
  return n
end

local function test(prepare, victim, check)
  return peers.clean(function()
    assert.is_true(at_each_step_of_sweeping(prepare, victim, check) > 5)
  end)
end

describe("a death at any step of sweeping", function()
  setup(peers.warm)

  it("one who has a lock", test(
    function()
      local l = skein.lock()
      return { l = l }
    end,
    function(scene)
      scene.l:acquire()
      skein.sleep(100)
    end,
    function(scene)
      local ok, how = scene.l:acquire(5)
      assert.is_true(ok)
      assert.equal("abandoned", how)
      scene.l:release()
      assert.same({ true }, { scene.l:acquire(0) })
      scene.l:release()
    end))

  it("one who has a lock that another one waits for", test(
    function()
      local l, got = skein.lock(), skein.queue()
      return { l = l, got = got }
    end,
    function(scene)
      scene.l:acquire()
      skein.task(function() -- of the same process: it vanishes
        scene.l:acquire()
        scene.got:put("it was dead")
      end)
      skein.sleep(100)
    end,
    function(scene)
      local ok, how = scene.l:acquire(5)
      assert.is_true(ok)
      assert.equal("abandoned", how)
      scene.l:release()
      assert.is_nil((scene.got:get(0)))
    end))

  it("one who waits for an item and was given it", test(
    function()
      return { q = skein.queue() }
    end,
    function(scene, ready)
      skein.task(scene.q.get, scene.q)
      skein.yield()
      scene.q:put({ "first" }) -- to the task, which never takes it
      scene.q:put({ "second" })
      ready:set()
      family.spin()
    end,
    function(scene)
      assert.same({ "first" }, scene.q:get(1))
      assert.same({ "second" }, scene.q:get(1))
      assert.is_nil((scene.q:get(0)))
    end))

  it("one who waits to put", test(
    function()
      local q = skein.queue(1)
      q:put({ 1 })
      return { q = q }
    end,
    function(scene)
      skein.task(scene.q.put, scene.q, { 2 })
      scene.q:put({ 3 })
    end,
    function(scene)
      assert.same({ 1 }, scene.q:get(1))
      assert.is_nil((scene.q:get(0)))
      assert.is_true(scene.q:put({ 4 }, 0))
      assert.same({ 4 }, scene.q:get(1))
    end))

  it("one who was given a permit", test(
    function() return { s = skein.semaphore(0) } end,
    function(scene, ready)
      skein.task(scene.s.acquire, scene.s)
      skein.yield()
      scene.s:release(2) -- one to the task
      ready:set()
      family.spin()
    end,
    function(scene)
      assert.equal(2, scene.s:value())
      assert.is_true(scene.s:acquire(0))
    end))

  it("one who stands at a barrier", test(
    function() return { b = skein.barrier(3) } end,
    function(scene) scene.b:wait() end,
    function(scene)
      assert.same({ nil, "broken" }, { scene.b:wait(5) })
      scene.b:reset()
    end))

  it("one who waits for a condition", test(
    function() return { c = skein.condition() } end,
    function(scene)
      scene.c:acquire()
      scene.c:wait()
    end,
    function(scene)
      assert.is_true(scene.c:acquire(5))
      scene.c:notify_all()
      scene.c:release()
      assert.is_true(scene.c:acquire(0))
      scene.c:release()
    end))

  it("one who was called", test(
    function()
      local c = skein.condition()
      local t = skein.task(function()
        c:acquire()
        local how = c:wait()
        c:release()
        return how
      end)
      return { c = c, task = t }
    end,
    function(scene, ready)
      skein.task(function()
        scene.c:acquire()
        scene.c:wait()
      end)
      skein.yield()
      scene.c:acquire()
      scene.c:notify(1)
      ready:set()
      family.spin()
    end,
    function(scene)
      assert.is_true(scene.c:acquire(5))
      scene.c:notify_all()
      scene.c:release()
      assert.is_true(scene.task:get(5))
    end))

  it("one who holds the only end of a pipe", test(
    function()
      local a, b = skein.pipe()
      return { a = a, b = b }
    end,
    function(scene)
      scene.b:send("last words")
      scene.b:recv()
    end,
    function(scene)
      local v = scene.a:recv(1)
      assert.equal("last words", v)
      scene.a:close()
      scene.b:close()
    end))

  it("one with objects in objects", test(
    function() return { q = skein.queue() } end,
    function(scene)
      local inner, far = skein.queue(), skein.queue()
      inner:put({ far, skein.lock(), skein.dict() })
      scene.q:put({ inner })
      local private = skein.queue()
      private:put({ skein.array("double", 1000), skein.condition() })
      skein.value({ 1 })
      skein.sleep(100)
    end,
    function(scene)
      local inner = scene.q:get(1)[1]
      local far = inner:get(1)[1]
      assert.is_true(far:put(1, 0))
    end))

  it("one who works on dict, value and array", test(
    function() return { d = skein.dict(), v = skein.value(1),
                        a = skein.array("int8", 3) } end,
    function(scene)
      scene.d:update("k", function()
        scene.v:with(function()
          scene.a:with(function() while true do skein.sleep(1) end end)
        end)
      end)
    end,
    function(scene)
      scene.d:set("k", 1)
      assert.equal(2, scene.d:add("k", 1))
      assert.equal(2, scene.v:add(1))
      scene.a:with(function() scene.a[1] = 1 end)
      assert.equal(1, scene.a[1])
    end))

  --- Process `pid` is killed, and who sweeps it at the n-th step of that: one whose
  --- slot comes behind. Did that die? `first` is what it does before.
  local function sweeper_dies(n, pid, first)
    local sweeper = skein.process(function()
      first()
      os.execute("kill -KILL " .. pid)
      while family.runs(pid) do end
      core.doom(n)
      core.arena()
      core.doom(0)
    end)
    while family.runs(sweeper.pid) do end -- in a wait we would sweep, too
    core.arena()
    sweeper:join()
    return sweeper:exitcode() ~= 0
  end

  -- What the sweeper was moving must be certain before the first one's is freed.
  it("one whose slot comes before that of the sweeper", peers.clean(function()
    local ours, theirs, full = skein.queue(), skein.queue(), skein.queue(1)
    full:put({ 0 })
    --- Has blocks of one size at hand, which are in no queue.
    local function stock(q)
      for i = 1, 40 do q:put({ i }) end
      for i = 1, 40 do assert.same({ i }, q:get()) end
    end
    local n = 0
    repeat
      n = n + 1
      local victim = skein.process(full.put, full, { "never" })
      family.waits(victim)
      stock(ours)
      local died = sweeper_dies(n, victim.pid, function() stock(theirs) end)
      stock(ours)
      victim:join()
    until not died
    assert.is_true(n > 20)
  end))

  it("a worker whose slot comes before that of the sweeper", peers.clean(function()
    local n = 0
    repeat
      n = n + 1
      local pool = skein.pool(1)
      local job = pool:submit(skein.sleep, 100)
      assert.is_true(support.eventually(function() return job:status() == "running" end))
      local died = sweeper_dies(n, pool:stats().workers[1].pid, function() end)
      assert.is_true(job:join(10), "the job has not ended, step " .. n)
      assert.equal("killed", support.kind(job.get, job))
      assert.equal(n, pool:apply(function() return n end))
      pool:close()
      assert.is_true(pool:join(10))
    until not died
    assert.is_true(n > 20)
  end))
end)
