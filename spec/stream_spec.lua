local core = require("skein.core")
local skein = require("skein")
local support = require("spec.support")
local task, still = support.task, support.still

--- A test with two streams that are connected to each other.
local function with_pair(kind, body)
  return kind(function()
    local a, b = core.net.pair()
    local _ <close> = a
    local _ <close> = b
    body(a, b)
  end)
end

describe("stream", function()
  describe("read", function()
    it("gives what has come", with_pair(still, function(a, b)
      a:write("hello")
      assert.equal("hello", b:read())
      assert.same({ nil, "timeout" }, { b:read(nil, 0) })
    end))

    it("waits for it", with_pair(still, function(a, b)
      local t = skein.task(b.read, b)
      skein.yield()
      a:write("x")
      assert.equal("x", t:get())
    end))

    it("gives lines, with and without their ends", with_pair(still, function(a, b)
      a:write("one\ntwo\n\nthree\r\nfour")
      a:shutdown()
      assert.equal("one", b:read("l"))
      assert.equal("two\n", b:read("L"))
      assert.equal("", b:read("l"))
      assert.equal("three\r", b:read("l"))
      assert.equal("four", b:read("L"))
      assert.same({ nil, "closed" }, { b:read("l") })
      assert.same({ nil, "closed" }, { b:read("L") })
    end))

    it("gives exactly so many bytes, fewer only at the end", with_pair(still, function(a, b)
      a:write("abcdefg")
      assert.equal("abc", b:read(3))
      assert.equal("", b:read(0))
      assert.same({ nil, "timeout" }, { b:read(5, 0.1) })
      a:shutdown()
      assert.equal("defg", b:read(5))
      assert.same({ nil, "closed" }, { b:read(5) })
      assert.same({ nil, "closed" }, { b:read(0) })
    end))

    it("gives all up to the end, once", with_pair(still, function(a, b)
      a:write("all")
      a:shutdown()
      assert.equal("all", b:read("a"))
      assert.same({ nil, "closed" }, { b:read("a") })
    end))

    it("gives an empty string where nothing came before the end",
      with_pair(still, function(a, b)
        a:close()
        assert.equal("", b:read("a"))
        assert.same({ nil, "closed" }, { b:read("a") })
      end))

    it("loses nothing when its time is over", with_pair(task, function(a, b)
      local whole = {}
      for i = 1, 50 do whole[i] = ("line %d of some length\n"):format(i) end
      skein.task(function()
        for c in table.concat(whole):gmatch(".") do
          a:write(c)
          skein.sleep(0.001)
        end
        a:shutdown()
      end)
      local got, tries = {}, 0
      repeat
        local line, why = b:read("L", 0.002)
        tries = tries + 1
        got[#got + 1] = line
      until why == "closed"
      assert.same(whole, got)
      assert.is_true(tries > 300)
    end))

    it("loses nothing when it is cancelled", with_pair(still, function(a, b)
      local text = ("0123456789"):rep(30)
      local sender = skein.task(function()
        for c in text:gmatch(".") do
          a:write(c)
          skein.yield()
        end
      end)
      local got = {}
      while #got < 30 do
        local reader = skein.task(function() got[#got + 1] = b:read(10) end)
        for _ = 1, 3 do skein.yield() end
        reader:cancel()
        reader:join()
      end
      sender:get()
      assert.equal(text, table.concat(got))
    end))

    it("reads up to a separator, with a bound", with_pair(still, function(a, b)
      a:write("GET / HTTP/1.1\r\nHost: x\r\n\r")
      assert.same({ nil, "timeout" }, { b:read_until("\r\n\r\n", 100, 0.1) })
      a:write("\nbody")
      assert.same({ nil, "too long" }, { b:read_until("\r\n\r\n", 26) })
      assert.equal("GET / HTTP/1.1\r\nHost: x\r\n\r\n", b:read_until("\r\n\r\n", 27))
      assert.same({ nil, "too long" }, { b:read_until("\n", 4) })
      a:shutdown()
      assert.equal("body", b:read_until("\n"))
      assert.same({ nil, "closed" }, { b:read_until("\n") })
    end))

    it("finds a separator that comes in pieces", with_pair(still, function(a, b)
      local t = skein.task(function() return b:read_until("abac"), b:read(1) end)
      for c in ("ababacx"):gmatch(".") do
        skein.yield()
        a:write(c)
      end
      assert.same({ "ababac", "x" }, { t:get() })
    end))

    it("does not wait for what it holds already", with_pair(still, function(a, b)
      a:write("one\ntwo\n")
      assert.equal("one", b:read("l", 0))
      assert.equal("two", b:read("l", 0))
      assert.same({ nil, "timeout" }, { b:read("l", 0) })
    end))

    it("is for one task at a time", with_pair(still, function(a, b)
      local first = skein.task(b.read, b, "l")
      skein.yield()
      local err = support.failure(function() b:read() end)
      assert.matches("stream_spec.lua:%d+: another task reads this stream", err)
      a:write("mine\n")
      assert.equal("mine", first:get())
      a:write("yours")
      assert.equal("yours", b:read())
    end))

    it("keeps what a task was woken for from others", with_pair(still, function(a, b)
      local first = skein.task(b.read, b)
      skein.sleep(0.1)
      a:write("mine")
      skein.sleep(0.1) -- the watch of the reader has fired
      assert.equal("mine", first:get())
      assert.is_false((pcall(function()
        skein.task(b.read, b, "l")
        skein.yield()
        b:read()
      end)))
    end))

    it("survives a peer that goes away", with_pair(still, function(a, b)
      b:write("never read")
      a:close() -- with unread bytes: a reset
      local _, message, code = b:read()
      assert.equal("Connection reset by peer", message)
      assert.equal(104, code)
      assert.equal(104, select(3, b:read()))
    end))

    it("refuses what it does not know", with_pair(still, function(_, b)
      assert.matches("bad argument #1 to 'read' "
        .. "%(\"l\", \"L\", \"a\" or a number expected, got 'x'%)",
        support.failure(function() b:read("x") end))
      assert.matches("got table", support.failure(function() b:read({}) end))
      assert.matches("bad argument #1 to 'read' "
        .. "%(number of bytes: whole number of at least 0 expected, got %-1%)",
        support.failure(function() b:read(-1) end))
      assert.matches("bad argument #2 to 'read'",
        support.failure(function() b:read("l", "soon") end))
      assert.matches("separator expected, got ''",
        support.failure(function() b:read_until("") end))
    end))
  end)

  describe("lines", function()
    it("iterates to the end", with_pair(still, function(a, b)
      a:write("a\nb\nc")
      a:shutdown()
      local got = {}
      for line in b:lines() do got[#got + 1] = line end
      assert.same({ "a", "b", "c" }, got)
    end))

    it("takes the formats of read", with_pair(still, function(a, b)
      a:write("a\nb\nc")
      a:shutdown()
      local got = {}
      for line in b:lines("L") do got[#got + 1] = line end
      assert.same({ "a\n", "b\n", "c" }, got)
      assert.is_false(pcall(b.lines, b, "z"))
    end))
  end)

  describe("write", function()
    it("waits for room, and all arrives in order", with_pair(task, function(a, b)
      local data = ("0123456789abcdef"):rep(1 << 17) -- 2 MiB
      local writer = skein.task(a.write, a, data)
      assert.equal(data, b:read(#data))
      assert.is_true(writer:get())
    end))

    it("tells how much went when its time is over", with_pair(still, function(a, b)
      local data = ("x"):rep(1 << 22)
      local ok, why, n = a:write(data, 0.1)
      assert.same({ nil, "timeout" }, { ok, why })
      assert.is_true(n > 0 and n < #data)
      a:shutdown()
      assert.equal(n, #b:read("a"))
    end))

    it("tries once", with_pair(still, function(a)
      local ok, why, n = a:write(("x"):rep(1 << 22), 0)
      assert.same({ nil, "timeout" }, { ok, why })
      assert.is_true(n > 0)
      assert.same({ nil, "timeout", 0 }, { a:write("y", 0) })
    end))

    it("lets writers go in line", with_pair(still, function(a, b)
      local writers = {}
      for i = 1, 4 do
        writers[i] = skein.task(a.write, a, tostring(i):rep(1 << 20))
      end
      skein.yield()
      local got = b:read(4 << 20)
      for i = 1, 4 do
        assert.is_true(writers[i]:get())
        assert.equal(tostring(i):rep(1 << 20), got:sub((i - 1 << 20) + 1, i << 20))
      end
    end))

    it("lets the next go when the first gives up", with_pair(still, function(a, b)
      local first = skein.task(a.write, a, ("1"):rep(1 << 22))
      local second = skein.task(a.write, a, "2")
      skein.yield()
      first:cancel()
      first:join()
      local all = {}
      repeat
        all[#all + 1] = b:read()
      until all[#all]:sub(-1) == "2"
      assert.is_true(second:get())
    end))

    it("says closed when nobody can read", with_pair(still, function(a, b)
      b:close()
      assert.same({ nil, "closed" }, { a:write("x") })
    end))

    it("takes numbers, and nothing but text", with_pair(still, function(a, b)
      assert.is_true(a:write(12))
      assert.equal("12", b:read())
      assert.is_true(a:write(""))
      assert.is_false(pcall(a.write, a, {}))
      assert.is_false(pcall(a.write, a))
    end))
  end)

  describe("close", function()
    it("wakes who reads and who writes", with_pair(still, function(a)
      local reader = skein.task(a.read, a)
      local writers = {}
      for i = 1, 3 do writers[i] = skein.task(a.write, a, ("x"):rep(1 << 22)) end
      skein.yield()
      a:close()
      assert.same({ nil, "closed" }, { reader:get() })
      for i = 1, 3 do assert.same({ nil, "closed" }, { writers[i]:get() }) end
    end))

    it("ends everything that comes after", with_pair(still, function(a, b)
      a:write("unread")
      b:read(1)
      b:close()
      b:close()
      assert.is_true(b:closed())
      assert.same({ nil, "closed" }, { b:read() })
      assert.same({ nil, "closed" }, { b:write("x") })
      assert.same({ nil, "closed" }, { b:shutdown() })
      assert.same({ nil, "closed" }, { b:fileno() })
      assert.equal("skein.Stream (closed)", tostring(b))
    end))

    it("happens when nobody refers to it", with_pair(still, function()
      local c = core.net.pair()
      collectgarbage()
      collectgarbage()
      assert.same({ nil, "closed" }, { c:read() })
      c:close()
    end))

    it("leaves the number of the descriptor to others", with_pair(still, function(a, b)
      local reader = skein.task(a.read, a)
      skein.yield()
      local fd = a:fileno()
      a:close()
      local c, d = core.net.pair()
      assert.is_true(c:fileno() == fd or d:fileno() == fd)
      c:write("for d")
      d:write("for c")
      assert.same({ nil, "closed" }, { reader:get() })
      assert.same({ "for d", "for c" }, { d:read(), c:read() })
      assert.same({ nil, "closed" }, { b:read() })
      c:close()
      d:close()
    end))
  end)

  it("ends one direction", with_pair(still, function(a, b)
    assert.is_true(a:shutdown())
    assert.same({ nil, "closed" }, { b:read() })
    assert.same({ nil, "closed" }, { a:write("x") })
    b:write("still")
    assert.equal("still", a:read())
    local reader = skein.task(a.read, a)
    skein.yield()
    assert.is_true(a:shutdown("read"))
    assert.same({ nil, "closed" }, { reader:get() })
    assert.is_false(pcall(a.shutdown, a, "up"))
  end))

  it("tells that a wait can never end only where it cannot", function()
    local a, b = core.net.pair()
    local t = skein.task(a.read, a)
    skein.yield()
    b:write("x")
    assert.equal("x", t:get())
    assert.equal("deadlock", support.kind(function() skein.channel():get() end))
    a:close()
    b:close()
  end)

  it("streams much in flat memory", with_pair(task, function(a, b)
    local piece, pieces = ("0123456789abcdef"):rep(1 << 12), 4096
    local writer = skein.task(function()
      for _ = 1, pieces do a:write(piece) end
      a:shutdown()
    end)
    local n, most, reads = 0, 0, 0
    collectgarbage()
    local before = collectgarbage("count")
    for data in function() return b:read() end do
      n, reads = n + #data, reads + 1
      if reads % 500 == 0 then -- what is no garbage: a few buffers
        collectgarbage()
        most = math.max(most, collectgarbage("count") - before)
      end
    end
    writer:get()
    assert.equal(#piece * pieces, n)
    assert.is_true(most < 1024, "grew by KiB: " .. most)
  end))

  it("gives others a turn while much goes through", with_pair(task, function(a, b)
    local done, turns = false, 0
    skein.task(function()
      while not done do
        turns = turns + 1
        skein.yield()
      end
    end)
    local writer = skein.task(a.write, a, ("x"):rep(1 << 24))
    assert.equal(1 << 24, #b:read(1 << 24))
    done = true
    writer:get()
    assert.is_true(turns > 8, turns)
  end))
end)
