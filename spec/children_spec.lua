--- skein.process from the side of the parent: wrong use, many children, and what
--- a child finds of its parent.

local core = require("skein.core")
local skein = require("skein")
local support = require("spec.support")
local family = require("spec.family")
local program = require("spec.program")
local shell = require("spec.shell")

local failure, kind, test = support.failure, support.kind, family.test

local function start(method, ...)
  return skein.process({ method = method }, ...)
end

setup(family.server)

describe("skein.process", function()
  it("rejects wrong use at the caller's line", test(function()
    local function wrong(text, ...)
      local args = table.pack(...)
      local err = failure(function() skein.process(table.unpack(args, 1, args.n)) end)
      assert.match(text, err)
      assert.match("children_spec.lua:%d+", err)
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
    assert.error_matches(function() p:signal() end, "name or number of a signal expected, got no")
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
    wrong("^cannot send upvalue 'file' of function <.*children_spec.lua:%d+>: file",
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

  it("does so in whatever way it is waited for", test(function()
    local others = {
      process = skein.process(skein.sleep, 60), command = skein.command { "sleep", 60 },
    }
    for what, other in pairs(others) do
      local ways = {
        select = function() skein.select({ other }, 0) end,
        get = function() skein.select({ { other, "get" } }, 0) end,
        wait = function() skein.wait({ skein.channel(), other }, 0) end,
        timeout = function() skein.timeout(1, other) end,
        all = function() skein.all { other } end,
        race = function() skein.race { print, other } end,
      }
      for way, fn in pairs(ways) do
        assert.match("children_spec.lua:%d+: only the process that started it can ask a " .. what,
          skein.process(support.failure, fn):get(), nil, nil, way)
      end
      other:kill()
      other:join()
    end
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
    for _, method in ipairs { "fork", "server" } do
      local list = {}
      for i = 1, 100 do list[i] = start(method, function() return i end) end
      for i = 1, 100 do assert.equal(i, list[i]:get()) end
    end
  end))

  it("tells of a death by any signal", function()
    local output = program.run([[
      for _, method in ipairs { "fork", "spawn", "server" } do
        for _, name in ipairs { "SEGV", "ABRT", "HUP" } do
          local p = skein.process({ method = method }, function(signal)
            os.execute(("kill -%s %d"):format(signal, require("skein").self().pid))
            require("skein").sleep(60)
          end, name)
          local ok, err = pcall(p.get, p)
          print(err.kind, err.signal, err.message:match("killed by.*"), p:exitcode(), p:status())
        end
      end
    ]], "ulimit -c 0;")
    assert.equal(("killed\t11\tkilled by signal 11 (SIGSEGV)\t-11\tfailed\n"
      .. "killed\t6\tkilled by signal 6 (SIGABRT)\t-6\tfailed\n"
      .. "killed\t1\tkilled by signal 1 (SIGHUP)\t-1\tfailed\n"):rep(3), output)
  end)

  it("tells of a core dump", function()
    shell.scratch(function(dir)
      local output = program.run([[
        for _, method in ipairs { "fork", "server" } do
          local p = skein.process({ method = method }, function()
            os.execute("kill -ABRT " .. require("skein").self().pid)
            require("skein").sleep(60)
          end)
          p:join()
          print(p:exitcode(), p:error().message)
        end
      ]], "ln -s $PWD/* " .. dir .. "; cd " .. dir .. "; ulimit -c unlimited;")
      local cores = select(2, shell.run("ls -d " .. dir .. "/core*"))
      local dumped = output:find("core dumped", 1, true)
      assert.match("^%-6\t.*%(SIGABRT%).*\n%-6\t.*%(SIGABRT%)", output)
      -- where the system is told to write them elsewhere there is no telling
      if not cores:find("No such") then assert.truthy(dumped) end
    end)
  end)

  --- What must not grow: bytes and objects of the family, pages of this process.
  local function weight()
    collectgarbage()
    collectgarbage()
    local objects, bytes = core.arena()
    local file <close> = io.open("/proc/self/statm")
    return objects, bytes, tonumber(file:read("a"):match("^%d+ (%d+)"))
  end

  for method, n in pairs { fork = 1000, spawn = 60, server = 300 } do
    it(("starts %d in sequence by %s, which weigh nothing"):format(n, method), test(function()
      local function one(i) return start(method, function(k) return k end, i):get() end
      for i = 1, 20 do one(i) end -- what only grows once
      local objects, bytes, pages = weight()
      for i = 1, n do assert.equal(i, one(i)) end
      local now, used, size = weight()
      assert.equal(objects, now)
      assert.equal(bytes, used)
      assert.is_true(size - pages < 250, ("%d pages more"):format(size - pages))
    end))
  end

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
