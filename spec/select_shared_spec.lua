--- Select and wait, where others share what is waited for.

local skein = require("skein")
local family = require("spec.family")
local peers = require("spec.peers")
local support = require("spec.support")
local task, kind = support.task, support.kind

--- A task that selects, and waits by now.
local function selecting(...)
  local t = skein.task(skein.select, ...)
  skein.yield()
  return t
end

describe("select of shared objects", function()
  setup(peers.warm)

  it("commits exactly one case", task(function()
    local q, s, e = skein.queue(1), skein.semaphore(1), skein.event()
    local a, b = skein.pipe()
    assert.same({ 2, true }, { skein.select { e, { q, "put", false } } })
    assert.same({ 1, false }, { skein.select { q, e } })
    assert.same({ 2, true }, { skein.select { q, s, e } })
    assert.equal(0, s:value())
    assert.same({ 1, true }, { skein.select { { a, "send", "x" }, b } })
    assert.same({ 2, "x" }, { skein.select { q, b } })
    e:set()
    assert.same({ 1, true }, { skein.select { e, b, s } })
    local l = skein.lock()
    assert.same({ 2, true }, { skein.select { q, l } })
    l:release()
    assert.same({ nil, "timeout" }, { skein.select({ q, b, s }, 0) })
    assert.same({ nil, "timeout" }, { skein.select({ q, b, s }, 0.002) })
  end))

  it("waits for the first of many", task(function()
    local q, full, s = skein.queue(), skein.queue(1), skein.semaphore(0)
    local e, l, c = skein.event(), skein.lock(), skein.channel()
    local a, b = skein.pipe()
    full:put(1)
    l:acquire()
    local cases = { q, { full, "put", 2 }, s, e, l, a, c }
    for i, act in ipairs {
      function() q:put("item") end,
      function() assert.equal(1, full:get()) end,
      function() s:release() end,
      function() e:set() e:clear() end,
      function() l:release() end,
      function() b:send("message") end,
      function() c:put("local") end,
    } do
      local t = selecting(cases, 5)
      assert.is_false(t:done())
      act()
      local n, v = t:get()
      assert.equal(i, n)
      assert.equal(({ "item", true, true, true, true, "message", "local" })[i], v)
      if i == 5 then l:acquire() end -- its task has ended with it
    end
    l:release()
    assert.same({ 0, 1, 0 }, { q:size(), full:size(), s:value() })
  end))

  it("is told by other processes and threads", task(function()
    for _, how in ipairs(peers.apart) do
      local q, r, e = skein.queue(), skein.queue(1), skein.event()
      local done = skein.queue()
      local a, b = skein.pipe()
      r:put(0)
      local p = peers.start(how, function()
        skein.sleep(0.01)
        q:put("q")
        e:wait(10)
        b:send("b")
        local v = r:get(10)
        done:get(10) -- its end of the pipe is open until then
        return v
      end)
      assert.same({ 1, "q" }, { skein.select({ q, a, { r, "put", 1 } }, 10) })
      e:set()
      local seen = { (skein.select({ q, a, { r, "put", 1 } }, 10)),
                     (skein.select({ q, a, { r, "put", 1 } }, 10)) }
      table.sort(seen)
      assert.same({ 2, 3 }, seen)
      done:put(true)
      assert.equal(0, p:get())
    end
  end))

  it("goes on when another one was faster", task(function()
    local q, e = skein.queue(), skein.event()
    local tasks = {}
    for i = 1, 5 do tasks[i] = selecting({ q, e }, 5) end
    q:put("one")
    skein.sleep(0.005)
    local won = 0
    for _, t in ipairs(tasks) do if t:done() then won = won + 1 end end
    assert.equal(1, won)
    e:set()
    for _, t in ipairs(tasks) do t:join() end
    local start = skein.now()
    e:clear()
    local late = selecting({ q, e }, 0.02)
    q:put("x")
    assert.equal("x", q:get()) -- taken before it could look
    assert.same({ nil, "timeout" }, { late:get() })
    local took = skein.now() - start
    assert.is_true(took >= 0.02 and took < 0.2)
  end))

  it("takes nothing when it is cancelled or gives up", task(function()
    local q, s, l = skein.queue(0), skein.semaphore(0), skein.lock()
    l:acquire()
    local t = selecting { q, s, l, { q, "put", 1 } }
    t:cancel()
    t:join()
    assert.equal("cancelled", t:status())
    t = selecting { q, s, l }
    s:release()
    t:cancel() -- told, but it has taken nothing yet
    t:join()
    assert.equal(t:status() == "finished" and 0 or 1, s:value())
    l:release()
    assert.is_true(l:acquire(0))
    l:release()
    assert.same({ nil, "timeout" }, { q:put("x", 0) })
    assert.same({ nil, "timeout" }, { q:get(0) })
    assert.equal("timeout", kind(skein.timeout, 0.002, skein.select, { q }))
  end))

  it("meets those who wait", task(function()
    local q = skein.queue(0)
    local getter = skein.task(q.get, q)
    skein.yield()
    assert.same({ 1, true }, { skein.select { { q, "put", "a" } } })
    assert.equal("a", getter:get())
    local putter = skein.task(q.put, q, "b")
    skein.yield()
    assert.same({ 1, "b" }, { skein.select { q } })
    assert.is_true(putter:get())
    local t = selecting { { q, "put", "c" } }
    assert.equal("c", q:get(1))
    assert.same({ 1, true }, { t:get() })
    t = selecting { q }
    assert.is_true(q:put("d", 1))
    assert.same({ 1, "d" }, { t:get() })
  end))

  it("counts closed as ready", task(function()
    local q, r = skein.queue(), skein.queue(0)
    local a, b = skein.pipe()
    local t, u = selecting { q, a }, selecting { { r, "put", 1 } }
    q:close()
    r:close()
    assert.same({ 1, nil, "closed" }, { t:get() })
    assert.same({ 1, nil, "closed" }, { u:get() })
    t = selecting { skein.queue(), a }
    b:close()
    assert.same({ 2, nil, "closed" }, { t:get() })
    local c, d = skein.pipe { bytes = 1 }
    assert.is_true(d:send("fill", 0) == nil)
    t = selecting { c, { c, "send", ("x"):rep(100) } }
    c:close() -- it closes its own end
    assert.is_nil((select(2, t:get())))
  end))

  it("sends what is larger than a pipe to one who receives", task(function()
    local a, b = skein.pipe { bytes = 10 }
    local large = ("x"):rep(1000)
    local t = selecting { { a, "send", large } }
    assert.equal(large, b:recv(1))
    assert.same({ 1, true }, { t:get() })
    local sender = skein.task(b.send, b, large)
    skein.yield()
    assert.same({ 1, large }, { skein.select { a } })
    assert.is_true(sender:get())
  end))

  it("passes a lock by for those who wait in line", task(function()
    local l, q = skein.lock(), skein.queue()
    l:acquire()
    local t = selecting { l, q }
    local u = skein.task(function()
      l:acquire()
      skein.sleep(0.002)
      l:release()
      return true
    end)
    skein.yield()
    l:release()
    assert.is_true(u:get())
    assert.same({ 1, true }, { t:get() })
    l:acquire()
    assert.same({ nil, "timeout" }, { skein.select({ l }, 0.002) })
    l:release()
    local p = skein.process(function()
      l:acquire()
      q:put(true)
      skein.sleep(10)
    end)
    q:get()
    t = skein.task(skein.select, { q, l })
    skein.yield()
    p:kill()
    assert.same({ 2, true, "abandoned" }, { t:get() })
    p:join()
  end))

  it("survives who is killed in it", task(function()
    local q, s, here = skein.queue(), skein.semaphore(0), skein.queue()
    for _ = 1, 3 do
      local p = skein.process(function()
        here:put(true)
        while true do skein.select { q, s } end
      end)
      here:get()
      skein.sleep(0.005)
      p:kill()
      p:join()
    end
    local t = selecting { q, s }
    q:put("on")
    assert.same({ 1, "on" }, { t:get() })
  end))

  --- Kinds of those who give and of those who take, by their crowd's name. (A
  --- fork comes before any thread.)
  local trades = {
    ["threads"] = { { "thread", "task" }, { "thread", "task", "thread" } },
    ["processes and threads"] = { { "fork", "task" }, { "fork", "spawn", "task", "thread" } },
  }

  peers.each({ "threads", "processes and threads" }, it,
    "neither loses nor doubles anything between %s", task, function(name)
      local q, s, done = skein.queue(3), skein.semaphore(0), skein.event()
      local function giver()
        for i = 1, 300 do
          skein.select { { q, "put", i } }
          s:release()
        end
      end
      local function taker()
        local sum, permits = 0, 0
        while true do
          local i, v = skein.select { q, { s, "acquire" }, done }
          if i == 1 then sum = sum + v end
          if i == 2 then permits = permits + 1 end
          if i == 3 and q:empty() and s:value() == 0 then return sum, permits end
        end
      end
      local givers, takers = table.unpack(trades[name])
      givers = peers.start_all(givers, giver)
      takers = peers.start_all(takers, taker)
      for _, g in ipairs(givers) do g:join() end
      done:set()
      local sum, permits = 0, 0
      for _, t in ipairs(takers) do
        local a, b = t:get()
        sum, permits = sum + a, permits + b
      end
      assert.same({ 2 * 150 * 301, 600 }, { sum, permits })
    end)

  it("says when it can never come", function()
    assert.equal("deadlock", kind(skein.select, { skein.queue(), skein.event() }))
  end)

  it("rejects wrong use", task(function()
    local q, b = skein.queue(), skein.barrier(1)
    local r, w = skein.pipe { duplex = false }
    assert.error_matches(function() skein.select { b } end, "Barrier")
    assert.error_matches(function() skein.select { skein.condition() } end, "Condition")
    assert.error_matches(function() skein.select { q, { q, "put" } } end, "case 2: cannot put nil")
    assert.error_matches(function() skein.select { { w, "send" } } end, "case 1: cannot send nil")
    assert.error_matches(function() skein.select { { q, "recv" } } end, "'recv'")
    assert.error_matches(function() skein.select { { r, "send", 1 } } end, "receives")
    assert.error_matches(function() skein.select { w } end, "sends")
    local err = support.failure(skein.select, { { q, "put", io.stdout } })
    assert.matches("cannot send", tostring(err))
    assert.same({ nil, "timeout" }, { q:get(0) })
  end))

  it("leaves nothing behind", task(peers.clean(function()
    local q, s, l = skein.queue(0), skein.semaphore(0), skein.lock()
    skein.select({ q, s, l }, 0.001)
    l:release()
    skein.select({ q, s, { q, "put", ("x"):rep(1000) } }, 0.001)
    local t = selecting { q, s, skein.event() }
    t:cancel()
    t:join()
  end)))
