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
      local path = "/proc/" .. require("skein").self().pid .. "/fd"
      -- late enough for popen to have closed the end that is not its own
      local pipe <close> = io.popen("sleep 0.05; ls -l " .. path)
      return pipe:read("a")
    end
    kill(family.helpers()[1])
    local file <close> = io.open("/dev/zero")
    assert.truthy(file)
    assert.match("zero", start("spawn", list):get())
    local seen = serve(list):get()
    assert.is_nil(seen:find("zero", 1, true))
    local others = {} -- but the standard streams
    for fd, target in seen:gmatch("(%d+) %-> (%S+)") do
      if tonumber(fd) > 2 then others[target] = target:match("memfd") or target:match("^%a+") end
    end
    local kinds = {}
    for _, kind in pairs(others) do kinds[#kinds + 1] = kind end
    table.sort(kinds)
    -- the memory, the pipe of this very question, the vault, what rings others
    assert.same({ "memfd", "pipe", "socket", "socket" }, kinds, seen)
  end))
end)
