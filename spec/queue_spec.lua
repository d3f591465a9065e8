local skein = require("skein")
local family = require("spec.family")
local peers = require("spec.peers")
local support = require("spec.support")
local task = support.task

describe("queue", function()
  setup(peers.warm)

  describe("in one thread", function()
    it("delivers copies in the order they were put", task(function()
      local q = skein.queue()
      local item = { id = 1, { 2.0, "x" } }
      assert.is_true(q:put(item))
      item.id = 2
      assert.is_true(q:put(false))
      assert.is_true(q:put(3))
      local got = q:get()
      assert.same({ id = 1, { 2.0, "x" } }, got)
      assert.equal("float", math.type(got[1][1]))
      assert.is_false(q:get())
      assert.equal("integer", math.type(q:get()))
    end))

    it("takes no nil and nothing that cannot cross", task(function()
      local q = skein.queue()
      assert.matches("queue_spec.lua:%d+:.*nil", support.failure(function()
        q:put(nil)
      end))
      assert.matches("queue_spec.lua:%d+:", support.failure(function()
        q:put()
      end))
      local err = support.failure(q.put, q, { sock = { io.stdout } })
      assert.matches("field 'sock'.*file handle", tostring(err))
      assert.equal(0, q:size())
      assert.same({ nil, "timeout" }, { q:get(0) })
      assert.is_true(q:join(0)) -- nor is there anything to deal with
    end))

    it("keeps its deadlines", task(function()
      local q = skein.queue(1)
      local start = skein.now()
      assert.same({ nil, "timeout" }, { q:get(0.02) })
      assert.is_true(skein.now() - start >= 0.02)
      q:put(1)
      start = skein.now()
      assert.same({ nil, "timeout" }, { q:put(2, 0.02) })
      assert.is_true(skein.now() - start >= 0.02)
      assert.same({ nil, "timeout" }, { q:put(2, 0) })
      assert.same({ nil, "timeout" }, { q:put(2, -1) })
      assert.same({ nil, "timeout" }, { q:join(0.01) })
      assert.equal(1, q:get(math.huge))
      assert.same({ nil, "timeout" }, { q:get(0) })
      assert.matches("NaN", support.failure(q.get, q, 0 / 0))
      assert.matches("number expected", support.failure(q.get, q, "1"))
      assert.matches("number expected", support.failure(q.put, q, 1, {}))
      assert.equal(0, q:size())
    end))

    it("closes", task(function()
      local q = skein.queue()
      q:put("a")
      q:put("b")
      assert.is_false(q:closed())
      q:close()
      q:close()
      assert.is_true(q:closed())
      assert.same({ nil, "closed" }, { q:put("c") })
      assert.equal("a", q:get())
      assert.equal("b", q:get(0))
      assert.same({ nil, "closed" }, { q:get() })
      assert.same({ nil, "closed" }, { q:get(0) })
    end))

    it("wakes everyone when it closes", task(function()
      local empty, full = skein.queue(), skein.queue(1)
      full:put(1)
      local getter = skein.task(empty.get, empty)
      local putter = skein.task(full.put, full, 2)
      skein.yield()
      empty:close()
      full:close()
      assert.same({ nil, "closed" }, { getter:get() })
      assert.same({ nil, "closed" }, { putter:get() })
      assert.equal(1, full:get())
      assert.same({ nil, "closed" }, { full:get() })
      full:task_done()
      assert.is_true(full:join(0)) -- the one that was not put does not count
    end))

    it("counts its items", task(function()
      local q = skein.queue(2)
      assert.equal(2, q:capacity())
      assert.is_nil(skein.queue():capacity())
      assert.is_nil(skein.queue(math.huge):capacity())
      assert.is_nil(skein.queue({ capacity = math.huge }):capacity())
      assert.is_true(q:empty())
      assert.is_false(q:full())
      q:put(1)
      assert.equal(1, #q)
      assert.is_false(q:empty())
      q:put(2)
      assert.equal(2, q:size())
      assert.is_true(q:full())
    end))

    it("refuses what is no capacity", function()
      assert.matches("queue_spec.lua:%d+:", support.failure(function()
        skein.queue(-1)
      end))
      support.failure(skein.queue, 1.5)
      support.failure(skein.queue, "x")
      support.failure(skein.queue, { capacity = -1 })
      support.failure(skein.queue, { bytes = 0 })
      assert.matches("'size'", support.failure(skein.queue, { size = 1 }))
    end)

    it("has no priorities", function()
      local q = skein.queue()
      assert.matches("#3 to 'put' %(priority", support.failure(function()
        q:put(1, nil, 5)
      end))
      assert.is_true(q:empty())
    end)

    it("says what is no queue", function()
      local q = skein.queue()
      assert.matches("skein.Queue expected", support.failure(q.get, 1))
      assert.matches("skein.Queue expected", support.failure(q.get, {}))
      assert.matches("skein.Queue expected",
        support.failure(q.get, skein.lock()))
      assert.matches("skein.Queue expected",
        support.failure(q.get, io.stdout))
    end)

    it("of capacity 0 lets put and get meet", task(function()
      local q = skein.queue(0)
      assert.same({ nil, "timeout" }, { q:put(1, 0) })
      assert.is_true(q:empty() and q:full())
      local putter = skein.task(q.put, q, 2)
      skein.yield()
      assert.is_false(putter:done())
      assert.is_false(q:empty()) -- a get would not wait
      assert.equal(2, q:get(0))
      assert.is_true(putter:get())
      local getter = skein.task(q.get, q)
      skein.yield()
      assert.is_false(q:full()) -- nor would a put
      assert.is_true(q:put(3, 0))
      assert.equal(3, getter:get())
    end))

    it("bounds its memory, but for a single item", task(function()
      local q = skein.queue({ bytes = 1000 })
      assert.is_true(q:put(("x"):rep(5000), 0))
      assert.is_true(q:full())
      assert.same({ nil, "timeout" }, { q:put("y", 0) })
      assert.equal(5000, #q:get())
      assert.is_true(q:put(("x"):rep(600), 0))
      assert.same({ nil, "timeout" }, { q:put(("x"):rep(600), 0) })
      assert.is_true(q:put(("x"):rep(100), 0))
    end))

    it("iterates until it is closed and drained", task(function()
      local q = skein.queue()
      for i = 1, 3 do q:put(i) end
      skein.task(function()
        skein.sleep(0.01)
        q:put(4)
        q:close()
      end)
      local got = {}
      for v in q:items() do got[#got + 1] = v end
      assert.same({ 1, 2, 3, 4 }, got)
    end))

    it("joins once all that was put is dealt with", task(function()
      local q = skein.queue()
      assert.is_true(q:join())
      assert.matches("task_done", support.failure(q.task_done, q))
      q:put(1)
      q:put(2)
      local joiner = skein.task(q.join, q)
      q:get()
      q:get()
      q:task_done()
      assert.same({ nil, "timeout" }, { q:join(0.01) })
      q:task_done()
      assert.is_true(joiner:get())
      support.failure(q.task_done, q)
    end))

    it("serves first come, first served", task(function()
      local q, got = skein.queue(1), {}
      for i = 1, 3 do
        skein.task(function()
          local v = q:get()
          got[#got + 1] = i .. v
        end)
      end
      skein.yield()
      for i = 1, 3 do q:put(i) end
      skein.sleep(0.001)
      assert.same({ "11", "22", "33" }, got)
      q:put(0)
      for i = 1, 3 do skein.task(q.put, q, i) end
      skein.yield()
      for i = 0, 3 do assert.equal(i, q:get()) end
    end))

    it("passes on what was meant for one that was cancelled", task(function()
      local q = skein.queue()
      local first, second = skein.task(q.get, q), skein.task(q.get, q)
      skein.yield()
      first:cancel()
      q:put("x")
      assert.equal("x", second:get())
      assert.equal("cancelled", support.kind(first.get, first))
      local third = skein.task(q.get, q)
      skein.yield()
      q:put("y") -- granted: the cancel comes too late for this wait
      third:cancel()
      third:join()
      local here = third:status() == "finished" and third:get() or q:get(0)
      assert.equal("y", here)
      assert.same({ nil, "timeout" }, { q:get(0) })
    end))

    it("forgets what a cancelled task offered", task(function()
      local q = skein.queue(1)
      q:put(0)
      local first, second = skein.task(q.put, q, 1), skein.task(q.put, q, 2)
      skein.yield()
      first:cancel()
      first:join()
      assert.equal(0, q:get())
      assert.is_true(second:get())
      assert.equal(2, q:get())
      for _ = 1, 2 do q:task_done() end
      assert.is_true(q:join(0))
    end))

    it("lets the next in when a large one gives up", task(function()
      local q = skein.queue({ bytes = 1000 })
      q:put(("x"):rep(500))
      local large = skein.task(q.put, q, ("y"):rep(2000), 0.01)
      local small = skein.task(q.put, q, "z")
      skein.yield()
      assert.is_false(small:done()) -- it came later
      assert.same({ nil, "timeout" }, { large:get() })
      assert.is_true(small:get())
      assert.equal(2, q:size())
    end))

    it("neither loses nor doubles at the deadline itself", task(function()
      local q = skein.queue()
      for i = 1, 20 do
        local getter = skein.task(q.get, q, 0.001)
        skein.yield()
        local past = skein.now() + 0.0015
        while skein.now() < past do end
        q:put(i)
        local v, why = getter:get()
        if v == nil then
          assert.equal("timeout", why)
          assert.equal(i, q:get(0))
        end
        assert.equal(0, q:size())
      end
    end))

    it("raises where a task cannot wait, and keeps nothing", task(function()
      local q = skein.queue(0)
      local t = skein.task(table.sort, { 1, 2 }, function()
        q:put(skein.queue())
      end)
      assert.matches("cannot wait", support.failure(t.get, t))
      assert.same({ nil, "timeout" }, { q:get(0) })
    end))

    it("carries queues, the same one as the same handle", task(function()
      local q, inner = skein.queue(), skein.queue()
      inner:put("x")
      q:put({ inner, inner })
      local got = q:get()
      assert.equal(inner, got[1])
      assert.equal(inner, got[2])
      assert.equal("x", got[1]:get())
    end))

    it("tells of a deadlock", task(function()
      local q = skein.queue()
      assert.equal("deadlock", support.kind(function()
        local output, _, code = support.program([[
          local skein = require("skein")
          local q <const> = skein.queue()
          local ok, err = pcall(q.get, q)
          io.write(err.kind)
        ]])
        assert.equal(0, code, output)
        error({ kind = output }, 0)
      end))
      assert.same({ nil, "timeout" }, { q:get(0) })
    end))
  end)

  describe("between", function()
    local kinds = { "task", "fork", "spawn", "thread" }

    peers.each(kinds, it, "one %s and another", task, function(kind)
      local to, from = skein.queue(3), skein.queue(0)
      local p = peers.start(kind, function(source, sink)
        for v in source:items() do sink:put({ v, v * 2 }) end
        sink:close()
        return "done"
      end, to, from)
      skein.task(function()
        for i = 1, 200 do to:put(i) end
        to:close()
      end)
      local n = 0
      for pair in from:items() do
        n = n + 1
        assert.same({ n, 2 * n }, pair)
      end
      assert.equal(200, n)
      assert.equal("done", p:get())
    end)

    peers.each(kinds, it, "many: %s", task, function(kind)
      local jobs, results = skein.queue(5), skein.queue()
      local producers, consumers = {}, {}
      for i = 1, 3 do
        consumers[i] = peers.start(kind, function(source, sink)
          for v in source:items() do sink:put(v) end
        end, jobs, results)
      end
      for i = 1, 3 do
        producers[i] = peers.start(kind, function(sink, me)
          for n = 1, 100 do sink:put({ me, n }) end
        end, jobs, i)
      end
      for i = 1, 3 do producers[i]:get() end
      jobs:close()
      for i = 1, 3 do consumers[i]:get() end
      local seen = {}
      assert.equal(300, results:size())
      for _ = 1, 300 do
        local v = results:get(0)
        local id = v[1] .. ":" .. v[2]
        assert.is_nil(seen[id])
        seen[id] = true
      end
    end)

    peers.each(peers.apart, it, "a joiner and a worker: %s", task,
      function(kind)
        local q = skein.queue()
        local p = peers.start(kind, function(source)
          for _ in source:items() do
            require("skein").sleep(0.001)
            source:task_done()
          end
        end, q)
        for i = 1, 5 do q:put(i) end
        assert.is_true(q:join(10))
        q:close()
        p:get()
      end)

    peers.each(peers.apart, it, "a large item and a %s", task, function(kind)
      local q = skein.queue()
      local p = peers.start(kind, function(sink)
        sink:put(("large"):rep(200000))
      end, q)
      assert.is_true(("large"):rep(200000) == q:get(10))
      p:get()
    end)
  end)

  describe("outlives", function()
    it("a getter that is killed", task(function()
      local q = skein.queue()
      local p = skein.process(q.get, q)
      family.waits(p)
      p:kill()
      p:join()
      q:put("x")
      assert.equal("x", q:get(10))
    end))

    it("a getter that is killed while an item is on its way", task(function()
      for _ = 1, 20 do
        local q = skein.queue()
        local p = skein.process(function() q:get() end)
        family.waits(p)
        q:put("x")
        p:kill()
        p:join()
        local v, why = q:get(1)
        -- taken before the signal: then it cost that
        assert.is_true(v == "x" or why == "timeout" and p:exitcode() ~= nil)
      end
    end))

    it("a stopped getter, whose item comes back when it dies", task(function()
      local q = skein.queue()
      local p = skein.process(q.get, q)
      family.stop(p)
      q:put("x")
      assert.equal(0, q:size()) -- it was handed over
      p:kill()
      assert.equal("x", q:get(10))
    end))

    it("a putter that is killed: its item does not exist", task(function()
      local q = skein.queue(1)
      q:put("first")
      local p = skein.process(q.put, q, "second")
      family.waits(p)
      p:kill()
      p:join()
      assert.equal("first", q:get())
      assert.same({ nil, "timeout" }, { q:get(0) })
      q:task_done()
      assert.is_true(q:join(0))
    end))

    it("a death that lets the next putter in", task(function()
      local q = skein.queue({ bytes = 1000 })
      q:put(("x"):rep(500))
      local large = skein.process(q.put, q, ("y"):rep(5000))
      family.waits(large)
      local small = skein.task(q.put, q, "z")
      skein.yield()
      large:kill()
      assert.is_true(small:get(10))
    end))

    it("producers and consumers that are killed at any time", task(function()
      local q = skein.queue(4)
      for round = 1, 25 do
        local producer = skein.process(function()
          for n = 1, math.huge do q:put({ round, n, ("x"):rep(n % 300) }) end
        end)
        local consumer = skein.process(function()
          while true do q:get() end
        end)
        skein.sleep(0.002 + round % 5 * 0.0007)
        producer:kill()
        skein.sleep(0.0003 * (round % 4))
        consumer:kill()
        producer:join()
        consumer:join()
        local last = 0
        for _ = 1, q:size() do
          local v = q:get(1)
          assert.equal(round, v[1])
          assert.is_true(v[2] > last)
          assert.equal(v[2] % 300, #v[3])
          last = v[2]
        end
        assert.same({ nil, "timeout" }, { q:get(0) })
        assert.is_true(q:put("sane", 1))
        assert.equal("sane", q:get(1))
      end
    end))
  end)
end)