end)

describe("wait for shared objects", function()
  setup(peers.warm)

  it("gives those that are ready and takes nothing", task(function()
    local q, s, e, l = skein.queue(), skein.semaphore(1), skein.event(), skein.lock()
    local a, b = skein.pipe()
    assert.same({ s, l }, skein.wait { q, s, e, l, a })
    assert.is_true(s:acquire())
    l:acquire()
    assert.same({ nil, "timeout" }, { skein.wait({ q, s, e, l, a }, 0.002) })
    local t = skein.task(skein.wait, { q, s, e, l, a })
    skein.yield()
    b:send(1)
    assert.same({ a }, t:get())
    q:put(1)
    e:set()
    assert.same({ q, e, a }, skein.wait { q, s, e, l, a })
    assert.equal(1, q:size())
    assert.equal(1, a:recv())
    l:release()
    a:close()
    assert.same({ b }, skein.wait { s, b })
  end))

  it("mixes with handles", task(function()
    local q = skein.queue()
    local p = skein.process(function() q:put(1) end)
    local seen = {}
    while #seen < 2 do seen = skein.wait { q, p } end
    assert.same({ q, p }, seen)
    local t = skein.task(skein.sleep, 0.002)
    assert.same({ t }, skein.wait { skein.event(), t })
  end))
end)

