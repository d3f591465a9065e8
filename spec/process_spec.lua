--- skein.process, by fork and in a fresh interpreter.

local skein = require("skein")
local support = require("spec.support")
local family = require("spec.family")

local failure, kind, test = support.failure, support.kind, family.test

local function start(method, ...)
  return skein.process({ method = method }, ...)
end

setup(family.server)

--- The error of such a process.
local function raises(method, ...)
  local p = start(method, ...)
  return failure(p.get, p)
end

for _, method in ipairs { "fork", "spawn", "server" } do
  describe("a process by " .. method, function()
    it("returns all results, nils included, again and again", test(function()
      local p = start(method, function(...) return nil, ..., nil end, 1, nil)
      assert.same({ n = 3, nil, 1, nil }, table.pack(p:get()))
      assert.same({ n = 3, nil, 1, nil }, table.pack(p:get(0)))
      assert.same({ n = 0 }, table.pack(start(method, function() end):get()))
      assert.equal(0, p:exitcode())
      assert.equal("finished", p:status())
      assert.is_true(p:done())
      assert.is_nil(p:error())
      assert.is_false(p:alive())
    end))

    it("is a process of its own, and knows its place", test(function()
      local p = skein.process({ method = method, name = "carl" }, function()
        local self, parent = skein.self(), skein.parent()
        return self.pid, self.kind, self.name, parent.pid, parent.name
      end)
      local pid, what, name, ppid, pname = p:get()
      assert.equal(p.pid, pid)
      assert.not_equal(skein.self().pid, pid)
      assert.equal("process", what)
      assert.equal("carl", name)
      assert.equal("carl", p.name)
      assert.equal(skein.self().pid, ppid)
      assert.equal("main", pname)
    end))

    it("does not touch the values of its parent", test(function()
      local t = { 1 }
      local p = start(method, function(u)
        t[1] = 2
        u[1] = u[1] + 1
        return u, t
      end, t)
      local u, other = p:get()
      assert.same({ 1 }, t)
      -- what fn and its arguments share stays shared
      assert.equal(u, other)
      assert.same({ 3 }, u)
    end))

    it("runs a function by its name", test(function()
      assert.equal("abab", start(method, "string.rep", "ab", 2):get())
      local err = raises(method, "no.such", 1)
      assert.equal("error", err.kind)
      assert.match("no", err.message)
    end))

    it("may have tasks, and waits for what it asks for only", test(function()
      assert.equal(3, start(method, function()
        local other = require("skein")
        other.task(function() other.sleep(60) end)
        local c = other.channel()
        other.task(function() c:put(3) end)
        return c:get()
      end):get())
    end))

    it("has children of its own", test(function()
      local p = start(method, function(how)
        local inner = require("skein")
        local q = inner.process({ method = how, name = "inner" }, function()
          local parent = require("skein").parent()
          return parent.pid, parent.name
        end)
        local pid, name = q:get()
        return pid == inner.self().pid, name, #inner.children()
      end, method)
      local same, name, n = p:get()
      assert.is_true(same)
      assert.equal(p.name, name)
      assert.equal(0, n)
    end))

    it("tells of any error", test(function()
      local err = raises(method, error, "plain", 0)
      assert.equal("error", err.kind)
      assert.equal("plain", err.value)
      assert.equal("plain", err.message)
      assert.match("traceback", err.traceback)
      assert.match("^process '.+' %(pid %d+%)$", err.source)
      err = raises(method, error, nil)
      assert.is_nil(err.value)
      assert.equal("nil", err.message)
      err = raises(method, error, { code = 5 })
      assert.same({ code = 5 }, err.value)
      err = raises(method, error, false)
      assert.equal(false, err.value)
      local function words() return "own words" end
      err = raises(method, error, setmetatable({}, { __tostring = words }))
      assert.equal("own words", err.message)
      local function none() error("no words") end
      err = raises(method, error, setmetatable({}, { __tostring = none }))
      assert.equal("(error object is a table value)", err.message)
      err = raises(method, function() require("skein").timeout(0, require("skein").sleep, 1) end)
      assert.equal("error", err.kind)
      assert.equal("timeout", err.value.kind)
      err = raises(method, function() error(io.stdout) end)
      assert.is_nil(err.value) -- it cannot cross, its text can
      assert.match("file %(0x", err.message)
      err = raises(method, function() local x = nil; return x.y end)
      assert.match("attempt to index a nil value", err.message)
      assert.match("process_spec.lua:%d+", err.message)
    end))

    it("fails where its results cannot cross", test(function()
      local p = start(method, function() return 1, { f = io.stdout } end)
      local err = failure(p.get, p)
      assert.equal("error", err.kind)
      assert.equal("transfer", err.value.kind)
      assert.match("cannot return result 2: field 'f': file", err.message)
      assert.equal(1, p:exitcode())
      assert.equal("failed", p:status())
    end))

    it("has no results if it leaves by os.exit", test(function()
      for code, how in pairs { [0] = 0, [3] = 3, [300] = 44 } do
        local p = start(method, function(n) os.exit(n) end, code)
        local err = failure(p.get, p)
        assert.equal("exited", err.kind)
        assert.equal(how, err.code)
        assert.equal(how, p:exitcode())
        assert.equal("failed", p:status())
        assert.equal(err, p:error())
      end
      assert.equal(0, raises(method, function() os.exit(true, true) end).code)
    end))

    it("may be killed", test(function()
      local p = start(method, family.spin)
      assert.is_true(p:alive())
      assert.is_nil(p:exitcode())
      assert.is_true(p:kill())
      local err = failure(p.get, p)
      assert.equal("killed", err.kind)
      assert.equal(9, err.signal)
      assert.equal(-9, p:exitcode())
      assert.is_false(p:kill())
      assert.is_false(p:signal("TERM"))
      assert.is_false(p:terminate())
      assert.is_false(p:cancel())
    end))

    it("ends when cancelled, waiting or not, and cleans up", test(function()
      local there, here = skein.pipe()
      local function work(e, wait)
        local own <close> = setmetatable({}, { __close = function() e:send("cleaned up") end })
        local inner = require("skein")
        e:send(own ~= nil)
        if wait then inner.sleep(60) end
        while true do end
      end
      for _, wait in ipairs { true, false } do
        local p = skein.process({ method = method }, function(e, w)
          local ok, err = pcall(work, e, w)
          -- a pcall cannot swallow it
          require("skein").shield(e.send, e, { ok, err.kind })
          require("skein").yield()
        end, there, wait)
        assert.is_true(here:recv())
        assert.is_true(p:cancel("enough"))
        local seen = { here:recv(5) }
        if seen[1] == "cleaned up" then seen = { here:recv(5) } end
        assert.same({ { false, "cancelled" } }, seen)
        assert.is_true(p:join(5))
        assert.equal("cancelled", p:status())
        assert.equal(-15, p:exitcode())
        local err = failure(p.get, p)
        assert.is_true(skein.is_cancelled(err))
        assert.equal("enough", err.reason)
        assert.match("^process ", err.source)
        there, here = skein.pipe()
      end
    end))

    it("ends when cancelled inside a coroutine of its user", test(function()
      local ready = skein.queue()
      local p = start(method, function(q)
        local wrap = coroutine.wrap
        local function deep()
          q:put(true)
          while true do end
        end
        wrap(function() wrap(deep)() end)()
      end, ready)
      ready:get()
      p:cancel()
      assert.is_true(p:join(5))
      assert.equal("cancelled", p:status())
    end))

    it("ends when cancelled at once, whatever it has got to", test(function()
      for i = 1, 20 do
        local p = start(method, function() require("skein").sleep(60) end)
        if i % 2 == 0 then skein.sleep(0.0005 * (i % 10)) end
        p:cancel()
        assert.is_true(p:join(5))
        assert.equal(-15, p:exitcode())
        assert.equal("cancelled", p:status())
      end
    end))

    it("has finished if it swallows its cancel", test(function()
      local q = skein.queue()
      local p = start(method, function()
        pcall(function()
          q:put(1)
          require("skein").sleep(60)
        end)
        return "done"
      end)
      q:get()
      p:cancel()
      assert.equal("done", p:get())
      assert.equal(0, p:exitcode())
      assert.equal("finished", p:status())
    end))

    it("that somebody else terminates was killed", test(function()
      local q = skein.queue()
      local p = start(method, function()
        q:put(1)
        require("skein").sleep(60)
      end)
      q:get()
      os.execute("kill -TERM " .. p.pid)
      local err = failure(p.get, p)
      assert.equal("killed", err.kind)
      assert.equal(15, err.signal)
      assert.equal(-15, p:exitcode())
      assert.equal("failed", p:status())
    end))

    it("that ignores TERM is killed after the grace", test(function()
      local q = skein.queue()
      local p = start(method, function()
        q:put(1)
        while true do pcall(function() while true do end end) end
      end)
      q:get()
      local begin = skein.now()
      assert.is_true(p:terminate(0.05))
      assert.equal("killed", kind(p.get, p, 5))
      assert.is_true(skein.now() - begin >= 0.05)
      assert.equal(-9, p:exitcode())
      p = start(method, family.spin)
      p:terminate(0)
      assert.is_true(p:join(5))
      p = start(method, require("skein").sleep, 60)
      p:terminate()
      assert.is_true(p:join(4))
      assert.equal(-15, p:exitcode())
      assert.error_matches(function() p:terminate(0 / 0) end, "NaN")
      assert.error_matches(function() p:terminate("5") end, "number expected")
    end))

    it("can be waited for with a limit", test(function()
      local p <close> = start(method, require("skein").sleep, 60)
      local begin = skein.now()
      local err = failure(p.get, p, 0.02)
      assert.equal("timeout", err.kind)
      assert.same({ n = 2, nil, "timeout" }, table.pack(p:join(0.02)))
      assert.same({ n = 2, nil, "timeout" }, table.pack(p:join(0)))
      assert.is_true(skein.now() - begin >= 0.04)
      assert.is_true(p:alive())
      assert.equal("running", p:status())
    end))

    it("is cancelled and waited for when left by <close>", test(function()
      local pid
      do
        local p <close> = start(method, family.spin)
        pid = p.pid
      end
      assert.is_false(family.runs(pid))
      local ended
      assert.error_matches(function()
        local p <close> = start(method, require("skein").sleep, 60)
        ended = p
        error("early")
      end, "early")
      assert.is_true(ended:done())
    end))

    it("begins when it is told to", test(function()
      local function same(...) return ... end
      local p = skein.process({ method = method, start = false }, same, 1, nil, 2, nil)
      assert.equal("new", p:status())
      assert.is_nil(p.pid)
      assert.is_nil(p:exitcode())
      assert.is_false(p:alive())
      assert.is_false(p:done())
      assert.error_matches(function() p:join() end, "not started")
      assert.error_matches(function() p:get() end, "not started")
      assert.equal(p, p:start())
      assert.error_matches(function() p:start() end, "started already")
      assert.same({ n = 4, 1, nil, 2, nil }, table.pack(p:get()))
      assert.error_matches(function() p:start() end, "started already")
    end))

    it("that never begins leaves nothing", test(function()
      local p = skein.process({ method = method, start = false }, function() end)
      assert.is_true(p:cancel("why"))
      assert.is_false(p:cancel())
      assert.equal("cancelled", p:status())
      assert.equal("why", failure(p.get, p).reason)
      assert.error_matches(function() p:start() end, "cancelled already")
      local _ <close> = skein.process({ method = method, start = false }, function() end)
    end))

    it("calls on_done once, in a wait", test(function()
      local seen = {}
      local p = start(method, function() end)
      assert.equal(p, p:on_done(function(h) seen[#seen + 1] = h end))
      assert.same({}, seen)
      p:join()
      skein.yield()
      assert.same({ p }, seen)
      p:on_done(function(h) seen[#seen + 1] = h end)
      skein.yield()
      assert.same({ p, p }, seen)
    end))

    it("works in a family of queues", test(function()
      local jobs, done = skein.queue(), skein.queue()
      local workers = {}
      for i = 1, 3 do
        workers[i] = start(method, function(from, to)
          for n in from:items() do to:put(n * n) end
          return true
        end, jobs, done)
      end
      for i = 1, 30 do jobs:put(i) end
      jobs:close()
      local sum = 0
      for _ = 1, 30 do sum = sum + done:get() end
      assert.equal(9455, sum)
      for _, p in ipairs(workers) do assert.is_true(p:get()) end
    end))
  end)
end
