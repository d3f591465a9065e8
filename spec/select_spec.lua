local skein = require("skein")
local support = require("spec.support")
local task, kind = support.still, support.kind

describe("select", function()
  it("commits exactly one case", task(function()
    local a, b, c = skein.channel(), skein.channel(0), skein.channel(1)
    a:put("A")
    assert.same({ 1, "A" }, { skein.select { a, b, { c, "get" } } })
    assert.same({ 3, true }, { skein.select { a, b, { c, "put", false } } })
    assert.same({ 1, false }, { skein.select { { c, "get" }, a } })
    assert.same({ 0, 0 }, { #a, #c })
  end))

  it("waits for the first, and leaves all lines", task(function()
    local a, b = skein.channel(0), skein.channel(0)
    local t = skein.task(function() return skein.select { a, { b, "put", 7 } } end)
    skein.yield()
    assert.equal(7, b:get())
    assert.same({ nil, "timeout" }, { a:put("lost", 0) })
    assert.same({ 2, true }, { t:get() })
    local u = skein.task(function() return skein.select { a, b } end)
    skein.yield()
    a:put("x")
    assert.same({ nil, "timeout" }, { b:put("y", 0) })
    assert.same({ 1, "x" }, { u:get() })
  end))

  it("gives up without a trace", task(function()
    local a, b = skein.channel(0), skein.channel(0)
    assert.same({ nil, "timeout" }, { skein.select({ a, { b, "put", 1 } }, 0.003) })
    assert.same({ nil, "timeout" }, { skein.select({ a, b }, 0) })
    assert.same({ nil, "timeout" }, { a:put(1, 0) })
    assert.same({ nil, "timeout" }, { b:get(0) })
    local t = skein.task(skein.select, { a, { b, "put", 1 } })
    skein.yield()
    t:cancel()
    t:join()
    assert.same({ nil, "timeout" }, { a:put(1, 0) })
    assert.same({ nil, "timeout" }, { b:get(0) })
  end))

  it("counts closed as ready", task(function()
    local a, b = skein.channel(), skein.channel()
    local t = skein.task(function() return skein.select { a, b } end)
    skein.yield()
    b:close()
    assert.same({ 2, nil, "closed" }, { t:get() })
    assert.same({ 1, nil, "closed" }, { skein.select { { b, "put", 1 }, a } })
  end))

  it("favours nobody", task(function()
    local a, b = skein.channel(), skein.channel()
    for _ = 1, 1000 do
      a:put(1)
      b:put(1)
    end
    local count = { 0, 0 }
    for _ = 1, 600 do
      local i = skein.select { a, b }
      count[i] = count[i] + 1
    end
    assert.is_true(count[1] > 150 and count[2] > 150)
  end))

  it("awaits handles", task(function()
    local slow = skein.task(skein.sleep, 10)
    local fast = skein.task(function()
      skein.sleep(0.001)
      return 1, nil
    end)
    assert.same({ 2, true }, { skein.select { slow, fast } })
    assert.same({ 2, true }, { skein.select { slow, { fast, "join" } } })
    assert.same({ n = 3, 1, 1, nil }, table.pack(skein.select { { fast, "get" }, slow }))
    local bad = skein.task(error, "bad", 0)
    assert.same({ 2, true }, { skein.select { slow, bad } })
    assert.equal("bad", support.failure(skein.select, { slow, { bad, "get" } }))
    slow:cancel()
  end))

  it("rejects wrong use", task(function()
    local c = skein.channel()
    assert.error_matches(function() skein.select {} end, "empty list")
    assert.error_matches(function() skein.select { c, 5 } end, "case 2: .*number")
    assert.error_matches(function() skein.select { { c, "foo" } } end, "no 'foo'")
    for fault, case in pairs {
      ["cannot put nil"] = { c, "put" },
      ["priority: number expected, got string"] = { c, "put", 1, nil, "soon" },
      ["priority: number expected, got NaN"] = { c, "put", 1, nil, 0 / 0 },
      ['priority given, but the order is not "priority"'] = { c, "put", 1, nil, 1 },
    } do
      local err = support.failure(function() skein.select { { skein.channel(), "get" }, case } end)
      assert.matches("^spec/select_spec.lua:%d+: .*case 2: " .. fault, err)
    end
    assert.equal(0, #c)
  end))
end)

describe("wait", function()
  it("gives those that are ready, in order, and takes nothing", task(function()
    local c = skein.channel()
    local slow = skein.task(skein.sleep, 10)
    local done = skein.task(function() end)
    assert.same({ done }, skein.wait { slow, done, c })
    c:put(1)
    assert.same({ c, done }, skein.wait { c, slow, done })
    assert.equal(1, #c)
    assert.same({ nil, "timeout" }, { skein.wait({ slow }, 0.002) })
    slow:cancel()
  end))

  it("is woken by a put, a putter and a close", task(function()
    for _, act in ipairs {
      function(c) c:put(1) end,
      function(c) c:put(1, 0.005) end,
      function(c) c:close() end,
    } do
      local c = skein.channel(_ == 1 and 1 or 0)
      local t = skein.task(skein.wait, { c }, 5)
      skein.yield()
      act(c)
      assert.same({ c }, t:get())
    end
  end))
end)

describe("all", function()
  it("gives the first results in order", task(function()
    local list = skein.all {
      function() skein.sleep(0.002) return 1, 2 end,
      skein.task(function() return nil end),
      function() return 3 end,
    }
    assert.same({ n = 3, 1, nil, 3 }, list)
    assert.same({ n = 0 }, skein.all {})
  end))

  it("raises the first error and cancels the rest", task(function()
    local t = skein.task(skein.sleep, 10)
    assert.equal("first", support.failure(skein.all, {
      t,
      function() skein.sleep(0.001) error("first", 0) end,
      function()
        pcall(skein.sleep, 10)
        error("second", 0)
      end,
    }))
    assert.equal("cancelled", t:status())
    local err = support.failure(function() skein.all { 1 } end)
    assert.matches("^spec/select_spec.lua:%d+: .*item 1", err)
  end))
end)

describe("race", function()
  it("gives the first to end and cancels the others", task(function()
    local t = skein.task(skein.sleep, 10)
    assert.same({ n = 3, 2, "x", nil }, table.pack(skein.race {
      t, function() skein.sleep(0.001) return "x", nil end,
    }))
    assert.equal("cancelled", t:status())
    assert.equal("bad", support.failure(skein.race, {
      function() skein.sleep(10) end, function() error("bad", 0) end,
    }))
    assert.error_matches(function() skein.race {} end,
      "#1 to 'race' %(non%-empty list expected, got an empty table%)")
  end))

  it("is cancelled as a whole", task(function()
    assert.equal("timeout", kind(skein.timeout, 0.002, skein.race,
      { function() skein.sleep(10) end }))
  end))
end)

describe("map", function()
  it("keeps order and the limit", task(function()
    local now, most = 0, 0
    assert.same({ n = 5, 1, 4, 9, 16, 25 }, skein.map({ 1, 2, 3, 4, 5 },
      function(x, i)
        assert.equal(x, i)
        now = now + 1
        most = math.max(most, now)
        skein.sleep(0.001 * (6 - i))
        now = now - 1
        return x * x
      end, 2))
    assert.equal(2, most)
    assert.same({ n = 0 }, skein.map({}, print))
    assert.equal("x", support.failure(skein.map, { 1, 2 }, function(x)
      if x == 2 then error("x", 0) end
      skein.sleep(10)
    end))
    assert.error_matches(function() skein.map({ 1 }, print, 0) end,
      "#3 to 'map' %(positive whole number expected, got 0%)")
    assert.error_matches(function() skein.map({ 1 }, print, 1.5) end, "got 1.5")
    assert.error_matches(function() skein.map({ 1 }, print, "1") end, "got string")
    assert.error_matches(function() skein.map(7, print) end, "got 7")
  end))
end)

describe("every", function()
  it("ticks without drift", task(function()
    local start, last = skein.now(), 0
    for i in skein.every(0.004) do
      last = i
      local late = skein.now() - start - i * 0.004
      assert.is_true(math.abs(late - (i == 3 and 0.002 or 0)) < 1e-6)
      if i == 2 then skein.sleep(0.006) end
      if i == 5 then break end
    end
    assert.equal(5, last)
    assert.error_matches(function() skein.every(-1) end,
      "positive number expected, got %-1")
    assert.error_matches(function() skein.every(0 / 0) end, "got NaN")
    assert.error_matches(function() skein.every() end, "got nil")
  end))
end)

describe("signal", function()
  it("is a channel of names", function()
    local pid = skein.self().pid
    local c, other = skein.signal("USR1", "SIGTERM"), skein.signal("USR1")
    os.execute("kill -USR1 " .. pid)
    assert.equal("USR1", c:get(5))
    assert.equal("USR1", other:get(5))
    os.execute("(sleep 0.02; kill -TERM " .. pid .. ") &")
    assert.equal("TERM", c:get()) -- not a deadlock: a signal can come
    c:close()
    other:close()
    assert.equal("deadlock", kind(skein.channel().get, skein.channel()))
  end)

  it("rejects wrong use", function()
    assert.error_matches(function() skein.signal() end, "signal name expected")
    assert.error_matches(function() skein.signal("FOO") end, "unknown signal 'FOO'")
    assert.error_matches(function() skein.signal("KILL") end, "cannot receive")
  end)
end)