describe("two selects", function()
  for _, how in ipairs({ "task", "fork", "server", "thread" }) do
    it("meet at a queue without room: " .. how, function()
      if how == "server" then family.server() end
      family.test(function()
        local q, never = skein.queue(0), skein.queue()
        local p = peers.start(how, function(from, other)
          local skn, sum = require("skein"), 0
          for _ = 1, 50 do
            local i, v = skn.select({ { other, "get" }, { from, "get" } }, 10)
            assert(i == 2)
            sum = sum + v
            from:task_done()
          end
          return sum
        end, q, never)
        for i = 1, 50 do
          assert.same({ 2, true },
            { skein.select({ { never, "get" }, { q, "put", i } }, 10) })
        end
        assert.equal(1275, p:get())
        assert.is_true(q:join(0))
        assert.equal(0, #q)
      end)()
    end)
  end

  it("meet where others do, and each commits once", family.test(function()
    local a, b, never = skein.queue(0), skein.queue(0), skein.queue()
    local putters = {}
    for k = 1, 3 do
      putters[k] = skein.process(function()
        for i = 1, 100 do
          assert(skein.select({ { a, "put", i }, { b, "put", i },
                                { never, "get" } }, 10))
        end
      end)
    end
    local sum = 0
    for i = 1, 300 do
      local j, v = skein.select({ { a, "get" }, { never, "get" },
                                  { b, "get" } }, 10)
      assert(j, v)
      sum = sum + v
      local q = j == 1 and a or b
      q:task_done()
      if i == 299 then assert.is_true(a:join(0) or b:join(0)) end
    end
    for _, p in ipairs(putters) do assert.is_true(p:join(5)) end
    assert.equal(15150, sum)
    assert.is_true(a:join(0) and b:join(0))
    assert.equal(0, #a + #b)
  end))
end)
