local core = require("skein.core")
local skein = require("skein")
local support = require("spec.support")
local net, task = skein.net, support.task

--- What a process or thread does with a connection.
local function answer(conn)
  local line = conn:read("l")
  conn:write("you said " .. line .. "\n")
  conn:close()
end

local function serve(server)
  while true do
    local conn = server:accept()
    if not conn then return end
    local line = conn:read("l")
    if line == "end" then return end
    conn:write(line .. "\n")
    conn:close()
  end
end

--- A test that leaves no object in the shared memory behind.
local function clean(body)
  return task(function()
    collectgarbage()
    local before = core.arena()
    body()
    collectgarbage()
    collectgarbage()
    assert.equal(before, core.arena(), "objects were left behind")
  end)
end

local ways = {
  fork = function(...) return skein.process(...) end,
  spawn = function(...) return skein.process({ method = "spawn" }, ...) end,
  server = function(...) return skein.process({ method = "server" }, ...) end,
  thread = function(...) return skein.thread(...) end,
}

describe("a socket crosses", function()
  setup(function() -- the helper, once started, keeps a descriptor
    skein.process({ method = "server" }, type, 1):join()
  end)

  for name, start in pairs(ways) do
    it("as an argument: " .. name, clean(function()
      local a, b = net.pair()
      local other = start(answer, b)
      b:close() -- this one; the other end has its own
      a:write("hello\n")
      assert.equal("you said hello", a:read("l"))
      assert.same({ nil, "closed" }, { a:read() })
      other:join()
      a:close()
    end))

    it("that listens, to several: " .. name, clean(function()
      local server = assert(net.listen("127.0.0.1", 0))
      local port = select(2, server:sockname())
      local others = {}
      for i = 1, 2 do others[i] = start(serve, server) end
      server:close()
      for i = 1, 20 do
        local client <close> = assert(net.connect("127.0.0.1", port))
        client:write(i .. "\n")
        assert.equal(tostring(i), client:read("l"))
      end
      for _ = 1, 2 do
        local client <close> = assert(net.connect("127.0.0.1", port))
        client:write("end\n")
        client:read()
      end
      for i = 1, 2 do others[i]:join() end
      assert.equal(111, select(3, net.connect("127.0.0.1", port)))
    end))
  end

  it("as an upvalue", clean(function()
    local a, b = net.pair()
    local other = skein.process({ method = "spawn" }, function() answer(b) end)
    b:close()
    a:write("up\n")
    assert.equal("you said up", a:read("l"))
    other:join()
    a:close()
  end))

  it("through a queue, a pipe and a result", clean(function()
    local q, e1, e2 = skein.queue(), skein.pipe()
    local a, b = net.pair()
    q:put({ conn = b })
    b:close()
    local c = q:get().conn
    e1:send(c)
    c:close()
    local d = e2:recv()
    local other = skein.thread(function(x) return x, x end, d)
    d:close()
    local f, g = other:get()
    assert.equal(f, g)
    f:write("still here")
    assert.equal("still here", a:read())
    f:close()
    assert.same({ nil, "closed" }, { a:read() })
    a:close()
    e1:close()
    e2:close()
  end))

  it("as jobs of a pool", task(function()
    local pool <close> = skein.pool { workers = 2, kind = "thread" }
    local a, b = net.pair()
    local job = pool:submit(answer, b)
    b:close()
    a:write("job\n")
    assert.equal("you said job", a:read("l"))
    job:get()
    a:close()
  end))

  it("with what it has read and not given", clean(function()
    local q = skein.queue()
    local a, b = net.pair()
    a:write("one\ntwo\nthr")
    assert.equal("one", b:read("l"))
    q:put(b)
    b:close()
    local c = q:get()
    assert.equal("two", c:read("l"))
    a:write("ee\n")
    assert.equal("three", c:read("l"))
    a:close()
    c:close()
  end))

  it("and outlives who sent it", clean(function()
    local q = skein.queue()
    local server = assert(net.listen("127.0.0.1", 0))
    local port = select(2, server:sockname())
    local p = skein.process({ method = "spawn" }, function(to, queue)
      local me = require("skein")
      local conn = me.net.connect("127.0.0.1", to)
      conn:write("from the dead\n")
      queue:put(conn)
      os.execute("kill -9 " .. me.self().pid)
    end, port, q)
    local conn = assert(server:accept())
    p:join()
    assert.equal("from the dead", conn:read("l"))
    assert.same({ nil, "timeout" }, { conn:read(nil, 0.01) }) -- it lives
    local orphan = q:get()
    orphan:write("hello\n")
    assert.equal("hello", conn:read("l"))
    orphan:close()
    assert.same({ nil, "closed" }, { conn:read() })
    conn:close()
    server:close()
  end))

  it("and is closed with a message that nobody takes", clean(function()
    local q = skein.queue()
    local a, b = net.pair()
    q:put(b)
    b:close()
    assert.same({ nil, "timeout" }, { a:read(nil, 0.01) })
    q = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.same({ nil, "closed" }, { a:read(nil, 1) })
    a:close()
  end))

  it("many at a time, taken in any order", clean(function()
    local queues, ends = {}, {}
    for i = 1, 200 do
      local a, b = net.pair()
      queues[i] = skein.queue()
      queues[i]:put(b)
      ends[i] = a
      b:close()
    end
    for k = 1, 200 do
      local i = k * 77 % 200 + 1
      local b = queues[i]:get()
      b:write(tostring(i))
      b:close()
      assert.equal(tostring(i), ends[i]:read("a"))
      ends[i]:close()
    end
  end))

  it("for datagrams too", clean(function()
    local u = assert(net.udp("127.0.0.1", 0))
    local host, port = u:sockname()
    local other = skein.thread(function(x)
      local data, from, at = x:recv()
      x:send(data:upper(), from, at)
      x:close()
    end, u)
    u:close()
    local v <close> = assert(net.udp("127.0.0.1", 0))
    v:send("loud", host, port)
    assert.equal("LOUD", (v:recv()))
    other:join()
  end))

  it("unless it is closed, or leaves the family", clean(function()
    local a, b = net.pair()
    local q = skein.queue()
    assert.matches("cannot pack argument 1: .*descriptor %(it crosses to threads",
      tostring(support.failure(skein.pack, a)))
    a:close()
    assert.matches("cannot send item: .*the stream is closed",
      tostring(support.failure(q.put, q, a)))
    b:close()
  end))

  it("as often as one likes", clean(function()
    local q = skein.queue()
    local a, b = net.pair()
    for i = 1, 500 do
      q:put(b)
      local c = q:get()
      c:write("x" .. i)
      c:close()
      assert.equal("x" .. i, a:read())
    end
    b:close()
    assert.same({ nil, "closed" }, { a:read() })
    a:close()
  end))
end)
