--- skein.thread: functions in OS threads, each in a Lua state of its own.

local skein = require("skein")
local support = require("spec.support")
local family = require("spec.family")

local failure, kind, test = support.failure, support.kind, family.test

--- The error of a thread.
local function raises(...)
  local t = skein.thread(...)
  return failure(t.get, t)
end

--- Calls `body` with a list of what on_error is told meanwhile.
local function reports(body)
  local list = {}
  skein.on_error(function(err, text) list[#list + 1] = { err = err, text = text } end)
  local ok, err = pcall(body, list)
  skein.on_error(nil)
  if not ok then error(err, 0) end
end

setup(family.server)

describe("a thread", function()
  it("returns all results, nils included, again and again", test(function()
    local t = skein.thread(function(...) return nil, ..., nil end, 1, nil)
    assert.same({ n = 3, nil, 1, nil }, table.pack(t:get()))
    assert.same({ n = 3, nil, 1, nil }, table.pack(t:get(0)))
    assert.equal("finished", t:status())
    assert.is_true(t:done())
    assert.is_nil(t:error())
    assert.is_nil(t.pid)
    assert.same({ n = 0 }, table.pack(skein.thread(function() end):get()))
    assert.equal("number", type(t.id))
  end))

  it("is a fresh state in the same process", test(function()
    marker = 1 -- luacheck: ignore
    local t = skein.thread({ name = "tom" }, function()
      local self = require("skein").self()
      return self.pid, self.kind, self.name, marker, package.path, arg -- luacheck: ignore
    end)
    local pid, what, name, mark, path, a = t:get()
    marker = nil -- luacheck: ignore
    assert.equal(skein.self().pid, pid)
    assert.equal("thread", what)
    assert.equal("tom", name)
    assert.equal("tom", t.name)
    assert.is_nil(mark)
    assert.equal(package.path, path)
    assert.same(arg, a)
    assert.is_nil((skein.thread(function() return (require("skein").parent()) end):get()))
    assert.same({}, skein.thread(function() return require("skein").children() end):get())
  end))

  it("begins with what it needs, and loads the rest when that is asked for", test(function()
    local l, v, a = skein.lock(), skein.value(1), skein.array("int8", 2)
    local t = skein.thread(function(lock, value, array)
      local before = package.loaded["skein.core"]
      lock:acquire()
      lock:release()
      local sum = value:add(1) + #array
      local none = package.loaded["skein.core"]
      local held = lock:with(function() return value:with(function(x) return x + 1 end) end)
      do
        local _ <close> = lock:hold()
        assert(not pcall(lock.acquire, lock))
      end
      array:with(function() array[2] = 7 end)
      local loaded = require("skein.core") == package.loaded["skein.core"]
      return before, none, sum, held, loaded, require("skein").self().kind, lock.nothing
    end, l, v, a)
    assert.same({ n = 7, nil, nil, 4, 3, true, "thread", nil }, table.pack(t:get()))
    assert.equal(7, a[2])
    assert.equal("thread", skein.thread(function() return skein.self().kind end):get())
    assert.is_true(skein.thread(function(condition) -- brings its lock along
      condition:acquire()
      condition:release()
      return package.loaded["skein.core"] == nil
    end, skein.condition()):get())
  end))

  it("has the library of its starter, whatever its paths are", test(function()
    local function using()
      package.path, package.cpath = "", ""
      local own = require("skein")
      return own.map({ 1, 2 }, function(x) return 2 * x end), pcall(require, "skein.nothing")
    end
    skein.thread(function() require("skein") end):get() -- it has been read now
    local list, found, err = skein.thread(using):get()
    assert.same({ n = 2, 2, 4 }, list)
    assert.is_false(found)
    assert.match("module 'skein.nothing' not found", err)
  end))

  it("tells of a deadlock without having loaded the library", test(function()
    local alone = skein.event()
    local t = skein.thread(function(event, queue)
      event:wait()
      queue:get()
    end, alone, skein.queue())
    collectgarbage()
    collectgarbage()
    alone:set()
    local err = tostring(failure(t.get, t, 10))
    assert.match("can never come", err)
    assert.match("waiting for queue get", err)
  end))

  it("runs truly in parallel", test(function()
    -- one that spins for ever does not keep another from running
    local t = skein.thread(family.spin)
    assert.equal(3, skein.thread(function() return 3 end):get(5))
    t:cancel()
    t:join()
  end))

  it("gets copies; what is shared stays shared", test(function()
    local t = { 1 }
    local u, v = skein.thread(function(x) t[2] = "here" return x, t end, t):get()
    assert.equal(u, v)
    assert.same({ 1, "here" }, u)
    assert.same({ 1 }, t)
  end))

  it("runs a function by its name", test(function()
    assert.equal("abab", skein.thread("string.rep", "ab", 2):get())
    assert.match("nosuch", raises("nosuch.fn").message)
  end))

  it("says what cannot be sent, and starts nothing", test(function()
    local function wrong(text, ...)
      local args = table.pack(...)
      local err = failure(function() skein.thread(table.unpack(args, 1, args.n)) end)
      assert.equal("transfer", err.kind)
      assert.match(text, err.message)
      assert.match("thread_spec.lua:%d+", err.where)
    end
    local file = io.stdout
    wrong("^cannot send argument 2: field 'x': file", function() end, 1, { x = file })
    wrong("upvalue 'file' of function <.*thread_spec.lua:%d+>: file", function() return file end)
    local t = skein.thread({ start = false }, function() end, file)
    for _ = 1, 2 do
      assert.equal("transfer", failure(t.start, t).kind)
      assert.equal("new", t:status())
    end
  end))

  it("tells of any error", test(function()
    local err = raises(error, "plain", 0)
    assert.equal("error", err.kind)
    assert.equal("plain", err.value)
    assert.match("^thread '.+'$", err.source)
    assert.match("traceback", err.traceback)
    assert.match("plain\n  in thread", tostring(err))
    assert.is_nil(raises(error, nil).value)
    assert.same({ code = 5 }, raises(error, { code = 5 }).value)
    assert.equal("closed", raises(function()
      error(require("skein.core").error { kind = "closed", message = "m" })
    end).value.kind)
    err = raises(function() error(io.stdout) end)
    assert.is_nil(err.value)
    assert.match("file %(0x", err.message)
    err = raises(function() return io.stdout end)
    assert.match("cannot return result 1: file", err.message)
    assert.equal("transfer", err.value.kind)
    err = raises(function()
      error(setmetatable({}, { __tostring = function() error("no") end }))
    end)
    assert.equal("(error object is a table value)", err.message)
  end))

  it("begins when it is told to", test(function()
    local t = skein.thread({ start = false }, function(...) return ... end, nil, 2, nil)
    assert.equal("new", t:status())
    assert.error_matches(function() t:join() end, "not started")
    assert.equal(t, t:start())
    assert.error_matches(function() t:start() end, "started already")
    assert.same({ n = 3, nil, 2, nil }, table.pack(t:get()))
  end))

  it("that never begins leaves nothing", test(function()
    local t = skein.thread({ start = false }, function() end)
    assert.is_true(t:cancel("why"))
    assert.is_false(t:cancel())
    assert.equal("why", failure(t.get, t).reason)
    assert.error_matches(function() t:start() end, "cancelled already")
    local _ <close> = skein.thread({ start = false }, function() end)
  end))

  it("can be waited for with a limit", test(function()
    local t <close> = skein.thread(family.spin)
    local begin = skein.now()
    assert.equal("timeout", kind(t.get, t, 0.02))
    assert.same({ n = 2, nil, "timeout" }, table.pack(t:join(0.02)))
    assert.is_true(skein.now() - begin >= 0.04)
    assert.equal("running", t:status())
  end))

  it("ends when cancelled, waiting or not, and cleans up", test(function()
    for _, wait in ipairs { true, false } do
      local there, here = skein.pipe()
      local t = skein.thread(function(e)
        local inner = require("skein")
        local _ <close> = setmetatable({}, {
          __close = function() inner.shield(e.send, e, "clean") end,
        })
        e:send("begun")
        if wait then inner.sleep(60) end
        while true do end
      end, there)
      assert.equal("begun", here:recv())
      assert.is_true(t:cancel("enough"))
      assert.equal("clean", here:recv(5))
      assert.is_true(t:join(5))
      assert.equal("cancelled", t:status())
      local err = failure(t.get, t)
      assert.is_true(skein.is_cancelled(err))
      assert.equal("enough", err.reason)
      assert.equal(err, t:error())
      assert.is_false(t:cancel())
    end
  end))

  it("ends when cancelled inside coroutines of its user", test(function()
    for _, inside in ipairs { "wrap", "resume", "both" } do
      local q = skein.queue()
      local t = skein.thread(function(how)
        local function deep()
          q:put(true)
          while true do end
        end
        if how == "wrap" then
          coroutine.wrap(deep)()
        elseif how == "resume" then
          error(select(2, coroutine.resume(coroutine.create(deep))), 0)
        else
          coroutine.wrap(function()
            local co = coroutine.create(deep)
            for _ = 1, 3 do assert(coroutine.resume(co)) end
          end)()
        end
      end, inside)
      q:get()
      t:cancel()
      assert.is_true(t:join(5), inside)
      assert.equal("cancelled", t:status())
    end
  end))

  it("draws other random numbers than the one before it", test(function()
    local seen = {}
    for _ = 1, 10 do
      local n = skein.thread("math.random", 1 << 60):get()
      assert.is_nil(seen[n])
      seen[n] = true
    end
  end))

  it("ends when cancelled at once, whatever it has got to", test(function()
    for i = 1, 40 do
      local t = skein.thread(function() while true do end end)
      if i % 2 == 0 then skein.sleep(0.00005 * (i % 10)) end
      t:cancel()
      assert.is_true(t:join(5))
      assert.equal("cancelled", t:status())
    end
  end))

  it("ends when cancelled in a loop that swallows errors and waits", test(function()
    local q = skein.queue()
    local t = skein.thread(function()
      local inner = require("skein")
      local n = 0
      q:put(true)
      while n < 3 do
        if not pcall(inner.sleep, 60) then n = n + 1 end
      end
      return n
    end)
    q:get()
    t:cancel() -- wherever it is: a wait raises first
    assert.equal(3, t:get(5)) -- it finished, with its results
    assert.equal("finished", t:status())
  end))

  it("is cancelled and waited for when left by <close>", test(function()
    local t
    do
      local own <close> = skein.thread(family.spin)
      t = own
    end
    assert.equal("cancelled", t:status())
  end))

  it("calls on_done once, in a wait", test(function()
    local seen = {}
    local t = skein.thread(function() end)
    assert.equal(t, t:on_done(function(h) seen[#seen + 1] = h end))
    t:join()
    skein.yield()
    assert.same({ t }, seen)
  end))

  it("has threads of its own", test(function()
    local function tree(n, make)
      if n == 0 then return 1 end
      local inner = require("skein")
      local a, b = inner.thread(make, n - 1, make), inner.thread(make, n - 1, make)
      return a:get() + b:get()
    end
    assert.equal(8, tree(3, tree))
  end))

  it("has processes of its own", test(function()
    assert.equal(7, skein.thread(function()
      local inner = require("skein")
      assert(not pcall(inner.process, print)) -- no fork beside other threads
      local gate = inner.queue()
      local function get(q) return q:get() end
      local p = inner.process({ method = "spawn" }, get, gate)
      local q = inner.process({ method = "server" }, get, gate)
      assert(#inner.children() == 2)
      gate:put(3)
      gate:put(4)
      return p:get() + q:get()
    end):get())
  end))

  it("joins the threads that it leaves behind, and kills its daemons", test(function()
    local q = skein.queue()
    skein.thread(function()
      local inner = require("skein")
      inner.thread(function()
        require("skein").sleep(0.02)
        q:put("joined")
      end)
      inner.process({ method = "spawn", daemon = true }, function() while true do end end)
      inner.process({ method = "server", daemon = true }, function() while true do end end)
    end):join()
    assert.equal("joined", q:get(0))
  end))

  it("loads C modules beside others that do, again and again", test(function()
    local there = {}
    for _, name in ipairs { "skein.core", "lfs", "term.core", "system.core" } do
      if pcall(require, name) then there[#there + 1] = name end
    end
    for _ = 1, 5 do
      local list = {}
      for i = 1, 16 do
        list[i] = skein.thread(function(names)
          local n = 0
          for _, name in ipairs(names) do n = n + (type(require(name)) == "table" and 1 or 0) end
          return n
        end, there)
      end
      for _, t in ipairs(list) do assert.equal(#there, t:get()) end
    end
  end))

  it("that cannot find what it is to run says so", test(function()
    local path, cpath = package.path, package.cpath
    package.path, package.cpath = "/nowhere/?.lua", "/nowhere/?.so"
    local t = skein.thread("no.such.module")
    local u = skein.thread(function() return require("no.such.module") end)
    local v = skein.thread(function() return package.path, package.cpath end)
    package.path, package.cpath = path, cpath
    assert.match("no.such", failure(t.get, t).message)
    assert.match("nowhere/no/such/module.lua", failure(u.get, u).message, 1, true)
    assert.same({ "/nowhere/?.lua", "/nowhere/?.so" }, { v:get() })
  end))

  it("starts 64 at once", test(function()
    local list = {}
    for i = 1, 64 do list[i] = skein.thread(function() return i end) end
    for i = 1, 64 do assert.equal(i, list[i]:get()) end
  end))

  it("starts 200 in sequence", test(function()
    for i = 1, 200 do assert.equal(i, skein.thread(function() return i end):get()) end
  end))

  it("works in a family of queues", test(function()
    local jobs, done = skein.queue(), skein.queue()
    local workers = {}
    for i = 1, 4 do
      workers[i] = skein.thread(function()
        for n in jobs:items() do done:put(n * n) end
      end)
    end
    for i = 1, 100 do jobs:put(i) end
    jobs:close()
    local sum = 0
    for _ = 1, 100 do sum = sum + done:get() end
    assert.equal(338350, sum)
    for _, t in ipairs(workers) do t:join() end
  end))

  it("lets tasks of its starter go on", test(function()
    local n = 0
    local t = skein.thread(function() require("skein").sleep(0.05) end)
    local counter = skein.task(function()
      for tick in skein.every(0.005) do n = tick end
    end)
    t:join()
    counter:cancel()
    assert.is_true(n >= 3)
  end))

  it("is a deadlock's way out only while it lives", test(function()
    local q = skein.queue()
    local t = skein.thread(function() require("skein").sleep(0.02) q:put(1) end)
    assert.equal(1, q:get())
    t:join()
  end))

  it("rejects wrong use at the caller's line", test(function()
    local function wrong(text, ...)
      local args = table.pack(...)
      local err = failure(function() skein.thread(table.unpack(args, 1, args.n)) end)
      assert.match(text, err)
      assert.match("thread_spec.lua:%d+", err)
    end
    wrong("function or \"module.function\" expected, got no value")
    wrong("function or \"module.function\" expected, got table", {}, {})
    wrong("unknown option 'method'", { method = "fork" }, print)
    wrong("name: string expected, got table", { name = {} }, print)
  end))

  it("does not lose items to a cancel at a wait", test(function()
    local from, to = skein.queue(), skein.queue()
    for i = 1, 200 do from:put(i) end
    local t = skein.thread(function()
      local inner = require("skein")
      while true do
        local v = from:get()
        inner.shield(to.put, to, v)
      end
    end)
    to:get()
    while from:size() > 0 do skein.sleep(0.001) end
    t:cancel()
    t:join()
    from:put("mine")
    assert.equal("mine", from:get(0))
  end))
end)

describe("a thread's error that nobody asks for", function()
  it("is reported once", test(function()
    reports(function(list)
      skein.thread({ name = "odd" }, error, "unasked", 0):join()
      collectgarbage()
      collectgarbage()
      assert.equal(1, #list)
      assert.equal("error", list[1].err.kind)
      assert.match("thread 'odd'", list[1].text)
      assert.match("unasked", list[1].text)
      assert.match("traceback", list[1].text)
      collectgarbage()
      assert.equal(1, #list)
    end)
  end))

  it("is not one if somebody asks", test(function()
    reports(function(list)
      local t = skein.thread(error, "asked", 0)
      pcall(t.get, t)
      t = skein.thread(error, "asked", 0)
      t:join()
      assert.match("asked", tostring(t:error()))
      t = skein.thread(error, "asked", 0):on_done(function() end)
      t:join()
      t = skein.thread(require("skein").sleep, 60)
      t:cancel()
      t:join()
      t = nil -- luacheck: ignore
      skein.yield()
      collectgarbage()
      collectgarbage()
      assert.same({}, list)
    end)
  end))
end)

describe("the memory of a thread and of a served process", function()
  --- Takes memory of all sizes, lets it go in another order, and looks at it.
  local function shuffle()
    local kept, dice, sum = {}, 1, 0
    for round = 1, 2000 do
      dice = dice * 1103515245 + 12345 & 0x7fffffff
      local size = (dice >> 8) % (round % 50 == 0 and 100000 or 2500)
      local list = {}
      for i = 1, size // 16 do list[i] = i end
      for i = size // 16, size // 32, -1 do list[i] = nil end
      kept[(dice >> 4) % 61] = { text = string.char(round % 256):rep(size), size, #list, list }
    end
    for _, k in pairs(kept) do
      assert(#k.text == k[1] and k.text == k.text:sub(1, 1):rep(k[1]))
      for i, x in ipairs(k[3]) do assert(x == i) end
      sum = sum + k[1] + #k[3] + k.text:byte()
    end
    return sum
  end

  it("is as good as any", test(function()
    local here = shuffle()
    local a, b = skein.thread(shuffle), skein.process({ method = "server" }, shuffle)
    assert.same({ here, here }, { a:get(), b:get() })
    assert.equal(here, skein.thread(shuffle):get())
  end))
end)
