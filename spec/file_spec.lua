local core = require("skein.core")
local skein = require("skein")
local support = require("spec.support")
local task = support.task

--- A test with the name of a file that is gone afterwards.
local function with_name(body)
  return task(function()
    local name = os.tmpname()
    local ok, err = pcall(body, name)
    os.remove(name)
    if not ok then error(err, 0) end
  end)
end

local function put(name, text)
  local file = assert(io.open(name, "wb"))
  file:write(text)
  file:close()
end

local function get(name)
  local file <close> = assert(io.open(name, "rb"))
  return file:read("a")
end

describe("file", function()
  it("is read as any stream", with_name(function(name)
    put(name, "one\ntwo\nthree")
    local f <close> = core.open(name)
    assert.equal("one", f:read("l"))
    assert.equal("two\n", f:read("L"))
    assert.equal("thr", f:read(3))
    assert.equal("ee", f:read())
    assert.same({ nil, "closed" }, { f:read() })
  end))

  it("is read and written in large pieces", with_name(function(name)
    local text = ("0123456789abcdef"):rep(1 << 18)
    local f <close> = core.open(name, "w+")
    assert.is_true(f:write(text))
    assert.equal(#text, f:seek())
    assert.equal(0, f:seek("set"))
    assert.is_true(f:read("a") == text)
    assert.is_true(get(name) == text)
  end))

  it("goes on where it has grown", with_name(function(name)
    put(name, "one\n")
    local f <close> = core.open(name)
    assert.equal("one\n", f:read())
    for i = 1, 3 do
      assert.same({ nil, "closed" }, { f:read() })
      assert.same({ nil, "closed" }, { f:read() })
      local more <close> = assert(io.open(name, "ab"))
      more:write("more ", i, "\n")
      more:close()
      assert.equal("more " .. i .. "\n", f:read("L"))
    end
  end))

  it("is written at its end, or over what was there", with_name(function(name)
    put(name, "0123456789")
    local f <close> = core.open(name, "a")
    f:write("a")
    local g <close> = core.open(name, "r+")
    assert.equal("01", g:read(2))
    g:write("xx")
    assert.equal("45", g:read(2))
    assert.equal("01xx456789a", get(name))
    local h <close> = core.open(name, "w")
    assert.equal("", get(name))
    h:write("new")
    assert.equal("new", get(name))
  end))

  it("has the modes of io.open, with a b or without", with_name(function(name)
    local modes = {}
    for _, mode in ipairs { "r", "w", "a", "r+", "w+", "a+" } do
      for _, behind in ipairs { "", "b" } do
        local did = {}
        for way, open in pairs { io = io.open, skein = skein.open } do
          put(name, "before")
          local f <close> = assert(open(name, mode .. behind))
          local written = f:write("X") and f:seek("cur") -- which flushes
          f:seek("set")
          did[way] = { written or "none", f:read("a") or "none" }
          f:close()
          did[way][3] = get(name)
        end
        assert.same(did.io, did.skein, mode .. behind)
        modes[#modes + 1] = did.io[3]
      end
    end
    assert.same({ "before", "before", "X", "X", "beforeX", "beforeX", "Xefore", "Xefore", "X", "X",
      "beforeX", "beforeX" }, modes)
    assert.has_error(function() skein.open(name, "br") end)
  end))

  it("seeks", with_name(function(name)
    put(name, "0123456789")
    local f <close> = core.open(name)
    f:read(2)
    assert.equal(2, f:seek())
    assert.equal(5, f:seek("cur", 3))
    assert.equal("5", f:read(1))
    assert.equal(8, f:seek("end", -2))
    assert.equal("89", f:read("a"))
    assert.equal(22, select(3, f:seek("set", -1)))
    assert.is_false(pcall(f.seek, f, "middle"))
    local a, b = core.net.pair()
    assert.equal(29, select(3, a:seek()))
    a:close()
    b:close()
  end))

  it("tells why it cannot be opened", task(function()
    assert.same({ nil, "/no/such/file: No such file or directory", 2 },
      { core.open("/no/such/file") })
    assert.equal(13 + 8, select(3, core.open("/", "w"))) -- is a directory
    assert.matches("bad argument #2 to '.-' %(invalid option 'x'%)",
      support.failure(function() core.open("/tmp", "x") end))
    assert.matches("path with a zero in it",
      support.failure(function() core.open("a\0b") end))
  end))

  it("tells why it cannot be read or written", with_name(function(name)
    local d <close> = core.open("/")
    assert.equal(21, select(3, d:read()))
    local r <close> = core.open(name)
    local ok, message, code = r:write("x")
    assert.same({ nil, "Bad file descriptor", 9 }, { ok, message, code })
    local full <close> = core.open("/dev/full", "w")
    assert.equal(28, select(3, full:write("x")))
  end))

  it("waits for a fifo that nobody writes, and lets others run", with_name(function(name)
    os.remove(name)
    assert(os.execute("mkfifo " .. name))
    local opening = skein.task(core.open, name)
    skein.sleep(0.01)
    assert.equal("running", opening:status())
    local f <close> = assert(core.open(name, "w")) -- meets the other one
    local g <close> = assert(opening:get())
    assert.is_true(f:write("through"))
    assert.equal("through", g:read())
    local reading = skein.task(g.read, g)
    skein.yield()
    f:close()
    assert.same({ nil, "closed" }, { reading:get() })
  end))

  it("is not opened when its opener is cancelled", with_name(function(name)
    os.remove(name)
    assert(os.execute("mkfifo " .. name))
    local opening = skein.task(core.open, name)
    skein.sleep(0.01)
    opening:cancel()
    opening:join()
    assert.equal("cancelled", opening:status())
    assert.same({ nil, "timeout" }, { core.open(name, "r", 0.01) })
    local f <close> = assert(core.open(name, "r+"))
    skein.sleep(0.05) -- both threads open it now, and drop it
    assert.is_true(f:write("x"))
    assert.equal("x", f:read())
  end))

  it("keeps what was read for a task that gave up", with_name(function(name)
    put(name, ("x"):rep(3 << 20))
    for _ = 1, 20 do
      local f <close> = core.open(name)
      local total = 0
      for _ = 1, 5 do
        local t = skein.task(function() total = total + #f:read(200000) end)
        skein.yield()
        t:cancel()
        t:join()
      end
      assert.equal(3 << 20, total + #f:read("a"))
    end
  end))

  it("can be closed while it is written", with_name(function(name)
    local text = ("x"):rep(8 << 20)
    for _ = 1, 20 do
      local f = core.open(name, "w")
      local writer = skein.task(f.write, f, text)
      skein.yield()
      f:close()
      local ok, why = writer:get()
      assert.is_true(ok or why == "closed") -- it may have been fast
    end
    local g <close> = core.open(name, "w")
    g:write("after")
  end))

  it("does not stand in the way of a fork", with_name(function(name)
    put(name, "shared")
    local f <close> = core.open(name)
    local p = skein.process(function()
      local g <close> = core.open(name)
      return g:read("a"), f:read("a")
    end)
    assert.same({ "shared", "shared" }, { p:get() })
    assert.equal("shared", f:read("a"))
    assert.equal("shared", skein.thread(function(path)
      local h <close> = require("skein.core").open(path)
      return h:read("a")
    end, name):get())
  end))

  it("leaves the threads to the living", function()
    local output, how, code = support.program([[
      local skein = require("skein")
      local core = require("skein.core")
      os.remove(arg[0] .. ".fifo")
      os.execute("mkfifo " .. arg[0] .. ".fifo")
      local t = skein.task(core.open, arg[0] .. ".fifo")
      skein.sleep(0.01)
      os.remove(arg[0] .. ".fifo")
      print("end")
    ]])
    assert.same({ "end\n", "exit", 0 }, { output, how, code })
  end)
end)
