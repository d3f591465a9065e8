local skein = require("skein")
local core = require("skein.core")
local family = require("spec.family")
local support = require("spec.support")
local task, kind = support.task, support.kind

--- Starts `fn(...)` as a task, a thread and a process of each kind.
local function everywhere(fn, ...)
  return {
    skein.task(fn, ...),
    skein.process(fn, ...),
    skein.process({ method = "spawn" }, fn, ...),
  }
end

describe("semaphore", function()
  it("counts", task(function()
    local s = skein.semaphore(2, 3)
    assert.equal(2, s:value())
    assert.is_true(s:acquire())
    assert.is_true(s:acquire(0))
    assert.same({ nil, "timeout" }, { s:acquire(0) })
    assert.same({ nil, "timeout" }, { s:acquire(0.002) })
    s:release(2)
    s:release()
    assert.equal(3, s:value())
    assert.equal(0, skein.semaphore(0):value())
  end))

  it("raises for more permits than the most, and changes nothing", task(function()
    local s = skein.semaphore(1, 2)
    local err = support.failure(function() s:release(2) end)
    assert.matches("^spec/semaphore_spec.lua:%d+: released too often.* 2 ", err)
    assert.equal(1, s:value())
    s:release()
    assert.has_error(function() s:release() end)
    assert.equal(2, s:value())
    local huge = skein.semaphore(math.maxinteger)
    assert.has_error(function() huge:release() end)
    assert.equal(math.maxinteger, huge:value())
  end))

  it("raises for wrong use", task(function()
    for _, bad in ipairs { -1, 1.5, "1", {}, math.huge } do
      assert.error_matches(function() skein.semaphore(bad) end, "whole number")
    end
    assert.has_error(function() skein.semaphore() end)
    assert.error_matches(function() skein.semaphore(2, 1) end, "max")
    assert.error_matches(function() skein.semaphore(0, 0) end, "max")
    local s = skein.semaphore(1)
    for _, bad in ipairs { 0, -1, 0.5, "1" } do
      assert.error_matches(function() s:release(bad) end, "whole number")
    end
    assert.error_matches(function() s:acquire("x") end, "number")
    assert.error_matches(function() s:acquire(0 / 0) end, "NaN")
    assert.error_matches(function() s.acquire({}) end, "skein.Semaphore")
    assert.equal(1, s:value())
  end))

  it("serves first come, first served, and lets nobody barge in", task(function()
    local s, order = skein.semaphore(0), {}
    local tasks = {}
    for i = 1, 4 do
      tasks[i] = skein.task(function()
        s:acquire()
        order[#order + 1] = i
      end)
    end
    skein.yield()
    s:release(2)
    assert.same({ nil, "timeout" }, { s:acquire(0) })
    assert.equal(0, s:value())
    s:release(2)
    for _, t in ipairs(tasks) do t:join() end
    assert.same({ 1, 2, 3, 4 }, order)
  end))

  it("loses no permit to a cancel or a timeout", task(function()
    local s = skein.semaphore(0)
    local a = skein.task(s.acquire, s)
    local b = skein.task(s.acquire, s, 0.005)
    local c = skein.task(s.acquire, s)
    skein.yield()
    a:cancel()
    assert.same({ nil, "timeout" }, { b:get() })
    s:release()
    assert.is_true(c:get())
    assert.equal("cancelled", a:status())
    assert.equal(0, s:value())
    -- granted before the cancel came: it counts
    local d = skein.task(s.acquire, s)
    skein.yield()
    s:release()
    d:cancel()
    d:join()
    assert.equal(d:status() == "finished" and 0 or 1, s:value())
    s:release()
    assert.equal("timeout", kind(skein.timeout, 0.002, function()
      s:acquire()
      s:acquire()
    end))
  end))

  it("keeps count when grant and timeout meet", task(function()
    local s, got = skein.semaphore(0), 0
    for _ = 1, 50 do
      local t = skein.task(s.acquire, s, 0.001)
      skein.sleep(0.001)
      s:release()
      if t:get() then got = got + 1 end
    end
    assert.equal(50 - got, s:value())
  end))

  it("is shared with all, and crosses in every way", task(function()
    local s, q = skein.semaphore(0), skein.queue()
    local a, b = skein.pipe()
    q:put(s)
    assert.equal(s, q:get())
    a:send { s }
    assert.equal(s, b:recv()[1])
    local all = everywhere(function(x) return x:acquire(5) and x end, s)
    s:release(#all)
    for _, h in ipairs(all) do assert.equal(s, h:get()) end
    assert.equal(0, s:value())
    local t = skein.thread(function(x) x:release(2) end, s)
    assert.is_true(s:acquire(5))
    t:join()
    assert.equal(1, s:value())
  end))

  it("goes on when who waits is killed", task(function()
    local s, here = skein.semaphore(0), skein.queue()
    local function wait()
      here:put(true)
      s:acquire()
      return true
    end
    local p = skein.process(wait)
    here:get()
    family.waits(p)
    local t = skein.task(s.acquire, s)
    p:kill()
    p:join()
    s:release()
    assert.is_true(t:get())
    assert.equal(0, s:value())
  end))

  it("gives a permit that nobody took to the next", task(function()
    local s, here = skein.semaphore(0), skein.queue()
    local p = skein.process(function()
      here:put(true)
      s:acquire()
      skein.sleep(10)
    end)
    here:get()
    family.stop(p)
    s:release() -- granted to one that cannot take it
    assert.equal(0, s:value())
    local t = skein.task(s.acquire, s, 5)
    skein.yield()
    assert.is_false(t:done())
    p:kill()
    assert.is_true(t:get())
    p:join()
    assert.equal(0, s:value())
  end))

  it("does not give back what a dead one had taken", task(function()
    local s, q = skein.semaphore(1), skein.queue()
    local p = skein.process(function()
      s:acquire()
      q:put(true)
      skein.sleep(10)
    end)
    q:get()
    p:kill()
    p:join()
    assert.equal(0, s:value())
    assert.same({ nil, "timeout" }, { s:acquire(0) })
  end))

  it("says when it can never come", function()
    local s = skein.semaphore(0)
    assert.equal("deadlock", kind(s.acquire, s))
  end)

  it("leaves nothing behind", task(function()
    if not core.objects then return end
    collectgarbage()
    local before = core.objects()
    for _ = 1, 10 do skein.semaphore(1):acquire() end
    collectgarbage()
    assert.equal(before, core.objects())
  end))
end)
