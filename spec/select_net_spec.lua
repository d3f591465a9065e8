--- Select and wait, of streams, servers, datagrams and commands.

local skein = require("skein")
local support = require("spec.support")
local net = skein.net
local task, still, kind = support.task, support.still, support.kind

--- A task that selects, and waits by now.
local function selecting(...)
  local t = skein.task(skein.select, ...)
  skein.yield()
  return t
end

--- A test with the two ends of a stream, which are closed at its end.
local function with_pair(how, body)
  return how(function()
    local a <close>, b = net.pair()
    local _ <close> = b
    body(a, b)
  end)
end

--- A server at a free port, and what connects to it.
local function listen()
  local server = assert(net.listen("127.0.0.1", 0))
  local port = select(2, server:sockname())
  return server, function() return assert(net.connect("127.0.0.1", port)) end
end

--- Gives the loop turns until `ready()` is true.
local function await(ready)
  for _ = 1, 2000 do
    if ready() then return end
    skein.sleep(0.001)
  end
  error("it does not come", 2)
end

--- Who waits on a deadlock would raise now.
local function assert_no_hope()
  assert.equal("deadlock", kind(function() skein.channel():get() end))
end

describe("select of a stream", function()
  it("reads what has come", with_pair(still, function(a, b)
    local c = skein.channel()
    a:write("first")
    assert.same({ 1, "first" }, { skein.select { b, c } })
    assert.same({ nil, "timeout" }, { skein.select({ b, c }, 0) })
    assert.same({ nil, "timeout" }, { skein.select({ b, c }, 0.01) })
    local t = selecting { c, b }
    a:write("second")
    assert.same({ 2, "second" }, { t:get() })
  end))

  it("reads by all formats of read", with_pair(still, function(a, b)
    local c = skein.channel()
    local function pick(...) return select(2, skein.select { { b, ... }, c }) end
    a:write("one\ntwo\nabcdef,gh;")
    assert.equal("one", pick("read", "l"))
    assert.equal("two\n", pick("read", "L"))
    assert.equal("abc", pick("read", 3))
    assert.equal("def,", pick("read_until", ","))
    assert.same({ nil, "too long" }, { pick("read_until", ";", 2) })
    assert.equal("gh;", pick("read_until", ";", 3))
    a:write("rest")
    a:shutdown()
    assert.equal("rest", pick("read", "a"))
    assert.same({ nil, "closed" }, { pick("read") })
  end))

  it("is woken once the line is there, not by each piece", with_pair(still, function(a, b)
    local c = skein.channel()
    local t = selecting { { b, "read", "l" }, c }
    for piece in ("a line of\n"):gmatch(".") do
      assert.is_false(t:done())
      a:write(piece)
      skein.yield()
      skein.sleep(0.001)
    end
    assert.same({ 1, "a line of" }, { t:get() })
  end))

  it("takes nothing when another case is faster", with_pair(still, function(a, b)
    local c = skein.channel()
    local t = selecting { { b, "read", "l" }, c }
    a:write("half a ")
    skein.sleep(0.001)
    c:put("quick")
    assert.same({ 2, "quick" }, { t:get() })
    a:write("line\n")
    assert.equal("half a line", b:read("l"))
  end))

  it("takes nothing when it is cancelled or gives up", with_pair(still, function(a, b)
    local t = selecting { { b, "read", 10 } }
    a:write("12345")
    skein.sleep(0.001)
    t:cancel()
    t:join()
    assert.equal("cancelled", t:status())
    assert.same({ nil, "timeout" }, { skein.select({ { b, "read", 10 } }, 0.002) })
    assert.same({ nil, "timeout" }, { skein.timeout(1, skein.select, { { b, "read", 10 } }, 0) })
    assert.equal("timeout", kind(skein.timeout, 0.001, skein.select, { { b, "read", 10 } }))
    a:write("67890")
    assert.equal("1234567890", b:read(10))
  end))

  it("is the one who reads, while it waits", with_pair(still, function(a, b)
    local c = skein.channel()
    local t = selecting { b, c }
    assert.matches("another task reads", support.failure(function() b:read() end))
    assert.matches("another task reads", support.failure(skein.select, { b }))
    assert.same({ nil, "timeout" }, { skein.wait({ b }, 0.001) })
    c:put(1)
    t:join()
    local reader = skein.task(b.read, b)
    skein.yield()
    assert.matches("another task reads", support.failure(skein.select, { b, c }))
    a:write("x")
    assert.equal("x", reader:get())
  end))

  it("keeps what it was woken for from others", with_pair(still, function(a, b)
    local other
    local t = selecting { b }
    a:write("mine")
    while not t:done() do
      local ok, err = pcall(b.read, b, nil, 0)
      other = other or (not ok and err)
      skein.yield()
    end
    assert.same({ 1, "mine" }, { t:get() })
    assert.matches("another task reads", other)
  end))

  it("counts closed as ready", with_pair(still, function(a, b)
    local c = skein.channel()
    local t = selecting { c, b }
    b:close()
    assert.same({ 2, nil, "closed" }, { t:get() })
    assert.same({ 2, nil, "closed" }, { skein.select { c, b } })
    local u = selecting { c, a }
    assert.same({ 2, nil, "closed" }, { u:get() }) -- the end of the other
  end))

  it("may have several cases of one stream", with_pair(still, function(a, b)
    local cases = { { b, "read", "l" }, { b, "read", 4 } }
    local t = selecting(cases)
    a:write("abc")
    skein.sleep(0.001)
    assert.is_false(t:done())
    a:write("\n")
    local i, text = t:get()
    assert.equal(({ "abc", "abc\n" })[i], text)
    if i == 1 then a:write("x") end
    local u = selecting(cases)
    a:write("yzab")
    assert.same({ 2, i == 1 and "xyza" or "yzab" }, { u:get() })
  end))

  it("refuses what read refuses", with_pair(still, function(_, b)
    assert.matches("#1 to 'select'.*\"l\", \"L\", \"a\" or a number expected, got 'x'",
      support.failure(function() skein.select { { b, "read", "x" } } end))
    assert.matches("case 1: separator expected, got nil",
      support.failure(skein.select, { { b, "read_until" } }))
    assert.matches("case 1: max: whole number of at least 1 expected, got 0",
      support.failure(skein.select, { { b, "read_until", "x", 0 } }))
    assert.matches("case 2: number of bytes: whole number of at least 0 expected, got %-1",
      support.failure(skein.select, { skein.channel(), { b, "read", -1 } }))
    assert.matches("case 1: a skein.Stream has no 'write' to wait for",
      support.failure(skein.select, { { b, "write", "x" } }))
  end))

  it("gives hope while it waits, and none afterwards", function()
    local a <close>, b = net.pair()
    local _ <close> = b
    local c = skein.channel()
    local late = skein.command { "sleep", "0.05" }
    late:on_done(function() a:write("x") end)
    assert.same({ 1, "x" }, { skein.select { b, c } })
    assert.same({ b }, (function()
      skein.task(a.write, a, "y")
      return skein.wait { c, b }
    end)())
    assert.equal("y", b:read())
    local t = selecting { b, c }
    t:cancel()
    t:join()
    t:error()
    assert_no_hope()
  end)

  it("works in a child that was forked while it waited", with_pair(task, function(a, b)
    local t = selecting { b, skein.event() }
    local p = skein.process(function()
      local x <close>, y = net.pair()
      x:write("child")
      local one = select(2, skein.select { y })
      local _, why = skein.select({ b }, 0) -- nobody reads it there
      a:write("from the child")
      return one, why
    end)
    assert.same({ "child", "timeout" }, { p:get() })
    local i, text = t:get(0.5)
    assert.same({ 1, "from the child" }, { i, text })
  end))

  it("leaves nothing of itself in the lines of a forked child", function()
    local c, q = skein.channel(), skein.queue()
    local p
    local starter = skein.task(function()
      p = skein.process(function()
        collectgarbage()
        local own = skein.channel()
        skein.task(function()
          c:put("for nobody here")
          skein.sleep(0.005)
          own:put("mine")
        end)
        return own:get(), c:size()
      end)
      p:join()
      q:put("told")
    end)
    assert.same({ 2, "told" }, { skein.select { c, q } }) -- the top level waits
    assert.same({ "mine", 1 }, { p:get() })
    starter:get()
    local a <close>, b = net.pair()
    local _ <close> = b
    local waiting = {}
    for i = 1, 3 do
      waiting[i] = skein.task(skein.select, { c, skein.event(), i == 1 and b or nil })
    end
    skein.yield()
    p = skein.process(function()
      for _ = 1, 3 do
        collectgarbage()
        local _ = ("x"):rep(100000) -- what was theirs is used again
      end
      c:put("one")
      local t = skein.task(c.get, c)
      return t:get(), select(2, b:read(nil, 0))
    end)
    assert.same({ "one", "timeout" }, { p:get() })
    assert.is_false(a:closed())
    for i = 1, 3 do
      waiting[i]:cancel()
      waiting[i]:join()
      waiting[i]:error()
    end
  end)

  it("reads files, which are another thread's work", task(function()
    local name = os.tmpname()
    local file = assert(io.open(name, "wb"))
    file:write(("0123456789"):rep(100000))
    file:close()
    local c = skein.channel()
    local f <close> = assert(skein.open(name))
    local n = 0
    while true do
      local i, data = skein.select { f, c }
      assert.equal(1, i)
      if not data then break end
      n = n + #data
    end
    assert.equal(1000000, n)
    f:seek("set")
    assert.same({ f }, skein.wait { f })
    assert.same({ 1, "01234" }, { skein.select { { f, "read", 5 }, c } })
    os.remove(name)
  end))
end)

