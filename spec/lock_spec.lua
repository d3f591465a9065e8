local skein = require("skein")
local family = require("spec.family")
local peers = require("spec.peers")
local support = require("spec.support")
local task = support.task

--- A process that has acquired `l` and sleeps.
local function owner_of(l, kind)
  local ready = skein.queue()
  local p = peers.start(kind or "fork", function(lock, q)
    lock:acquire()
    q:put(true)
    require("skein").sleep(100)
  end, l, ready)
  assert.is_true(ready:get(10))
  return p
end

describe("lock", function()
  setup(peers.warm)

  describe("in one thread", function()
    it("is acquired and released", task(function()
      local l = skein.lock()
      assert.same({ true }, { l:acquire() })
      l:release()
      assert.same({ true }, { l:acquire(0) })
      l:release()
    end))

    it("keeps others out", task(function()
      local l, log = skein.lock(), {}
      local function work(name)
        l:acquire()
        log[#log + 1] = name
        skein.sleep(0.001)
        log[#log + 1] = name
        l:release()
      end
      local a, b = skein.task(work, "a"), skein.task(work, "b")
      a:get()
      b:get()
      assert.same({ "a", "a", "b", "b" }, log)
    end))

    it("keeps its deadlines", task(function()
      local l = skein.lock()
      l:acquire()
      local t = skein.task(function()
        assert.same({ nil, "timeout" }, { l:acquire(0) })
        local start = skein.now()
        assert.same({ nil, "timeout" }, { l:acquire(0.02) })
        assert.is_true(skein.now() - start >= 0.02)
        assert.matches("NaN", support.failure(l.acquire, l, 0 / 0))
      end)
      t:get()
      l:release()
      assert.is_true(l:acquire(0))
      l:release()
    end))

    it("is not for strangers to release", task(function()
      local l = skein.lock()
      assert.matches("lock_spec.lua:%d+:.*not acquired",
        support.failure(function() l:release() end))
      l:acquire()
      local stranger = skein.task(function() l:release() end)
      assert.matches("lock_spec.lua:%d+:.*another task",
        support.failure(stranger.get, stranger))
      l:release()
      assert.matches("not acquired", support.failure(l.release, l))
    end))

    it("does not wait for itself for ever", task(function()
      local l = skein.lock()
      l:acquire()
      assert.equal("deadlock", support.kind(l.acquire, l))
      assert.same({ nil, "timeout" }, { l:acquire(0) })
      local start = skein.now()
      assert.same({ nil, "timeout" }, { l:acquire(0.01) })
      assert.is_true(skein.now() - start >= 0.01)
      l:release()
    end))

    it("can be reentrant", task(function()
      local l = skein.lock({ reentrant = true })
      for _ = 1, 3 do assert.is_true(l:acquire()) end
      local other = skein.task(l.acquire, l, 0)
      assert.same({ nil, "timeout" }, { other:get() })
      for _ = 1, 2 do l:release() end
      other = skein.task(function()
        local ok, how = l:acquire()
        l:release()
        return ok, how
      end)
      skein.yield()
      assert.is_false(other:done())
      l:release()
      assert.same({ true }, { other:get() })
      assert.matches("not acquired", support.failure(l.release, l))
      assert.matches("'re'", support.failure(skein.lock, { re = true }))
      support.failure(skein.lock, { reentrant = 1 })
    end))

    it("serves first come, first served", task(function()
      local l, log = skein.lock(), {}
      l:acquire()
      for i = 1, 3 do
        skein.task(function()
          l:acquire()
          log[#log + 1] = i
          l:release()
        end)
      end
      skein.yield()
      l:release()
      l:acquire() -- behind them
      assert.same({ 1, 2, 3 }, log)
      l:release()
    end))

    it("is held for a scope", task(function()
      local l = skein.lock()
      do
        local _ <close> = l:hold()
        assert.same({ nil, "timeout" }, { skein.task(l.acquire, l, 0):get() })
      end
      support.failure(function()
        local _ <close> = l:hold()
        error("inside")
      end)
      assert.is_true(l:acquire(0))
      l:release()
    end))

    it("is held for a call", task(function()
      local l = skein.lock()
      local function free()
        return skein.task(function()
          local ok = l:acquire(0)
          if ok then l:release() end
          return ok
        end):get() == true
      end
      local results = table.pack(l:with(function(...)
        skein.yield()
        return free(), ...
      end, nil, 2, nil))
      assert.same({ n = 4, false, nil, 2, nil }, results)
      assert.is_true(free())
      local err = {}
      assert.equal(err, support.failure(l.with, l, error, err))
      assert.is_true(free())
      assert.matches("lock_spec.lua:%d+:.*function expected",
        support.failure(function() l:with(1) end))
    end))

    it("goes to the next when one that waits is cancelled", task(function()
      local l = skein.lock()
      l:acquire()
      local first, second = skein.task(l.acquire, l), skein.task(function()
        local ok = l:acquire()
        l:release()
        return ok
      end)
      skein.yield()
      first:cancel()
      l:release()
      assert.is_true(second:get())
      assert.equal("cancelled", support.kind(first.get, first))
    end))

    it("goes on if it was granted to one that is cancelled", task(function()
      local l = skein.lock()
      l:acquire()
      local first = skein.task(function()
        l:acquire()
        skein.sleep(1)
      end)
      skein.yield()
      l:release() -- granted
      first:cancel()
      assert.same({ true, "abandoned" }, { l:acquire(5) })
      l:release()
    end))

    it("is abandoned by a task that ends", task(function()
      local l = skein.lock()
      skein.task(l.acquire, l):join()
      assert.same({ true, "abandoned" }, { l:acquire() })
      l:release()
      assert.same({ true }, { l:acquire() }) -- it was told
      local waiter = skein.task(function() return l:acquire() end)
      skein.yield()
      l:release()
      waiter:join()
      assert.same({ true, "abandoned" }, { l:acquire() })
      l:release()
      local failing = skein.task(function()
        l:acquire()
        error("x")
      end)
      local second = skein.task(function() return l:acquire() end)
      assert.same({ true, "abandoned" }, { second:get() })
      support.failure(failing.get, failing)
      local cancelled = skein.task(function()
        l:acquire()
        skein.sleep(100)
      end)
      skein.yield()
      cancelled:cancel()
      assert.same({ true, "abandoned" }, { l:acquire(5) })
      l:release()
    end))

    it("is abandoned however often it was acquired", task(function()
      local l = skein.lock({ reentrant = true })
      skein.task(function()
        for _ = 1, 3 do l:acquire() end
      end):join()
      assert.same({ true, "abandoned" }, { l:acquire() })
      l:release()
      assert.matches("not acquired", support.failure(l.release, l))
    end))

    it("belongs to the task, also inside of what it calls", task(function()
      local l = skein.lock()
      l:acquire()
      skein.timeout(10, function() l:release() end)
      skein.group(function() l:acquire() end)
      skein.shield(function() l:release() end)
    end))
  end)

  describe("between", function()
    peers.each({ "task", "fork", "spawn", "thread" }, it, "many: %s", task,
      function(kind)
        local l, v = skein.lock(), skein.value(0)
        local all = {}
        for i = 1, 3 do
          all[i] = peers.start(kind, function(lock, value)
            for _ = 1, 200 do
              lock:acquire()
              local now = value:get()
              if now % 10 == 0 then require("skein").yield() end
              value:set(now + 1)
              lock:release()
            end
          end, l, v)
        end
        for i = 1, 3 do all[i]:get(20) end
        assert.equal(600, v:get())
        assert.same({ true }, { l:acquire(0) })
        l:release()
      end)

    it("processes, in the order they came", task(function()
      local l, log = skein.lock(), skein.queue()
      l:acquire()
      local all = {}
      for i = 1, 3 do
        all[i] = skein.process(function()
          l:with(log.put, log, i)
        end)
        family.waits(all[i])
      end
      l:release()
      for i = 1, 3 do assert.equal(i, log:get(10)) end
      for i = 1, 3 do all[i]:get(10) end
    end))

    it("a thread and a stranger", task(function()
      local l = skein.lock()
      l:acquire()
      local t = skein.thread(function(lock)
        local ok, err = pcall(lock.release, lock)
        return ok, err, lock:acquire(0)
      end, l)
      local ok, err, got = t:get(10)
      assert.is_false(ok)
      assert.matches("another task", err)
      assert.is_nil(got)
      l:release()
    end))
  end)

  describe("whose owner is killed", function()
    peers.each({ "fork", "spawn" }, it, "goes to one who waits: %s", task,
      function(kind)
        local l = skein.lock()
        local p = owner_of(l, kind)
        local first = skein.task(function() return l:acquire(10) end)
        skein.yield()
        p:kill()
        assert.same({ true, "abandoned" }, { first:get() })
        p:join()
      end)

    it("is told to the next, and to no other", task(function()
      local l = skein.lock()
      local p = owner_of(l)
      p:kill()
      p:join()
      assert.same({ true, "abandoned" }, { l:acquire() })
      l:release()
      assert.same({ true }, { l:acquire() })
      l:release()
    end))

    it("goes to another process that waits", task(function()
      local l = skein.lock()
      local p = owner_of(l)
      local q = skein.process(function() return l:acquire(10) end)
      family.waits(q)
      p:kill()
      assert.same({ true, "abandoned" }, { q:get(10) })
      p:join()
    end))

    it("passes over those that died while they waited", task(function()
      local l = skein.lock()
      l:acquire()
      local p = skein.process(l.acquire, l)
      family.waits(p)
      local second = skein.task(function() return l:acquire(10) end)
      skein.yield()
      p:kill()
      p:join()
      l:release()
      assert.same({ true }, { second:get() })
    end))

    it("comes back from one that died before it knew", task(function()
      local l = skein.lock()
      l:acquire()
      local p = skein.process(l.acquire, l)
      family.stop(p)
      l:release() -- it is theirs now
      local second = skein.task(function() return l:acquire(10) end)
      skein.yield()
      assert.is_false(second:done())
      p:kill()
      assert.same({ true, "abandoned" }, { second:get() })
      p:join()
    end))

    it("was left by exit", task(function()
      local l = skein.lock()
      local p = skein.process(function()
        l:acquire()
        os.exit(3)
      end)
      p:join()
      assert.same({ true, "abandoned" }, { l:acquire(10) })
      l:release()
    end))

    it("was a thread that ended", task(function()
      local l = skein.lock()
      skein.thread(function(lock) lock:acquire() end, l):get(10)
      assert.same({ true, "abandoned" }, { l:acquire(10) })
      l:release()
    end))

    it("was killed at any time", task(function()
      local l = skein.lock()
      for i = 1, 25 do
        local p = skein.process(function()
          while true do
            l:acquire()
            l:release()
          end
        end)
        local stop = skein.now() + 0.002 + i % 5 * 0.0003
        while skein.now() < stop do
          if l:acquire(1) then l:release() end
        end
        p:kill()
        assert.is_true(l:acquire(10))
        l:release()
        p:join()
      end
    end))
  end)
end)
