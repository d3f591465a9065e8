local core = require("skein.core")
local skein = require("skein")
local support = require("spec.support")
local task = support.still

describe("task", function()
  it("returns all results, again and again", task(function()
    local t = skein.task(function(...) return ... end, 1, nil, nil)
    assert.same({ n = 3, 1, nil, nil }, table.pack(t:get()))
    assert.same({ n = 3, 1, nil, nil }, table.pack(t:get()))
    assert.same({ n = 0 }, table.pack(skein.task(function() end):get()))
    assert.same({ n = 1 }, table.pack(skein.task(function() return nil end):get()))
  end))

  it("runs at top level too", function()
    local log = {}
    local t = skein.task(function()
      log[1] = "task"
      skein.sleep(0.001)
      return "done"
    end)
    assert.same({}, log)
    assert.equal("done", t:get())
    assert.equal(0, core.live())
  end)

  it("takes its first step when its starter waits, in order", task(function()
    local log = {}
    for i = 1, 3 do skein.task(function() log[#log + 1] = i end) end
    assert.same({}, log)
    skein.yield()
    assert.same({ 1, 2, 3 }, log)
  end))

  it("raises the very error it raised", task(function()
    local err = {}
    local t = skein.task(error, err)
    assert.equal(err, support.failure(t.get, t))
    assert.equal(err, support.failure(t.get, t))
    assert.equal(err, t:error())
    local none = skein.task(error)
    local ok, e = pcall(none.get, none)
    assert.is_false(ok)
    assert.is_nil(e)
    assert.equal("failed", none:status())
  end))

  it("has a status at each time of its life", task(function()
    local t = skein.task({ start = false, name = "worker" }, function(c)
      return c:get()
    end, skein.channel(0))
    assert.equal("new", t:status())
    assert.equal(t, t:start())
    assert.equal("pending", t:status())
    skein.yield()
    assert.equal("running", t:status())
    assert.is_false(t:done())
    t:cancel()
    assert.is_true(t:join())
    assert.equal("cancelled", t:status())
    assert.is_true(t:done())
    assert.is_true(skein.is_cancelled(t:error()))
    assert.equal("finished", (function()
      local f = skein.task(function() end)
      f:join()
      return f:status()
    end)())
  end))

  it("starts once", task(function()
    local t = skein.task({ start = false }, function(...) return ... end, 1, nil, 3)
    assert.error_matches(function() t:join() end, "not started")
    assert.same({ n = 3, 1, nil, 3 }, table.pack(t:start():get()))
    assert.error_matches(function() t:start() end, "started already")
    assert.error_matches(function() skein.task(print):start() end, "already")
  end))

  it("gives up a get with an error, a join with a word", task(function()
    local t = skein.task(skein.sleep, 10)
    local err = support.failure(t.get, t, 0.005)
    assert.equal("timeout", err.kind)
    assert.equal("timeout", support.kind(t.get, t, 0))
    assert.same({ nil, "timeout" }, { t:join(0.005) })
    assert.same({ nil, "timeout" }, { t:join(-1) })
    assert.equal("running", t:status())
    t:cancel()
    assert.equal("cancelled", support.kind(t.get, t))
  end))

  it("has names and ids", task(function()
    local a = skein.task({ name = "alpha" }, function()
      return skein.self()
    end)
    local b = skein.task(function() return skein.self() end)
    assert.equal("alpha", a.name)
    assert.equal("task " .. b.id, b.name)
    assert.not_equal(a.id, b.id)
    local self = a:get()
    assert.same({ "task", "alpha", a.id }, { self.kind, self.name, self.id })
    assert.equal(b.name, b:get().name)
    assert.equal(skein.self().pid, self.pid)
  end))

  it("has an id that no thread of the process has", function()
    local seen = { [skein.self().id] = true }
    local threads = {}
    local function ids()
      local inner = require("skein.core")
      local list = { inner.self().id }
      for i = 2, 1500 do list[i] = inner.task({ start = false }, error).id end
      return list
    end
    for i = 1, 2 do threads[i] = skein.thread(ids) end
    for _, thread in ipairs(threads) do
      local list = thread:get()
      assert.equal(thread.id, list[1])
      for _, id in ipairs(list) do
        assert.is_nil(seen[id])
        seen[id] = true
      end
    end
    local function id() return skein.task({ start = false }, error).id end
    local last = id()
    assert.is_nil(seen[last])
    assert.is_true(skein.process(id):get() > last)
  end)

  it("is not for oneself to wait for", task(function()
    local t
    t = skein.task(function() t:join() end)
    assert.error_matches(function() t:get() end, "cannot wait for itself")
  end))

  it("rejects wrong use", function()
    assert.error_matches(function() skein.task() end, "function expected")
    assert.error_matches(function() skein.task({ nmae = "x" }, print) end,
      "unknown option 'nmae'")
    assert.error_matches(function() skein.task({ name = 1 }, print) end,
      "name: string expected, got number")
    assert.error_matches(function() skein.sleep() end, "number expected")
    assert.error_matches(function() skein.sleep("1") end, "number expected")
    assert.error_matches(function() skein.sleep(0 / 0) end, "NaN")
  end)

  it("tells who asked that it has ended", task(function()
    local seen = {}
    local t = skein.task(function() return 7 end)
    assert.equal(t, t:on_done(function(h) seen[#seen + 1] = h end))
    t:get()
    skein.yield()
    t:on_done(function(h) seen[#seen + 1] = h:get() end)
    assert.same({ t }, seen)
    skein.yield()
    assert.same({ t, 7 }, seen)
  end))

  it("is cancelled and awaited by <close>", task(function()
    local cleaned = false
    do
      local _ <close> = skein.task(function()
        local _ <close> = setmetatable({}, { __close = function()
          skein.shield(skein.sleep, 0.005)
          cleaned = true
        end })
        skein.sleep(10)
      end)
      skein.yield()
    end
    assert.is_true(cleaned)
  end))

  it("never fires early", support.task(function()
    for _, s in ipairs { 0.0001, 0.001, 0.0137 } do
      local before = skein.now()
      skein.sleep(s)
      assert.is_true(skein.now() - before >= s)
    end
  end))

  it("wakes sleepers in the order of their deadlines", task(function()
    local log = {}
    for _, ms in ipairs { 3, 1, 2, 1 } do
      skein.task(function()
        skein.sleep(ms / 1000)
        log[#log + 1] = ms
      end)
    end
    skein.sleep(0.02)
    assert.same({ 1, 1, 2, 3 }, log)
  end))

  it("lets others run when it never has to wait", task(function()
    local c, ticks = skein.channel(), 0
    local other = skein.task(function()
      while true do
        ticks = ticks + 1
        skein.yield()
      end
    end)
    for _ = 1, 10000 do
      c:put(1)
      c:get()
    end
    assert.is_true(ticks > 10)
    other:cancel()
  end))

  it("lets timers fire while others are busy", support.task(function()
    local fired = false
    skein.task(function()
      skein.sleep(0.001)
      fired = true
    end)
    local limit = skein.now() + 2
    while not fired and skein.now() < limit do skein.yield() end
    assert.is_true(fired)
  end))

  it("may be many", task(function()
    local n, sum, all = 20000, 0, {}
    for i = 1, n do
      all[i] = skein.task(function()
        skein.sleep(0.001)
        sum = sum + 1
      end)
    end
    for i = 1, n do all[i]:get() end
    assert.equal(n, sum)
  end))

  it("survives a foreign coroutine.yield", task(function()
    local t = skein.task(function()
      coroutine.yield(1, 2, 3)
      return "on"
    end)
    assert.equal("on", t:get())
  end))

  it("cannot wait where Lua cannot yield, and says so", task(function()
    local t = skein.task(table.sort, { 3, 2, 1 }, function(a, b)
      skein.sleep(0.001)
      return a < b
    end)
    assert.matches("task_spec.lua:%d+: cannot wait here: Lua cannot yield inside "
      .. "function 'table.sort'", support.failure(t.get, t))
    local inner = skein.task(string.gsub, "x", "x", function()
      local ok, err = pcall(skein.timeout, 1, skein.yield)
      assert(not ok)
      error(err, 0)
    end)
    assert.matches("inside function 'string.gsub'", support.failure(inner.get, inner))
    local co = coroutine.wrap(function() skein.sleep(0.001) end)
    if not skein.installed then
      assert.error_matches(co, "skein.coroutine")
    end
    table.sort({ 3, 2, 1 }, function(a, b)
      skein.channel():put(1) -- need not wait
      return a < b
    end)
  end))

  it("may wait anywhere at top level", function()
    local n = 0
    table.sort({ 3, 2, 1 }, function(a, b)
      skein.sleep(0.0001)
      n = n + 1
      return a < b
    end)
    assert.is_true(n > 0)
  end)

  it("cannot be resumed by a stranger", task(function()
    local co
    local t = skein.task(function()
      co = coroutine.running()
      skein.sleep(10)
    end)
    skein.yield()
    coroutine.resume(co)
    assert.is_false(pcall(t.get, t))
    assert.equal("failed", t:status())
    local idle
    skein.task(function() idle = coroutine.running() end):get()
    assert.is_false(coroutine.resume(idle))
    assert.equal(1, skein.task(function() return 1 end):get())
  end))
end)

describe("a stranger who resumes a task that waits", function()
  --- Resumes, from outside, the coroutine of a task that waits in `fn`; `grant`
  --- is called in between. The task fails.
  local function intrude(fn, grant)
    local co
    local t = skein.task(function()
      co = coroutine.running()
      fn()
    end)
    skein.yield()
    grant()
    coroutine.resume(co)
    assert.is_false(pcall(t.get, t))
    assert.equal("failed", t:status())
  end

  local function nothing() end

  it("takes no item, granted already or not", task(function()
    local q = skein.queue()
    intrude(function() q:get() end, nothing)
    intrude(function() q:get() end, function() q:put("item") end)
    assert.equal("item", q:get(0))
    local full = skein.queue(1)
    full:put(1)
    intrude(function() full:put(2) end, nothing)
    assert.equal(1, full:get(0))
    assert.same({ nil, "timeout" }, { full:get(0) })
    local c = skein.channel()
    intrude(function() c:get() end, nothing)
    c:put("item")
    assert.equal("item", c:get(0))
  end))

  it("takes no lock, granted already or not", task(function()
    local l = skein.lock()
    l:acquire()
    intrude(function() l:acquire() end, nothing)
    intrude(function() l:acquire() end, function() l:release() end)
    assert.same({ true, "abandoned" }, { l:acquire(0) })
    l:release()
    local s = skein.semaphore(0)
    intrude(function() s:acquire() end, function() s:release() end)
    assert.equal(1, s:value())
  end))

  it("takes nothing of a select", task(function()
    local q, c = skein.queue(), skein.channel()
    local function either() skein.select { q, c } end
    intrude(either, nothing)
    intrude(either, function() q:put("item") end)
    assert.equal("item", q:get(0))
    c:put("item")
    assert.equal("item", c:get(0))
  end))
end)

describe("an error nobody asked for", function()
  it("is told once, with name and traceback", function()
    local out = support.program([[
      local skein = require("skein")
      skein.task({ name = "lost" }, function() error("not seen") end)
      skein.yield()
      collectgarbage()
      print("gone")
    ]])
    assert.matches("task 'lost' failed: .*not seen\nstack traceback:", out)
    assert.matches("gone\n$", out)
    local _, count = out:gsub("not seen", "")
    assert.equal(1, count)
  end)

  it("is told at the end of the program", function()
    local out = support.program([[
      local skein = require("skein")
      Kept = skein.task(function() error("kept") end)
      skein.yield()
      print("end")
    ]])
    assert.matches("^end\nskein: task %d+ failed: .*kept", out)
  end)

  it("is not told when someone asked", function()
    local out = support.program([[
      local skein = require("skein")
      local a = skein.task(error, "a")
      local b = skein.task(error, "b")
      local c = skein.task(error, "c")
      pcall(a.get, a)
      b:join()
      b:error()
      c:on_done(function(h) h:error() end)
      local d = skein.task(skein.sleep, 10)
      skein.yield()
      d:cancel()
      d:join()
      a, b, c, d = nil, nil, nil, nil
      collectgarbage()
      collectgarbage()
    ]])
    assert.equal("", out)
  end)

  it("goes to on_error's function", task(function()
    local got = {}
    skein.on_error(function(err, text) got = { err, text } end)
    skein.task({ name = "x" }, error, "boom", 0):join()
    collectgarbage()
    skein.on_error(nil)
    assert.equal("boom", got[1])
    assert.matches("task 'x' failed: boom", got[2])
  end))
end)
