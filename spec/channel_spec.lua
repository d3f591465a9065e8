local skein = require("skein")
local support = require("spec.support")
local task = support.still

describe("channel", function()
  it("delivers in the order of putting", task(function()
    local c = skein.channel()
    for i = 1, 100 do assert.is_true(c:put(i)) end
    assert.equal(100, #c)
    assert.equal(100, c:size())
    for i = 1, 100 do assert.equal(i, c:get()) end
    assert.is_true(c:empty())
  end))

  it("carries false, and the value itself", task(function()
    local c, t = skein.channel(), {}
    c:put(false)
    c:put(t)
    assert.is_false(c:get())
    assert.equal(t, c:get())
  end))

  it("keeps order while its ring grows and turns", task(function()
    local c, put, got = skein.channel(), 0, 0
    for round = 1, 200 do
      for _ = 1, round % 13 + 1 do
        put = put + 1
        c:put(put)
      end
      for _ = 1, math.min(#c, round % 11) do
        got = got + 1
        assert.equal(got, c:get())
      end
    end
    while #c > 0 do
      got = got + 1
      assert.equal(got, c:get())
    end
    assert.equal(put, got)
  end))

  it("makes a putter wait while it is full", task(function()
    local c, put = skein.channel(2), 0
    skein.task(function()
      for i = 1, 4 do
        c:put(i)
        put = i
      end
    end)
    skein.yield()
    assert.equal(2, put)
    assert.is_true(c:full())
    assert.equal(1, c:get())
    skein.yield()
    assert.equal(3, put)
    assert.same({ 2, 3, 4 }, { c:get(), c:get(), c:get() })
  end))

  it("is a rendezvous with capacity 0", task(function()
    local c, put = skein.channel(0), false
    assert.same({ nil, "timeout" }, { c:put(1, 0) })
    skein.task(function() put = c:put("x") end)
    skein.yield()
    assert.is_false(put)
    assert.equal("x", c:get())
    skein.yield()
    assert.is_true(put)
    assert.equal(0, c:capacity())
  end))

  it("serves the first come first", task(function()
    local c, log = skein.channel(0), {}
    for i = 1, 3 do
      skein.task(function()
        local v = c:get()
        log[#log + 1] = { i, v }
      end)
    end
    skein.yield()
    for i = 1, 3 do c:put(i * 10) end
    skein.yield()
    assert.same({ { 1, 10 }, { 2, 20 }, { 3, 30 } }, log)
  end))

  it("gives up at the timeout and stays as it was", task(function()
    local c = skein.channel(1)
    assert.same({ nil, "timeout" }, { c:get(0.005) })
    assert.same({ nil, "timeout" }, { c:get(0) })
    assert.same({ nil, "timeout" }, { c:get(-math.huge) })
    c:put(1)
    assert.same({ nil, "timeout" }, { c:put(2, 0.005) })
    assert.equal(1, #c)
    assert.equal(1, c:get(math.huge))
    assert.is_true(c:empty())
    assert.error_matches(function() c:get(0 / 0) end, "NaN")
    assert.error_matches(function() c:get("x") end, "number expected")
  end))

  it("loses nothing when a getter is cancelled", task(function()
    local c = skein.channel(0)
    local a = skein.task(function() return c:get() end)
    local b = skein.task(function() return c:get() end)
    skein.yield()
    a:cancel()
    c:put("item")
    assert.equal("item", b:get())
    assert.equal("cancelled", support.kind(a.get, a))
  end))

  it("keeps what was handed over before the cancel came", task(function()
    local c = skein.channel(0)
    local a = skein.task(function()
      local v = c:get()
      return v, pcall(skein.sleep, 1)
    end)
    skein.yield()
    c:put("item")
    a:cancel()
    local v, ok, err = a:get()
    assert.same({ "item", false }, { v, ok })
    assert.is_true(skein.is_cancelled(err))
  end))

  it("takes nothing of a putter that gave up", task(function()
    local c = skein.channel(1)
    c:put(1)
    local a = skein.task(function() c:put("never") end)
    skein.yield()
    a:cancel()
    a:join()
    assert.equal(1, c:get())
    assert.same({ nil, "timeout" }, { c:get(0) })
  end))

  it("wakes everyone when it is closed", task(function()
    local c, d = skein.channel(), skein.channel(1)
    local getter = skein.task(function() return c:get() end)
    d:put("kept")
    local putter = skein.task(function() return d:put("lost") end)
    skein.yield()
    c:close()
    d:close()
    d:close()
    assert.same({ nil, "closed" }, { getter:get() })
    assert.same({ nil, "closed" }, { putter:get() })
    assert.same({ nil, "closed" }, { d:put(1) })
    assert.equal("kept", d:get())
    assert.same({ nil, "closed" }, { d:get() })
    assert.is_true(d:closed())
  end))

  it("iterates until closed and drained", task(function()
    local c, got = skein.channel(1), {}
    skein.task(function()
      for i = 1, 5 do c:put(i % 2 == 0 and i) end
      c:close()
    end)
    for v in c:items() do got[#got + 1] = v end
    assert.same({ false, 2, false, 4, false }, got)
  end))

  it("can be a stack", task(function()
    local c = skein.channel { order = "lifo" }
    for i = 1, 20 do c:put(i) end
    for i = 20, 1, -1 do assert.equal(i, c:get()) end
  end))

  it("can order by priority, fifo among equals", task(function()
    local c = skein.channel { order = "priority" }
    local all, seed = {}, 42
    for i = 1, 300 do
      seed = (seed * 1103515245 + 12345) % 2147483648
      all[i] = { prio = seed % 7, i = i }
      c:put(all[i], nil, all[i].prio)
      if i % 3 == 0 then
        local best = 1
        for k = 2, #all do
          local a, b = all[k], all[best]
          if a.gone == nil and (b.gone or a.prio < b.prio) then best = k end
        end
        assert.equal(all[best], c:get())
        all[best].gone = true
      end
    end
    local last = { prio = -1, i = 0 }
    while #c > 0 do
      local v = c:get()
      assert.is_true(v.prio > last.prio or v.prio == last.prio and v.i > last.i)
      last = v
    end
  end))

  it("remembers the priority of who waits to put", task(function()
    local c = skein.channel { capacity = 1, order = "priority" }
    c:put("first", nil, 5)
    skein.task(function() c:put("urgent", nil, 1) end)
    skein.yield()
    assert.equal("first", c:get())
    skein.yield()
    assert.same({ nil, "timeout" }, { c:put("late", 0, 0) })
    assert.equal("urgent", c:get())
  end))

  it("knows when all is dealt with", task(function()
    local c = skein.channel()
    assert.is_true(c:join())
    c:put(1)
    c:put(2)
    assert.same({ nil, "timeout" }, { c:join(0.005) })
    local joined = skein.task(function() return c:join() end)
    c:get()
    c:task_done()
    c:get()
    skein.yield()
    assert.is_false(joined:done())
    c:task_done()
    assert.is_true(joined:get())
    assert.error_matches(function() c:task_done() end, "more often")
  end))

  it("keeps nothing alive that was got, in whichever order", task(function()
    for _, order in ipairs { "fifo", "lifo", "priority" } do
      for _, n in ipairs { 3, 100 } do
        local c, kept = skein.channel { order = order }, setmetatable({}, { __mode = "v" })
        for i = 1, n do
          local item = i % 3 == 0 and i or i % 3 == 1 and { i } or function() return i end
          if i % 3 ~= 0 then kept[#kept + 1] = item end
          c:put(item)
        end
        local seen = 0
        for _ = 1, n do if type(c:get()) == "number" then seen = seen + 1 end end
        assert.equal(n // 3, seen)
        collectgarbage()
        assert.is_nil(next(kept))
        c:put("again") -- over what was left behind
        assert.equal("again", c:get())
      end
    end
  end))

  it("rejects wrong use", function()
    local c = skein.channel()
    assert.error_matches(function() c:put(nil) end, "got nil")
    assert.error_matches(function() c:put() end, "got nil")
    assert.error_matches(function() c:put(1, nil, 2) end, "priority")
    assert.error_matches(function() skein.channel(-1) end, "capacity")
    assert.error_matches(function() skein.channel(1.5) end, "capacity")
    assert.error_matches(function() skein.channel("x") end, "capacity")
    assert.error_matches(function() skein.channel { order = "x" } end,
      "#1 to .*order: .*\"priority\" expected, got 'x'")
    assert.error_matches(function() skein.channel { order = 1 } end, "got number")
    assert.error_matches(function() skein.channel { size = 1 } end,
      "unknown option 'size' %(options: capacity, order%)")
    assert.error_matches(function() c.get({}) end, "skein.Channel expected")
  end)
end)
