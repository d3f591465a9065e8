--- The helper that forks the children of method "server".

local skein = require("skein")
local support = require("spec.support")
local family = require("spec.family")

local failure, test = support.failure, family.test

local function start(method, ...)
  return skein.process({ method = method }, ...)
end

setup(family.server)

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

  --- In a child: starts `fn` by the helper and tells who forked that.
  local function ask(fn, ...)
    local inner = require("skein")
    local p = inner.process({ method = "server" }, fn, ...)
    local file <close> = io.open(("/proc/%d/stat"):format(p.pid))
    return p, file and tonumber(file:read("a"):match("%) %a (%d+)"))
  end

  it("is the whole family's", test(function()
    local one = family.helpers()[1]
    local function child(start_one)
      local inner = require("skein")
      local q = inner.queue()
      local p, forker = start_one(function(release)
        release:get()
        return require("skein").parent().pid
      end, q)
      q:put(true)
      return forker, p:get() == inner.self().pid, #inner.children(), p:exitcode()
    end
    for _, method in ipairs { "fork", "spawn", "server" } do
      assert.same({ one, true, 0, 0 }, { start(method, child, ask):get() })
    end
    assert.same({ one }, family.helpers())
  end))

  it("ends the children of a client that is killed, and no others", test(function()
    for _, method in ipairs { "fork", "spawn", "server" } do
      local q = skein.queue()
      local mine = serve(function() require("skein").sleep(60) end)
      local victim = start(method, function(begin, queue)
        for i = 1, 4 do
          begin(function(out, n)
            out:put(require("skein").self().pid)
            if n % 2 == 0 then while true do end end
            require("skein").sleep(60)
          end, queue, i)
        end
        require("skein").sleep(60)
      end, ask, q)
      local pids = {}
      for i = 1, 4 do pids[i] = q:get() end
      victim:kill()
      victim:join()
      for _, pid in ipairs(pids) do assert.is_true(family.ends(pid)) end
      assert.is_true(mine:alive())
      assert.equal("well", serve(function() return "well" end):get())
      mine:kill()
      mine:join()
    end
  end))

  it("goes on whenever a client is killed", test(function()
    local one = family.helpers()
    for i = 1, 30 do
      local ready = skein.queue()
      local victim = skein.process(function()
        ready:put(true)
        while true do serve(function() return 1 end) end
      end)
      ready:get()
      skein.sleep(0.0003 * i)
      victim:kill()
      victim:join()
      assert.equal(i, serve(function(n) return n end, i):get())
    end
    assert.same(one, family.helpers())
  end))

  it("serves many at once", test(function()
    local clients = {}
    for i = 1, 12 do
      clients[i] = skein.process(function()
        local list, sum = {}, 0
        for n = 1, 15 do list[n] = serve(function(k) return k end, n) end
        for n = 15, 1, -1 do sum = sum + list[n]:get() end
        return sum, #family.helpers()
      end)
    end
    for _, p in ipairs(clients) do assert.same({ 120, 0 }, { p:get() }) end
  end))

  it("does not wait for a client that does not listen", test(function()
    local q = skein.queue()
    local deaf = skein.process(function()
      local list = {}
      for i = 1, 400 do list[i] = serve(function() end) end
      q:put(list[400].pid)
      family.spin()
    end)
    q:get()
    deaf:signal("STOP")
    for i = 1, 20 do assert.equal(i, serve(function(n) return n end, i):get(5)) end
    deaf:kill()
    deaf:join()
  end))

  it("that is killed takes the children of all clients along", test(function()
    local old = family.helpers()[1]
    local q = skein.queue()
    local client = skein.process(function()
      local p = serve(skein.sleep, 60)
      q:put(p.pid)
      local err = failure(p.get, p)
      return err.signal, serve(function() return "again" end):get()
    end)
    q:get()
    kill(old)
    assert.same({ 9, "again" }, { client:get(10) })
    assert.equal("again", serve(function() return "again" end):get())
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
    local function count()
      local n = 0
      for fd = 0, 255 do
        local info <close> = io.open("/proc/self/fdinfo/" .. fd)
        if info then n = n + 1 end
      end
      return n
    end
    local spawned, served = start("spawn", count):get(), serve(count):get()
    local file <close> = io.open("/dev/zero")
    assert.truthy(file)
    kill(family.helpers()[1]) -- the next one starts now
    assert.equal(spawned, start("spawn", count):get())
    assert.equal(served, serve(count):get())
    -- the streams, the memory, what is under way, what rings others
    assert.is_true(served <= 6)
  end))
end)
