local core = require("skein.core")
local skein = require("skein")
local support = require("spec.support")
local task, kind = support.still, support.kind

-- Runs the test in a task of its own, not at the top level of the run.
local function inside(body, bounded)
  return (bounded or task)(function() skein.task({ name = "test" }, body):get() end)
end

local function outside(body, bounded)
  return (bounded or task)(body)
end

for where, wrap in pairs { ["at top level"] = outside, ["in a task"] = inside } do
  describe("timeout " .. where, function()
    it("returns what the function returned", wrap(function()
      assert.same({ n = 3, 1, nil, nil }, table.pack(skein.timeout(1,
        function(...)
          skein.yield()
          return ...
        end, 1, nil, nil)))
      assert.equal(5, skein.timeout(0, function() return 5 end))
      assert.equal(5, skein.timeout(math.huge, function() return 5 end))
    end))

    it("ends any wait, cleaning up", wrap(function()
      local c, log = skein.channel(), {}
      local before = skein.now()
      local err = support.failure(skein.timeout, 0.01, function()
        local _ <close> = setmetatable({}, { __close = function()
          log[#log + 1] = "closed"
        end })
        c:get()
      end)
      assert.equal("timeout", err.kind)
      assert.is_true(skein.now() - before >= 0.01)
      assert.same({ "closed" }, log)
      c:put(1)
      assert.equal(1, c:get()) -- no waiter stayed behind
      skein.sleep(0.001) -- the scope is left
    end))

    it("of 0 ends the first wait", wrap(function()
      local began = false
      assert.equal("timeout", kind(skein.timeout, 0, function()
        began = true
        skein.yield()
      end))
      assert.is_true(began)
      local c = skein.channel()
      c:put(1)
      assert.equal("timeout", kind(skein.timeout, -1, c.get, c))
      assert.equal(1, #c)
    end))

    it("of 0 gives what an ended handle has", wrap(function()
      local well = skein.task(function() return 1, nil end)
      local ill = skein.task(error, "mine", 0)
      local late = skein.task(skein.sleep, 1)
      well:join()
      ill:join()
      for _, seconds in ipairs { 0, -1, 1 } do
        assert.same({ n = 2, 1 }, table.pack(skein.timeout(seconds, well)))
        assert.equal("mine", support.failure(skein.timeout, seconds, ill))
      end
      assert.equal("timeout", kind(skein.timeout, 0, late))
      assert.equal("cancelled", late:status())
      assert.equal("cancelled", kind(function()
        local t = skein.task(function()
          pcall(skein.sleep, 1)
          return skein.timeout(0, well) -- a checkpoint as any other wait
        end)
        skein.yield()
        t:cancel()
        return t:get()
      end))
    end))

    it("is not swallowed by a pcall", wrap(function()
      local seen = 0
      assert.equal("timeout", kind(skein.timeout, 0.005, function()
        for _ = 1, 5 do
          if not pcall(skein.sleep, 1) then seen = seen + 1 end
        end
        skein.yield()
      end))
      assert.equal(5, seen)
      assert.equal("done", skein.timeout(0.005, function()
        pcall(skein.sleep, 1)
        return "done" -- it has swallowed its cancel and finished
      end))
    end))

    it("passes other errors as they are", wrap(function()
      local e = {}
      assert.equal(e, support.failure(skein.timeout, 1, error, e))
    end))

    it("nests: the outer one counts, whatever the inner one says", wrap(function()
      local inner
      assert.equal("timeout", kind(skein.timeout, 0.005, function()
        inner = kind(skein.timeout, 10, skein.sleep, 10)
        skein.yield()
      end))
      assert.equal("cancelled", inner)
      local log = {}
      skein.timeout(10, function()
        log[1] = kind(skein.timeout, 0.002, skein.sleep, 10)
        skein.sleep(0.001)
        log[2] = "outer goes on"
      end)
      assert.same({ "timeout", "outer goes on" }, log)
    end))

    it("both at once: the inner one never eats the outer one", wrap(function()
      local log = {}
      assert.equal("timeout", kind(skein.timeout, 0.003, function()
        log[1] = kind(skein.timeout, 0.001, function()
          local limit = skein.now() + 0.006
          while skein.now() < limit do end
          skein.sleep(10)
        end)
        log[2] = kind(skein.yield)
        skein.yield()
      end))
      assert.same({ "cancelled", "cancelled" }, log)
    end, support.task)) -- the thread is busy: time passes by itself

    it("cancels a handle and waits for it", wrap(function()
      local t = skein.task(skein.sleep, 10)
      assert.equal("timeout", kind(skein.timeout, 0.005, t))
      assert.equal("cancelled", t:status())
      local ended = skein.task(function() return 1, 2 end)
      ended:join()
      assert.same({ 1, 2 }, { skein.timeout(1, ended) })
    end))

    it("rejects wrong use", wrap(function()
      assert.error_matches(function() skein.timeout("x", print) end, "number")
      assert.error_matches(function() skein.timeout(1) end, "function or handle")
      assert.error_matches(function() skein.timeout(0 / 0, print) end, "NaN")
    end))
  end)

  describe("shield " .. where, function()
    it("hides cancels until it is left", wrap(function()
      local log = {}
      assert.equal("timeout", kind(skein.timeout, 0.003, function()
        assert.equal(1, skein.shield(function()
          skein.sleep(0.01)
          log[#log + 1] = "shielded"
          return 1
        end))
        log[#log + 1] = "left"
        skein.sleep(0)
        log[#log + 1] = "never"
      end))
      assert.same({ "shielded", "left" }, log)
    end))

    it("lets clean-up wait", wrap(function()
      local cleaned
      pcall(skein.timeout, 0.002, function()
        local _ <close> = setmetatable({}, { __close = function()
          skein.shield(skein.sleep, 0.003)
          cleaned = true
        end })
        skein.sleep(10)
      end)
      assert.is_true(cleaned)
    end))

    it("still obeys timeouts inside of it", wrap(function()
      assert.equal("timeout", kind(skein.shield, skein.timeout, 0.002,
        skein.sleep, 10))
    end))
  end)

  describe("group " .. where, function()
    it("returns the results when all have ended", wrap(function()
      local log, gate = {}, skein.channel()
      assert.same({ "a", nil, "c", n = 3 }, table.pack(skein.group(
        function(g, ...)
          local function late()
            log[#log + 1] = "late"
            gate:put(true)
          end
          for i = 1, 3 do
            g:task(function()
              if i < 3 then skein.sleep(0.001 * i) else gate:get() end
              log[#log + 1] = i
              if i == 2 then g:task(late) end
            end)
          end
          return ...
        end, "a", nil, "c")))
      assert.same({ 1, 2, "late", 3 }, log)
    end))

    it("raises a single error as it is, and cancels the rest", wrap(function()
      local e, others = {}, {}
      local err = support.failure(skein.group, function(g)
        others[1] = g:task(skein.sleep, 10)
        g:task(function()
          skein.sleep(0.001)
          error(e)
        end)
        others[2] = g:task(skein.sleep, 10)
        skein.sleep(10)
      end)
      assert.equal(e, err)
      assert.equal("cancelled", others[1]:status())
      assert.equal("cancelled", others[2]:status())
    end))

    it("raises several errors as one", wrap(function()
      local err = support.failure(skein.group, function(g)
        for i = 1, 3 do
          g:task(function()
            pcall(skein.sleep, i == 1 and 0.001 or 10)
            error("E" .. i, 0)
          end)
        end
        g:task(skein.sleep, 10)
      end)
      assert.equal("errors", err.kind)
      assert.same({ "E1", "E2", "E3" }, err.errors)
      assert.matches("E2", tostring(err))
    end))

    it("an error of the function cancels its tasks", wrap(function()
      local t
      assert.matches("mine", support.failure(skein.group, function(g)
        t = g:task(skein.sleep, 10)
        skein.yield()
        error("mine")
      end))
      assert.equal("cancelled", t:status())
    end))

    it("waits for clean-up", wrap(function()
      local cleaned = 0
      pcall(skein.group, function(g)
        for _ = 1, 3 do
          g:task(function()
            local _ <close> = setmetatable({}, { __close = function()
              skein.shield(skein.sleep, 0.003)
              cleaned = cleaned + 1
            end })
            skein.sleep(10)
          end)
        end
        skein.yield()
        error("x")
      end)
      assert.equal(3, cleaned)
    end))

    it("can be cancelled without error", wrap(function()
      local t
      assert.equal("kept", skein.group(function(g)
        t = g:task(skein.sleep, 10)
        skein.yield()
        g:cancel()
        assert.error_matches(function() g:task(print) end, "cancelled")
        return "kept"
      end))
      assert.equal("cancelled", t:status())
      assert.same({ n = 0 }, table.pack(skein.group(function(g)
        g:cancel()
        skein.sleep(10)
      end)))
      local outer
      skein.group(function(g) outer = g end)
      assert.error_matches(function() outer:task(print) end, "has ended")
      outer:cancel()
    end))

    it("is cancelled from outside, and waits all the same", wrap(function()
      local cleaned, log = 0, {}
      assert.equal("timeout", kind(skein.timeout, 0.003, function()
        log[1] = kind(skein.group, function(g)
          for _ = 1, 2 do
            g:task(function()
              pcall(skein.sleep, 10)
              skein.shield(skein.sleep, 0.003)
              cleaned = cleaned + 1
            end)
          end
        end)
        skein.yield()
      end))
      assert.same({ 2, "cancelled" }, { cleaned, log[1] })
    end))

    it("does not mind a task cancelled by itself", wrap(function()
      assert.equal(1, skein.group(function(g)
        local t = g:task(skein.sleep, 10)
        skein.yield()
        t:cancel()
        return 1
      end))
    end))
  end)
end

describe("cancel", function()
  it("drops what has not begun", task(function()
    local began = false
    local t = skein.task(function() began = true end)
    assert.is_true(t:cancel())
    t:join()
    assert.equal("cancelled", t:status())
    local n = skein.task({ start = false }, function() began = true end)
    assert.is_true(n:cancel())
    assert.equal("cancelled", n:status())
    assert.is_false(n:cancel())
    assert.is_false(began)
  end))

  it("tells the reason", task(function()
    local t = skein.task(skein.sleep, 10)
    skein.yield()
    t:cancel("enough")
    local err = support.failure(t.get, t)
    assert.equal("enough", err.reason)
    assert.matches("cancelled: enough", tostring(err))
    local u = skein.task(skein.sleep, 10)
    skein.yield()
    u:cancel()
    assert.is_nil(support.failure(u.get, u).reason)
  end))

  it("comes again at every wait; swallowed, it has finished", task(function()
    local t = skein.task(function()
      local n = 0
      for _ = 1, 3 do n = n + (pcall(skein.yield) and 0 or 1) end
      return n
    end)
    skein.yield()
    t:cancel()
    assert.equal(3, t:get())
    assert.equal("finished", t:status())
    assert.is_false(t:cancel())
  end))

  it("is an error of another kind if clean-up fails", task(function()
    local t = skein.task(function()
      local _ <close> = setmetatable({}, { __close = function() error("bad") end })
      skein.sleep(10)
    end)
    skein.yield()
    t:cancel()
    assert.matches("bad", support.failure(t.get, t))
    assert.equal("failed", t:status())
  end))

  it("of another task, got, is not one's own", task(function()
    local a = skein.task(skein.sleep, 10)
    local b = skein.task(function() return a:get() end)
    skein.yield()
    a:cancel()
    assert.equal("cancelled", kind(b.get, b))
    assert.equal("failed", b:status())
  end))
end)

describe("run", function()
  it("returns the results and ends what still runs", function()
    local t, cleaned
    assert.same({ n = 3, 1, nil, 3 }, table.pack(skein.run(function(...)
      t = skein.task(function()
        skein.task(skein.sleep, 10)
        local _ <close> = setmetatable({}, { __close = function()
          skein.shield(skein.sleep, 0.002)
          cleaned = true
        end })
        skein.sleep(10)
      end)
      skein.yield()
      return ...
    end, 1, nil, 3)))
    assert.equal("cancelled", t:status())
    assert.is_true(cleaned)
    assert.equal(0, core.live())
  end)

  it("raises what was raised", function()
    local e = {}
    assert.equal(e, support.failure(skein.run, error, e))
    assert.matches("inside of a run", support.failure(skein.run, function()
      skein.run(print)
    end))
    skein.run(function()
      local t = skein.task(skein.run, print)
      assert.is_false(pcall(t.get, t))
    end)
  end)

  it("leaves tasks of before alone", function()
    local t = skein.task(function()
      skein.sleep(0.005)
      return "mine"
    end)
    skein.run(skein.sleep, 0.001)
    assert.equal("mine", t:get())
  end)
end)

describe("deadlock", function()
  it("is an error with the tree of who waits", function()
    local c = skein.channel()
    local t = skein.task({ name = "stuck" }, c.get, c)
    local err = support.failure(function()
      c:get()
      error("not reached")
    end)
    assert.equal("deadlock", err.kind)
    assert.matches("stuck: waiting for channel get", err.message)
    assert.matches("scope_spec.lua:%d+", tostring(err))
    c:put(1)
    assert.equal(1, t:get())
  end)

  it("ends a run, with its tasks", function()
    local c = skein.channel()
    assert.equal("deadlock", kind(skein.run, function()
      skein.task(c.get, c)
      skein.group(function(g) g:task(c.get, c) end)
    end))
    assert.equal(0, core.live())
    assert.same({ nil, "timeout" }, { c:get(0) })
  end)

  it("is none while something can come", function()
    local c = skein.channel()
    assert.same({ nil, "timeout" }, { c:get(0.005) })
    local t = skein.task(function()
      skein.sleep(0.003)
      c:put(1)
    end)
    assert.equal(1, c:get())
    t:get()
  end)
end)

describe("Ctrl-C", function()
  local function interrupted(body, times)
    return support.program([[
      local skein = require("skein")
      local pid = skein.self().pid
      os.execute(("(for i in ]] .. (times or "1")
        .. [[; do sleep 0.1; kill -INT %d; done) &"):format(pid))
      local ok, err = pcall(function() ]] .. body .. [[ end)
      print(ok, type(err) == "table" and err.kind or err)
    ]])
  end

  it("ends a wait of the top level", function()
    assert.equal("false\tinterrupted\n", interrupted("skein.sleep(5)"))
  end)

  it("cancels a run, which raises it", function()
    assert.equal("false\tcancelled\nfalse\tinterrupted\n", interrupted([[
      skein.run(function()
        local ok, e = pcall(skein.sleep, 5)
        print(ok, e.kind)
      end)]]))
  end)

  it("stops busy code in a run", function()
    assert.equal("false\tinterrupted\n", interrupted(
      "skein.run(function() while true do end end)"))
    assert.matches("false\tinterrupted\n", interrupted([[
      local t = skein.task(function() while true do end end)
      t:on_done(print)
      skein.sleep(5)]]))
  end)

  it("a second time gives up what refuses to end", function()
    assert.equal("false\tinterrupted\n", interrupted([[
      skein.run(function()
        skein.task(skein.shield, skein.sleep, 5)
        skein.sleep(5)
      end)]], "1 2"))
  end)
end)

describe("an error", function()
  it("is text where it is concatenated", function()
    local err = support.failure(skein.timeout, 0, skein.sleep, 1)
    assert.equal("failed: timeout", "failed: " .. err)
    assert.equal("timeout!", err .. "!")
    assert.equal("7timeout", 7 .. err)
    assert.equal("timeouttimeout", err .. err)
    assert.matches("scope_spec.lua:%d+: attempt to concatenate a table value$",
      support.failure(function() return err .. {} end))
  end)
end)