describe("select of a server", function()
  it("accepts", task(function()
    local server <close>, connect = listen()
    local c = skein.channel()
    local client <close> = connect()
    local i, conn = skein.select { c, server }
    assert.equal(2, i)
    assert.same({ client:sockname() }, { conn:peername() })
    conn:close()
    local t = selecting({ server, c }, 5)
    local late <close> = connect()
    i, conn = t:get()
    assert.equal(1, i)
    assert.same({ late:sockname() }, { conn:peername() })
    conn:close()
    assert.same({ nil, "timeout" }, { skein.select({ server, c }, 0) })
    assert.same({ nil, "timeout" }, { skein.select({ server, c }, 0.002) })
  end))

  it("ignores what is no argument of its own", task(function()
    local server <close>, connect = listen()
    local a <close>, b = net.pair()
    local _ <close> = b
    local client <close> = connect()
    local i, conn = skein.select { { server, "accept", b, 5, 1 } }
    assert.equal(1, i)
    assert.same({ client:sockname() }, { conn:peername() })
    conn:close()
    a:write("x")
    assert.same({ 1, "x" }, { skein.select { { b, "read", nil, 7 } } })
    assert.same({ nil, "timeout" }, { skein.select({ { server, "accept", 5 } }, 0.001) })
  end))

  it("takes no connection when another case is faster", task(function()
    local server <close>, connect = listen()
    local c = skein.channel()
    local t = selecting { server, c }
    c:put("quick")
    assert.same({ 2, "quick" }, { t:get() })
    local client <close> = connect()
    local conn <close> = assert(server:accept(1))
    assert.same({ client:sockname() }, { conn:peername() })
  end))

  it("passes on what it did not take", task(function()
    local server <close>, connect = listen()
    local first = selecting { server, skein.channel() }
    local second = skein.task(server.accept, server)
    skein.yield()
    first:cancel()
    local client <close> = connect()
    local conn <close> = assert(second:get(1))
    assert.same({ client:sockname() }, { conn:peername() })
  end))

  it("gives each of many exactly one", task(function()
    local server <close>, connect = listen()
    local c, waiting = skein.channel(), {}
    for i = 1, 8 do
      waiting[i] = i % 2 == 0 and skein.task(server.accept, server)
        or skein.task(function() return select(2, skein.select { c, server }) end)
    end
    skein.yield()
    local clients = {}
    for i = 1, 8 do clients[i] = connect() end
    for i = 1, 8 do waiting[i]:get(1):close() end
    assert.same({ nil, "timeout" }, { server:accept(0) })
    for i = 1, 8 do clients[i]:close() end
  end))

  it("counts closed as ready", task(function()
    local server = listen()
    local t = selecting { skein.channel(), server }
    local u = skein.task(skein.wait, { server })
    skein.yield()
    server:close()
    assert.same({ 2, nil, "closed" }, { t:get() })
    assert.same({ server }, u:get())
    assert.same({ 1, nil, "closed" }, { skein.select { server } })
  end))

  it("loses no connection, whoever comes and goes", task(function()
    local server <close>, connect = listen()
    local got, open = 0, {}
    local function keep(stream)
      if not stream then return end
      got = got + 1
      open[#open + 1] = stream
    end
    local seed = 1
    local function dice(n)
      seed = seed * 6364136223846793005 + 1442695040888963407
      return (seed >> 33) % n + 1
    end
    for _ = 1, 60 do
      local c, tasks, before = skein.channel(), {}, got
      for i = 1, 3 do
        local way = dice(4)
        tasks[i] = skein.task(function()
          if way == 1 then
            keep(server:accept(0.002))
          elseif way == 2 then
            pcall(skein.timeout, 0.002, function() keep(server:accept()) end)
          else
            local k, stream = skein.select({ server, c }, way == 3 and 0.002 or nil)
            if k == 1 then keep(stream) end
          end
        end)
      end
      skein.yield()
      local clients, count = {}, dice(3)
      for i = 1, count do clients[i] = connect() end
      if dice(2) == 1 then tasks[dice(3)]:cancel() end
      c:close()
      for _, t in ipairs(tasks) do t:join() t:error() end
      while got - before < count do keep(assert(server:accept(1))) end
      assert.same({ nil, "timeout" }, { server:accept(0) })
      for _, s in ipairs(clients) do s:close() end
      for i = #open, 1, -1 do table.remove(open, i):close() end
    end
  end))
end)

describe("accept", function()
  it("serves those who wait in their order", task(function()
    local server <close>, connect = listen()
    local order, waiting = {}, {}
    for i = 1, 3 do
      waiting[i] = skein.task(function()
        server:accept():close()
        order[#order + 1] = i
      end)
      skein.yield()
    end
    assert.same({ nil, "timeout" }, { server:accept(0) }) -- nobody loses a place by that
    for i = 1, 3 do
      connect():close()
      await(function() return #order == i end)
    end
    assert.same({ 1, 2, 3 }, order)
    for i = 1, 3 do waiting[i]:join() end
  end))

  it("is told of a connection together with a wait", task(function()
    local server <close>, connect = listen()
    local accepting = skein.task(server.accept, server)
    local waiting = skein.task(skein.wait, { server, skein.channel() }, 0.05)
    skein.yield()
    local client <close> = connect()
    accepting:get(1):close()
    local list, why = waiting:get() -- it saw it, or it was gone by then
    assert(why == "timeout" or list[1] == server)
    assert.is_false(client:closed())
  end))
end)

describe("select of datagrams", function()
  it("receives", task(function()
    local u <close> = assert(net.udp("127.0.0.1", 0))
    local from <close> = assert(net.udp("127.0.0.1", 0))
    local c = skein.channel()
    from:send("one", u:sockname())
    await(function() return skein.wait({ u }, 0) end)
    assert.same({ 2, "one", from:sockname() }, { skein.select { c, u } })
    local t = selecting { u, c }
    from:send("two", u:sockname())
    assert.same({ 1, "two", from:sockname() }, { t:get() })
    t = selecting { { u, "recv" }, c }
    c:put("quick")
    assert.same({ 2, "quick" }, { t:get() })
    from:send("three", u:sockname())
    assert.equal("three", (u:recv(1)))
    t = selecting { u, c }
    u:close()
    assert.same({ 1, nil, "closed" }, { t:get() })
  end))
end)

describe("select of a command", function()
  it("joins it, or gets what it wrote", task(function()
    local quick = skein.command { "echo", "done" }
    local slow <close> = skein.command { "sleep", "60" }
    assert.same({ 2, true }, { skein.select { slow, quick } })
    local i, result = skein.select { slow, { quick, "get" } }
    assert.same({ 2, "done\n", 0 }, { i, result.stdout, result.code })
    assert.same({ quick }, skein.wait { slow, quick })
    assert.same({ nil, "timeout" }, { skein.select({ slow }, 0.002) })
  end))

  it("goes beside its streams", task(function()
    local c <close> = skein.command { "sh", "-c", "echo one; sleep 0.05; echo two",
      stdout = "pipe" }
    local lines, running = {}, true
    while running do
      local i, line = skein.select { { c.stdout, "read", "l" }, c }
      if i == 2 then running = false else lines[#lines + 1] = line end
      if i == 1 and not line then break end
    end
    for line in c.stdout:lines() do lines[#lines + 1] = line end
    assert.same({ "one", "two" }, lines)
    c.stdout:close()
  end))
end)

describe("wait", function()
  it("sees what a task that reads leaves", with_pair(still, function(a, b)
    local waits = {}
    for i = 1, 3 do waits[i] = skein.task(skein.wait, { b }) end
    local reader = skein.task(b.read, b, "l")
    skein.yield()
    a:write("a line\n")
    assert.equal("a line", reader:get())
    skein.sleep(0.001)
    assert.is_false(waits[1]:done())
    reader = selecting { { b, "read", "l" } }
    a:write("half")
    for i = 1, 3 do assert.same({ b }, waits[i]:get()) end
    assert.is_false(reader:done())
    a:write("\nrest")
    assert.same({ 1, "half" }, { reader:get() })
    assert.same({ b }, skein.wait { b })
    assert.equal("rest", b:read())
    waits[1] = skein.task(skein.wait, { b })
    skein.yield()
    a:write("x\ny")
    assert.equal("x", b:read("l")) -- before anything is told
    assert.same({ b }, waits[1]:get())
    b:read()
    waits[1], waits[2] = skein.task(skein.wait, { b }), skein.task(skein.wait, { a })
    skein.yield()
    b:close()
    assert.same({ b }, waits[1]:get())
    assert.same({ a }, waits[2]:get())
  end))

  it("tells which are ready, in order, and takes nothing", task(function()
    local server <close>, connect = listen()
    local a <close>, b = net.pair()
    local _ <close> = b
    local u <close> = assert(net.udp("127.0.0.1", 0))
    local all = { b, server, u }
    assert.same({ nil, "timeout" }, { skein.wait(all, 0) })
    assert.same({ nil, "timeout" }, { skein.wait(all, 0.002) })
    for i, act in ipairs {
      function() u:send("d", u:sockname()) end,
      function() a:write("s") end,
      function() connect():close() end,
    } do
      local t = skein.task(skein.wait, all, 5)
      if i == 1 then skein.yield() end
      act()
      local ready = {}
      await(function()
        ready = skein.wait(all, 0) or {}
        return #ready == i
      end)
      t:join()
      assert.equal(i == 1 and u or b, ready[1])
    end
    assert.same(all, skein.wait(all))
    assert.same({ "s", "d" }, { b:read(), (u:recv()) })
    server:accept(1):close()
    assert.same({ nil, "timeout" }, { skein.wait(all, 0) })
  end))
end)
