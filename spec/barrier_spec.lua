local skein = require("skein")
local family = require("spec.family")
local peers = require("spec.peers")
local support = require("spec.support")
local task, kind = support.task, support.kind

--- The results of the handles, sorted.
local function sorted(handles)
  local list = {}
  for i, h in ipairs(handles) do list[i] = h:get() end
  table.sort(list)
  return list
end

local broken = { nil, "broken" }

describe("barrier", function()
  it("lets go when all have come, each with a number", task(function()
    local b = skein.barrier(4)
    for _ = 1, 3 do
      local tasks = {}
      for i = 1, 3 do tasks[i] = skein.task(b.wait, b) end
      skein.yield()
      for _, t in ipairs(tasks) do assert.is_false(t:done()) end
      tasks[4] = skein.task(b.wait, b)
      assert.same({ 1, 2, 3, 4 }, sorted(tasks))
    end
    assert.equal(1, skein.barrier(1):wait())
    assert.equal(1, skein.barrier(1):wait(0))
  end))

  peers.each_crowd(it, "is for %s", task, function(start)
    local b = skein.barrier(4)
    local handles = start(function()
      local sum = 0
      for _ = 1, 20 do sum = sum + assert(b:wait(10)) end
      return sum
    end)
    local all = 0
    for _, h in ipairs(handles) do all = all + h:get() end
    assert.equal(20 * (1 + 2 + 3 + 4), all)
  end)

  it("is broken by a timeout, for all, until it is reset", task(function()
    local b = skein.barrier(3)
    local t = skein.task(b.wait, b)
    skein.yield()
    assert.same(broken, { b:wait(0.002) })
    assert.same(broken, { t:get() })
    assert.same(broken, { b:wait() })
    b:reset()
    local u, v = skein.task(b.wait, b), skein.task(b.wait, b)
    skein.yield()
    assert.equal(3, b:wait(0))
    assert.same({ 1, 2 }, sorted { u, v })
    assert.same(broken, { b:wait(0) })
    assert.same(broken, { b:wait() })
  end))

  it("is broken by an abort and by a reset under way", task(function()
    local b = skein.barrier(3)
    local t = skein.task(b.wait, b)
    skein.yield()
    b:abort()
    assert.same(broken, { t:get() })
    assert.same(broken, { b:wait() })
    b:reset()
    local u = skein.task(b.wait, b)
    skein.yield()
    b:reset()
    assert.same(broken, { u:get() })
    local v, w = skein.task(b.wait, b), skein.task(b.wait, b)
    assert.equal(3, (function() skein.yield() return b:wait() end)())
    assert.same({ 1, 2 }, sorted { v, w })
  end))

  it("is not broken by a cancel", task(function()
    local b = skein.barrier(3)
    local gone, t = skein.task(b.wait, b), skein.task(b.wait, b)
    skein.yield()
    gone:cancel()
    local u = skein.task(b.wait, b)
    skein.yield()
    assert.is_false(t:done())
    assert.equal(3, b:wait())
    assert.same({ 1, 2 }, sorted { t, u })
    -- a limit around the wait is a cancel as well
    local one, two = skein.task(b.wait, b), skein.task(b.wait, b)
    assert.equal("timeout", kind(skein.timeout, 0, b.wait, b))
    skein.yield()
    assert.equal(3, b:wait())
    assert.same({ 1, 2 }, sorted { one, two })
  end))

  it("is broken by the death of one who stood there", task(function()
    local b, here = skein.barrier(3), skein.queue()
    local t = skein.task(b.wait, b)
    local p = skein.process(function()
      here:put(true)
      b:wait()
    end)
    here:get()
    family.waits(p)
    p:kill()
    assert.same(broken, { t:get() })
    p:join()
    assert.same(broken, { b:wait() })
    b:reset()
    local q = skein.process(b.wait, b)
    local r = skein.process(b.wait, b)
    assert.equal(6, b:wait() + q:get() + r:get())
  end))

  it("is broken by a process that ends while a task of it stands there", task(function()
    local b = skein.barrier(2)
    local p = skein.process(function()
      skein.task(b.wait, b)
      skein.sleep(0.02)
    end)
    assert.equal(0, (p:join() and p:exitcode()))
    assert.same(broken, { b:wait() })
  end))

  it("says when it can never come", function()
    local b = skein.barrier(2)
    assert.equal("deadlock", kind(b.wait, b))
    local t = skein.task(b.wait, b) -- which has not broken it
    skein.yield()
    assert.equal(2, b:wait())
    assert.equal(1, t:get())
  end)

  it("raises for wrong use", task(function()
    for _, bad in ipairs { 0, -1, 1.5, "2", 2 ^ 40 } do
      assert.has_error(function() skein.barrier(bad) end)
    end
    assert.has_error(function() skein.barrier() end)
    assert.error_matches(function() skein.barrier(2):wait("x") end, "number")
  end))
end)
