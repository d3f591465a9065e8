local skein = require("skein")
local core = require("skein.core")
local family = require("spec.family")
local peers = require("spec.peers")
local support = require("spec.support")
local task, kind = support.task, support.kind

local function pause() skein.sleep(0.01) end

--- Waits on `c`, with its lock, and tells what came of it.
local function await(c, timeout)
  c:acquire()
  local ok, r, why = pcall(c.wait, c, timeout)
  c:release()
  if not ok then error(r, 0) end
  return r, why
end

local function locked(c, method, ...)
  c:acquire()
  c[method](c, ...)
  c:release()
end

describe("condition", function()
  it("gives the lock up while it waits, and has it afterwards", task(function()
    local l = skein.lock()
    local c = skein.condition(l)
    local t = skein.task(function()
      l:acquire()
      local r = c:wait()
      local mine = pcall(l.release, l)
      return r, mine
    end)
    skein.yield()
    assert.is_true(l:acquire(0))
    c:notify()
    skein.sleep(0.002)
    assert.is_false(t:done()) -- we still hold it
    l:release()
    assert.same({ true, true }, { t:get() })
    assert.is_true(c:acquire(0))
    assert.has_error(function() c:acquire() end)
    c:release()
  end))

  it("has it also after a timeout", task(function()
    local c = skein.condition()
    c:acquire()
    assert.same({ nil, "timeout" }, { c:wait(0.002) })
    assert.same({ nil, "timeout" }, { c:wait(0) })
    c:release()
    local t = skein.task(await, c, 0.002)
    skein.yield()
    c:acquire()
    skein.sleep(0.01) -- its time is over, but we have the lock
    assert.is_false(t:done())
    c:notify() -- too late for it
    c:release()
    assert.same({ nil, "timeout" }, { t:get() })
  end))

  it("has it also after a cancel", task(function()
    local c = skein.condition()
    local had
    local t = skein.task(function()
      c:acquire()
      local ok, err = pcall(c.wait, c)
      had = pcall(c.release, c)
      assert(not ok)
      error(err)
    end)
    skein.yield()
    c:acquire()
    t:cancel()
    skein.sleep(0.005)
    assert.is_false(t:done())
    t:cancel()
    c:release()
    t:join()
    assert.equal("cancelled", t:status())
    assert.is_true(had)
    assert.is_true(c:acquire(0))
    c:release()
  end))

  it("keeps the result of one that was notified, then cancelled", task(function()
    local c = skein.condition()
    local t = skein.task(function()
      c:acquire()
      local r = c:wait()
      c:release()
      return r
    end)
    skein.yield()
    c:acquire()
    c:notify()
    t:cancel()
    c:release()
    assert.is_true(t:get())
  end))

  it("wakes those who wait longest, as many as asked", task(function()
    local c, order, tasks = skein.condition(), {}, {}
    for i = 1, 6 do
      tasks[i] = skein.task(function()
        await(c)
        order[#order + 1] = i
      end)
    end
    skein.yield()
    locked(c, "notify")
    pause()
    assert.same({ 1 }, order)
    locked(c, "notify", 2)
    pause()
    assert.same({ 1, 2, 3 }, order)
    locked(c, "notify_all")
    for _, t in ipairs(tasks) do t:join() end
    assert.same({ 1, 2, 3, 4, 5, 6 }, order)
    locked(c, "notify", 5) -- nobody is there: forgotten
    assert.same({ nil, "timeout" }, { await(c, 0.002) })
  end))

  it("does not spend a notification on one who gave up", task(function()
    local c = skein.condition()
    local a = skein.task(await, c, 0.002)
    local b = skein.task(await, c)
    local d = skein.task(await, c)
    skein.yield()
    a:join()
    b:cancel()
    b:join()
    locked(c, "notify")
    assert.is_true(d:get())
  end))

  it("restores how often a reentrant lock was acquired", task(function()
    local l = skein.lock { reentrant = true }
    local c = skein.condition(l)
    local t = skein.task(function()
      l:acquire()
      c:acquire()
      local r = c:wait()
      l:release()
      c:release()
      return r, (pcall(l.release, l))
    end)
    skein.yield()
    locked(c, "notify")
    assert.same({ true, false }, { t:get() })
  end))

  it("shares a lock with others", task(function()
    local l = skein.lock()
    local full, empty = skein.condition(l), skein.condition(l)
    local a, b = skein.task(await, full), skein.task(await, empty)
    skein.yield()
    l:with(function() empty:notify() end)
    assert.is_true(b:get())
    assert.is_false(a:done())
    l:with(function() full:notify() end)
    assert.is_true(a:get())
  end))

  peers.each_crowd(it, "works between %s", task, function(start)
    local c, box, n = skein.condition(), skein.value(0), 200
    local handles = start(function()
      local sum = 0
      for _ = 1, n do
        c:acquire()
        while box:get() == 0 do assert(c:wait(10)) end
        sum = sum + box:get()
        box:set(0)
        c:notify_all()
        c:release()
      end
      return sum
    end)
    local items = #handles * n
    for i = 1, items do
      c:acquire()
      while box:get() ~= 0 do assert(c:wait(10)) end
      box:set(i)
      c:notify_all()
      c:release()
    end
    local all = 0
    for _, h in ipairs(handles) do all = all + h:get() end
    assert.equal(items * (items + 1) // 2, all)
  end)

  it("crosses, and its lock with it", task(function()
    local q, c = skein.queue(), skein.condition()
    q:put { c }
    assert.equal(c, q:get()[1])
    local there = skein.process(function()
      return skein.condition()
    end)
    local got = there:get()
    there:join()
    collectgarbage()
    assert.is_true(got:acquire(1))
    assert.same({ nil, "timeout" }, { got:wait(0.001) })
    got:notify()
    got:release()
  end))

  it("forgets a waiter that was killed", task(function()
    local c, here = skein.condition(), skein.queue()
    local p = skein.process(function()
      c:acquire()
      here:put(true)
      c:wait()
    end)
    here:get()
    c:acquire()
    c:release() -- it waits now
    local t = skein.task(await, c)
    skein.yield()
    p:kill()
    p:join()
    locked(c, "notify")
    assert.is_true(t:get())
  end))

  it("hands a notification on that a killed one cannot take", task(function()
    local c, here = skein.condition(), skein.queue()
    local p = skein.process(function()
      c:acquire()
      here:put(true)
      c:wait()
      skein.sleep(10)
    end)
    here:get()
    c:acquire() -- it waits now
    family.stop(p)
    c:release()
    local t = skein.task(await, c, 5)
    skein.yield()
    c:acquire()
    c:notify()
    c:release() -- given to the one that is stopped
    pause()
    assert.is_false(t:done())
    p:kill()
    assert.is_true((t:get()))
    p:join()
    -- the same when it had not got the lock back
    p = skein.process(await, c)
    family.waits(p)
    t = skein.task(await, c, 5)
    skein.yield()
    c:acquire()
    c:notify()
    p:kill()
    p:join()
    c:release()
    assert.is_true((t:get()))
  end))

  it("abandons the lock of one that died with it", task(function()
    local c, here = skein.condition(), skein.queue()
    local t = skein.task(function()
      c:acquire()
      local r, how = c:wait()
      c:release()
      return r, how
    end)
    skein.yield()
    local p = skein.process(function()
      c:acquire()
      c:notify()
      here:put(true)
      skein.sleep(10)
    end)
    here:get()
    p:kill()
    assert.same({ true, "abandoned" }, { t:get() })
    p:join()
    p = skein.process(function() c:acquire() here:put(true) skein.sleep(10) end)
    here:get()
    p:kill()
    assert.same({ true, "abandoned" }, { c:acquire(5) })
    p:join()
    c:release()
  end))

  it("says when it can never come", function()
    local c = skein.condition()
    c:acquire()
    assert.equal("deadlock", kind(c.wait, c))
    c:release() -- and had the lock back
  end)

  it("does not hang where another has the lock for ever", function()
    local c = skein.condition()
    local t = skein.task(function()
      skein.sleep(0.001)
      c:acquire()
      skein.channel():get()
    end)
    c:acquire()
    assert.equal("deadlock", kind(c.wait, c))
    t:cancel()
    t:join()
  end)

  it("raises for wrong use", task(function()
    local c = skein.condition()
    for _, call in ipairs {
      function() c:wait() end, function() c:wait(0) end,
      function() c:notify() end, function() c:notify_all() end,
    } do
      assert.matches("^spec/condition_spec.lua:%d+: .*not acquired the lock",
        support.failure(call))
    end
    assert.error_matches(function() c:release() end, "not acquired")
    c:acquire()
    skein.task(function()
      assert.has_error(function() c:wait() end)
      assert.has_error(function() c:notify() end)
      assert.error_matches(function() c:release() end, "another task")
    end):get()
    for _, bad in ipairs { 0, -1, 1.5, "1" } do
      assert.error_matches(function() c:notify(bad) end, "whole number")
    end
    assert.error_matches(function() c:wait("x") end, "number")
    c:release()
    assert.error_matches(function() skein.condition(1) end, "skein.Lock")
    assert.error_matches(function() skein.condition({}) end, "skein.Lock")
  end))

  it("leaves nothing behind", task(function()
    if not core.objects then return end
    collectgarbage()
    collectgarbage()
    local before = core.objects()
    for _ = 1, 10 do
      local c = skein.condition()
      c:acquire()
      c:wait(0)
      c:release()
    end
    collectgarbage()
    collectgarbage()
    assert.equal(before, core.objects())
  end))
end)
