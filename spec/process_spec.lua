--- skein.process, by fork and in a fresh interpreter.

local core = require("skein.core")
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

describe("the helper", function()
  local function serve(...) return start("server", ...) end

  local function kill(pid) os.execute("kill -KILL " .. pid) end

  --- Until it is gone, also as a zombie: whoever needs it next has another.
  local function replaced(old)
    return family.helpers()[1] ~= old
  end

  it("is one, and no child of the user's", test(function()
    local one = family.helpers()
    assert.equal(1, #one)
    local a, b = serve(skein.sleep, 60), serve(skein.sleep, 60)
    assert.same({ a, b }, skein.children())
    assert.same(one, family.helpers())
    a:kill()
    b:kill()
    assert.is_true(a:join(5) and b:join(5))
  end))

  it("forks many at once, which end in any order", test(function()
    local list, sum = {}, 0
    for i = 1, 100 do list[i] = serve(function(n) return n end, i) end
    for i = 100, 1, -1 do sum = sum + list[i]:get() end
    assert.equal(5050, sum)
    for i = 1, 300 do assert.equal(i, serve(function(n) return n end, i):get()) end
  end))

  it("takes its children along when it is killed, and is replaced", test(function()
    for _ = 1, 5 do
      local old = family.helpers()[1]
      local a, b = serve(family.spin), serve(skein.sleep, 60)
      local done = serve(function() return "done" end)
      done:join()
      local forked = skein.process(skein.sleep, 60)
      kill(old)
      for _, p in ipairs { a, b } do
        local err = failure(p.get, p, 5)
        assert.equal("killed", err.kind)
        assert.equal(9, err.signal)
        assert.equal(-9, p:exitcode())
        assert.is_false(family.runs(p.pid))
      end
      assert.equal("done", done:get())
      assert.is_true(forked:alive())
      forked:kill()
      forked:join()
      assert.equal("again", serve(function() return "again" end):get())
      assert.is_true(replaced(old))
    end
  end))

  it("is replaced whatever it did when it was killed", test(function()
    for i = 1, 20 do
      kill(family.helpers()[1])
      if i % 2 == 0 then skein.sleep(0.0005 * i) end
      assert.equal(i, serve(function(n) return n end, i):get())
    end
  end))

  it("does not hear what ends others", test(function()
    local old = family.helpers()[1]
    for _, name in ipairs { "INT", "TERM", "HUP", "USR1" } do
      os.execute(("kill -%s %d"):format(name, old))
    end
    assert.equal(1, serve(function() return 1 end):get())
    assert.equal(old, family.helpers()[1])
  end))

  it("knows how it ended though nobody asked for long", test(function()
    local list = {}
    for i = 1, 20 do list[i] = serve("os.exit", i) end
    for _, p in ipairs(list) do family.ends(p.pid) end
    for i, p in ipairs(list) do
      assert.is_true(p:done())
      assert.equal(i, p:exitcode())
    end
  end))

  it("is each process's own", test(function()
    local p = serve(function()
      local inner = require("skein")
      local q = inner.process({ method = "server" }, function()
        return require("skein").parent().pid
      end)
      return q:get() == inner.self().pid
    end)
    assert.is_true(p:get())
    -- a forked child does not use its parent's
    assert.same({ true, 0 }, { skein.process(function()
      local n = #family.helpers()
      local function parent() return require("skein").parent().pid end
      local q = start("server", parent)
      return q:get() == skein.self().pid, n
    end):get() })
  end))

  it("serves threads, also beyond the one that needed it first", test(function()
    local function work()
      local inner = require("skein")
      local list = {}
      for i = 1, 5 do
        list[i] = inner.process({ method = "server" }, function(n) return n end, i)
      end
      local sum = 0
      for _, p in ipairs(list) do sum = sum + p:get() end
      return sum
    end
    kill(family.helpers()[1])
    local a, b = skein.thread(work), skein.thread(work)
    assert.same({ 15, 15 }, { a:get(), b:get() })
    local p = serve(function() return "main" end)
    assert.equal("main", p:get())
    local ended = skein.thread(function()
      require("skein").process({ method = "server", daemon = true },
        function() while true do end end)
    end)
    assert.is_true(ended:join(5))
  end))

  it("hands no descriptor to a child, its own or what was open by chance", test(function()
    local function list()
      local pipe <close> = io.popen("ls -l /proc/" .. require("skein").self().pid .. "/fd")
      return pipe:read("a")
    end
    kill(family.helpers()[1])
    local file <close> = io.open("/dev/zero")
    assert.truthy(file)
    assert.match("zero", start("spawn", list):get())
    local seen = serve(list):get()
    assert.is_nil(seen:find("zero", 1, true))
    local others = {}
    for fd, target in seen:gmatch("(%d+) %-> (%S+)") do
      if tonumber(fd) > 2 then others[target:match("^%a+") or target:match("memfd")] = fd end
    end
    -- the memory, what rings others, the pipe of this very question
    assert.same({ memfd = others.memfd, socket = others.socket, pipe = others.pipe }, others, seen)
    assert.truthy(others.memfd and others.socket and others.pipe, seen)
  end))
end)

describe("skein.process", function()
  it("rejects wrong use at the caller's line", test(function()
    local function wrong(text, ...)
      local args = table.pack(...)
      local err = failure(function() skein.process(table.unpack(args, 1, args.n)) end)
      assert.match(text, err)
      assert.match("process_spec.lua:%d+", err)
    end
    wrong("function or \"module.function\" expected, got no value")
    wrong("function or \"module.function\" expected, got nil", nil)
    wrong("function or \"module.function\" expected, got number", 5)
    wrong("function or \"module.function\" expected", {}, {})
    wrong("unknown option 'nmae'", { nmae = 1 }, print)
    wrong("name: string expected, got number", { name = 1 }, print)
    wrong("start: boolean expected", { start = 1 }, print)
    wrong("daemon: boolean expected", { daemon = "no" }, print)
    wrong("unknown method 'thread'", { method = "thread" }, print)
    local p = skein.process({ start = false }, print)
    assert.error_matches(function() p.join(5) end, "bad argument")
    assert.error_matches(function() p:signal("TERMINATE") end, "unknown signal 'TERMINATE'")
    assert.error_matches(function() p:signal(1000) end, "unknown signal")
    assert.error_matches(function() p:signal(1.5) end, "unknown signal")
  end))

  it("says what cannot be sent to a fresh interpreter, and starts nothing", test(function()
    local function wrong(text, ...)
      for _, method in ipairs { "spawn", "server" } do
        local err = failure(skein.process, { method = method }, ...)
        assert.equal("transfer", err.kind)
        assert.match(text, err.message)
      end
    end
    local file = io.stdout
    wrong("^cannot send argument 2: field 'x': file", function() end, 1, { x = file })
    wrong("^cannot send upvalue 'file' of function <.*process_spec.lua:%d+>: file",
      function() return file end)
    wrong("coroutine", function() end, coroutine.create(print))
    local p = skein.process({ method = "spawn", start = false }, function() end, file)
    for _ = 1, 2 do -- it stays new, and says it again
      assert.equal("transfer", failure(p.start, p).kind)
      assert.equal("new", p:status())
    end
  end))

  it("forks with whatever it is given", test(function()
    local co = coroutine.wrap(function() coroutine.yield(1) return 2 end)
    assert.equal(1, co())
    local p = skein.process(function(f, file) return f(), io.type(file) end, co, io.stdout)
    assert.same({ 2, "file" }, { p:get() })
    assert.equal(2, co())
  end))

  it("forks from inside a task", test(function()
    local t = skein.task(function()
      local mine = skein.self().id
      local p = skein.process(function(id)
        local self = skein.self()
        return self.kind, self.id ~= id
      end, mine)
      return p:get()
    end)
    assert.same({ "process", true }, { t:get() })
  end))

  it("forks from inside a coroutine, a pcall and a sort", test(function()
    local p
    local co = coroutine.wrap(function()
      pcall(table.sort, { 2, 1 }, function()
        p = skein.process(function() return coroutine.isyieldable(), skein.now() > 0 end)
        error("enough")
      end)
    end)
    co()
    assert.same({ false, true }, { p:get() })
  end))

  it("leaves the tasks of the parent to the parent", test(function()
    local q = skein.queue()
    local e, _ <close> = skein.pipe() -- without the other end recv is over
    local log = {}
    local waiting = {
      skein.task(function() table.insert(log, (q:get())) end),
      skein.task(function() table.insert(log, (e:recv())) end),
      skein.task(function()
        skein.sleep(0.05)
        table.insert(log, "slept")
      end),
    }
    skein.yield()
    local p = skein.process(function()
      -- they do not run here, and what they say is that they were cancelled
      skein.sleep(0.1)
      local how = {}
      for i, t in ipairs(waiting) do how[i] = t:status() end
      local ok, err = pcall(waiting[1].get, waiting[1])
      return #log, table.concat(how, " "), ok, skein.is_cancelled(err)
    end)
    assert.same({ 0, "cancelled cancelled cancelled", false, true }, { p:get() })
    q:put("item")
    waiting[1]:join()
    assert.same({ "slept", "item" }, log)
    waiting[2]:cancel()
    waiting[2]:join()
  end))

  it("does not hand a parent's waits to the child", test(function()
    local q = skein.queue()
    local getter = skein.task(function() return q:get() end)
    skein.yield()
    -- the child puts: the getter in the parent has it
    skein.process(function() q:put("from the child") end):join()
    assert.equal("from the child", getter:get())
  end))

  it("keeps the handles of siblings to the one who started them", test(function()
    local other = skein.process(require("skein").sleep, 60)
    local p = skein.process(function()
      local err = support.failure(other.join, other)
      return err, #skein.children(), pcall(other.kill, other)
    end)
    local err, n, ok = p:get()
    assert.match("only the process that started it", err)
    assert.equal(0, n)
    assert.is_false(ok)
    assert.is_true(other:alive())
    other:kill()
    other:join()
  end))

  it("lists the live ones, oldest first", test(function()
    assert.same({}, skein.children())
    local a, b = skein.process(skein.sleep, 60), skein.process(skein.sleep, 60)
    local c = skein.process(function() end)
    while family.runs(c.pid) do skein.sleep(0.001) end
    assert.same({ a, b }, skein.children())
    assert.is_true(c:done()) -- nobody has waited for it
    a:kill()
    b:kill()
    a:join()
    b:join()
    assert.same({}, skein.children())
  end))

  it("starts a hundred at once", test(function()
    local list = {}
    for i = 1, 100 do list[i] = skein.process(function() return i end) end
    for i = 1, 100 do assert.equal(i, list[i]:get()) end
  end))

  it("starts three hundred in sequence", test(function()
    for i = 1, 300 do assert.equal(i, skein.process(function() return i end):get()) end
  end))

  it("does not pass descriptors of siblings on", test(function()
    local first = {}
    local function count()
      local n = 0
      for _ in io.popen("ls -l /proc/" .. skein.self().pid .. "/fd"):lines() do n = n + 1 end
      return n
    end
    for i = 1, 5 do first[i] = skein.process(skein.sleep, 60) end
    local late = skein.process(count):get()
    for _, p in ipairs(first) do p:kill() p:join() end
    -- not one more for each of them
    assert.is_true(late < skein.process(count):get() + #first)
  end))

  it("draws other random numbers in each child", test(function()
    local seen = {}
    for _ = 1, 5 do
      for _, method in ipairs { "fork", "spawn", "server" } do
        local n = start(method, "math.random", 1 << 60):get()
        assert.is_nil(seen[n])
        seen[n] = true
      end
    end
  end))

  it("is refused while other threads live, and names the alternatives", test(function()
    local q = skein.queue()
    local t = skein.thread(function() q:get() end)
    local err = failure(skein.process, print)
    assert.match("cannot fork while other threads", err)
    for _, method in ipairs { "spawn", "server" } do
      assert.match("method = \"" .. method .. "\"", err)
      assert.equal(1, skein.process({ method = method }, function() return 1 end):get())
    end
    q:put(1)
    t:join()
    for _ = 1, 20 do -- at once after the end of a thread
      skein.thread(function() end):join()
      assert.equal(2, skein.process(function() return 2 end):get())
    end
  end))

  it("is not disturbed by what guards the globals", test(function()
    for _, method in ipairs { "fork", "spawn", "server" } do
      assert.equal(5, skein.process(function(how)
        setmetatable(_G, { __index = function(_, k) error("undeclared " .. k) end })
        arg = nil -- luacheck: ignore
        return require("skein").process({ method = how }, function() return 5 end):get()
      end, method):get())
    end
  end))

  it("inherits the search paths and arg", test(function()
    local before = package.path
    for _, method in ipairs { "spawn", "server" } do
      package.path = before .. ";/" .. method -- as it is now
      local path, cpath, a = skein.process({ method = method }, function()
        return package.path, package.cpath, arg
      end):get()
      assert.equal(before .. ";/" .. method, path)
      assert.equal(package.cpath, cpath)
      assert.same(arg, a)
    end
    package.path = before
  end))

  it("raises and starts nothing when there are no descriptors", test(function()
    local err = skein.process(function()
      skein.sleep(0) -- the scheduler has its own
      local files = {}
      while true do
        local f = io.open("/dev/null")
        if not f then break end
        files[#files + 1] = f
      end
      local bad = support.failure(skein.process, function() end)
      for _, f in ipairs(files) do f:close() end
      return bad, skein.process(function() return "well" end):get()
    end)
    local bad, well = err:get()
    assert.match("cannot start a process: Too many open files", bad)
    assert.equal("well", well)
  end))

  it("gives back a lock that a killed one held", test(function()
    local l, q = skein.lock(), skein.queue()
    local p = skein.process(function()
      l:acquire()
      q:put(1)
      skein.sleep(60)
    end)
    q:get()
    p:kill()
    assert.same({ true, "abandoned" }, { l:acquire(5) })
    l:release()
    p:join()
  end))

  it("can be selected, raced and mapped over", test(function()
    local slow <close> = skein.process(skein.sleep, 60)
    assert.equal(2, (skein.select({ slow, skein.process(function() end) }, 5)))
    assert.same({ n = 3, 1, 4, 9 }, skein.map({ 1, 2, 3 }, function(n)
      return skein.process(function() return n * n end):get()
    end))
    assert.same({ 2, "fast" }, { skein.race { slow, skein.process(function() return "fast" end) } })
    assert.is_true(slow:done())
  end))

  it("ends with the timeout around it", test(function()
    local p
    assert.equal("timeout", kind(skein.timeout, 0.02, function()
      p = skein.process(family.spin)
      local own <close> = p
      own:get()
    end))
    assert.equal("cancelled", p:status())
    p = skein.process(skein.sleep, 60)
    assert.equal("timeout", kind(skein.timeout, 0.02, p))
    assert.is_true(p:done())
  end))

  it("sends back what is large", test(function()
    local text = ("x"):rep(5000000)
    for _, method in ipairs { "fork", "spawn", "server" } do
      local p = skein.process({ method = method }, function(s) return s, #s end, text)
      p:join() -- depends on no draining
      local s, n = p:get()
      assert.equal(5000000, n)
      assert.is_true(s == text)
    end
  end))

  it("passes handles to shared things through results", test(function()
    local q = skein.process(function()
      local made = skein.queue()
      made:put("inside")
      return made
    end):get()
    assert.equal("inside", q:get(1))
  end))

  it("leaves no arena objects when all is over", function()
    collectgarbage()
    assert.equal("number", type((core.arena())))
  end)
end)
