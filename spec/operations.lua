--- What failing_spec.lua does while requests fail: `make` makes the objects that
--- it needs, `run` does it, `check` says that they still serve, `close` is the end.

local skein = require("skein")

local operations = {}

local function add(a, b) return a + b end

local function idle() end

--- One that needs no object, or makes it.
local function plain(run)
  return { make = idle, run = run, check = function() run() end }
end

-- tasks
operations.task = plain(function() assert(skein.task(add, 1, 2):get() == 3) end)
operations.named = plain(function()
  local t = skein.task({ name = "n" }, function() return 1, nil, 3 end)
  assert(select("#", t:get()) == 3)
end)
operations.on_done = plain(function()
  local told = 0
  local t = skein.task(idle):on_done(function() told = told + 1 end)
  t:join()
  skein.yield()
  assert(told == 1)
end)
operations.cancel = plain(function()
  local t <close> = skein.task(skein.sleep, 60)
  skein.yield()
  t:cancel("enough")
  assert(t:join() and t:status() == "cancelled" and t:error())
end)
operations.run = plain(function()
  assert(skein.run(function(x) skein.sleep(0) return x end, 5) == 5)
end)
operations.sleep = plain(function() skein.sleep(0.0001) end)
operations.timeout = plain(function()
  assert(skein.timeout(10, add, 1, 2) == 3)
  local ok, err = pcall(skein.timeout, 0.0001, skein.sleep, 10)
  assert(not ok and (type(err) == "string" or err.kind == "timeout"), err)
end)
operations.group = plain(function()
  local n = 0
  skein.group(function(g)
    for _ = 1, 5 do g:task(function() n = n + 1 end) end
  end)
  assert(n == 5)
end)
operations.shield = plain(function() assert(skein.shield(add, 1, 2) == 3) end)
operations.all = plain(function()
  local t = skein.all { function() return 1 end, function() return 2 end }
  assert(t[1] == 1 and t[2] == 2)
end)
operations.race = plain(function()
  local i, v = skein.race { function() skein.sleep(10) end, function() return 2 end }
  assert(i == 2 and v == 2)
end)
operations.map = plain(function()
  local t = skein.map({ 1, 2, 3 }, function(x) skein.yield() return x * x end, 2)
  assert(t[3] == 9)
end)
operations.every = plain(function()
  for tick in skein.every(0.0001) do
    if tick == 3 then break end
  end
end)
operations.wait = plain(function()
  local a <close> = skein.task(idle)
  local b <close> = skein.task(skein.sleep, 10)
  assert(skein.wait({ a, b })[1] == a)
end)
operations.coroutine = plain(function()
  local co = skein.coroutine.wrap(function()
    skein.sleep(0)
    skein.coroutine.yield(1)
    return 2
  end)
  assert(co() == 1 and co() == 2)
end)
operations.dump = plain(function() assert(#skein.dump() > 0) end)
operations.self = plain(function() assert(skein.self().id and skein.cpus() > 0) end)
operations.signal = plain(function()
  local c <close> = setmetatable({ c = skein.signal("USR1") },
    { __close = function(self) self.c:close() end })
  assert(c.c:size() == 0)
end)

-- between tasks
operations.channel = {
  make = function() return skein.channel(2) end,
  run = function(c)
    local t <close> = skein.task(function() return c:get(), c:get(), c:get() end)
    for i = 1, 3 do assert(c:put(i)) end
    t:join()
  end,
  check = function(c)
    while c:get(0) do skein.yield() end
    assert(c:put(false) and c:get() == false)
  end,
}
operations.priority = plain(function()
  local c = skein.channel { order = "priority" }
  for i = 9, 1, -1 do c:put(i, nil, i) end
  assert(c:get() == 1)
end)
operations.select = {
  make = function() return { skein.channel(), skein.queue(), skein.lock() } end,
  run = function(o)
    local t <close> = skein.task(function() o[1]:put("x") end)
    skein.select({ { o[1], "get" }, { o[2], "get" } }, 0.05)
    t:join()
  end,
  check = function(o)
    o[1]:get(0)
    assert(skein.select({ o[1], o[2] }, 0) == nil)
    assert(skein.select({ { o[2], "put", 1 } }) == 1 and o[2]:get() == 1)
    assert(skein.select({ o[1], o[3] }) == 2 and o[3]:release() == nil)
  end,
}

-- what is shared
local function drain(q)
  while q:get(0) do skein.yield() end
end
operations.queue = {
  make = function() return skein.queue(2) end,
  run = function(q)
    local t <close> = skein.task(function() return q:get(), q:get(), q:get() end)
    for i = 1, 3 do assert(q:put({ i, ("x"):rep(100) })) end
    t:join()
  end,
  check = function(q)
    drain(q)
    assert(q:put({ 1, false }) and q:get()[1] == 1 and q:size() == 0)
  end,
}
operations.cargo = {
  make = function() return skein.queue() end,
  run = function(q)
    q:put({ skein.lock(), skein.value(1), q })
    q:get()[1]:acquire(0)
  end,
  check = function(q)
    drain(q)
    assert(q:put(q) and q:get() == q and q:size() == 0)
  end,
}
operations.large = {
  make = function() return skein.queue() end,
  run = function(q)
    assert(q:put(("x"):rep(1 << 18)))
    assert(#q:get() == 1 << 18)
  end,
  check = function(q)
    drain(q)
    assert(q:put("x") and q:get() == "x")
  end,
}
operations.pipe = {
  make = function() return { skein.pipe() } end,
  run = function(e)
    assert(e[1]:send({ 1 }) and e[2]:poll(10) and e[2]:recv()[1] == 1)
    local t <close> = skein.task(e[1].send, e[1], ("x"):rep(1 << 17))
    assert(#e[2]:recv() == 1 << 17)
    t:join()
  end,
  check = function(e)
    while e[2]:poll(0) do e[2]:recv() end
    assert(e[1]:send(1) and e[2]:recv() == 1)
  end,
}
operations.fileno = {
  make = function() return { skein.pipe() } end,
  run = function(e) assert(e[1]:fileno() >= 0) end,
  check = function(e) assert(e[2]:send(1) and e[1]:recv() == 1) end,
  close = function(e)
    e[1]:close()
    e[2]:close()
  end,
}
operations.lock = {
  make = function() return skein.lock() end,
  run = function(l)
    l:with(function()
      local t <close> = skein.task(l.acquire, l, 0.0001)
      t:join()
    end)
  end,
  check = function(l) assert(l:acquire(1) and l:release() == nil) end,
}
operations.hold = {
  make = function() return skein.lock { reentrant = true } end,
  run = function(l)
    local _ <close> = l:hold()
    l:with(idle)
  end,
  check = function(l) assert(l:acquire(1) and l:release() == nil) end,
}
operations.semaphore = {
  make = function() return skein.semaphore(1) end,
  run = function(s)
    local t <close> = skein.task(function()
      if s:acquire(10) then s:release() end
    end)
    if s:acquire(10) then s:release() end
    t:join()
  end,
  check = function(s) assert(s:value() == 1 and s:acquire(1) and not s:release()) end,
}
operations.event = {
  make = function() return skein.event() end,
  run = function(e)
    local t <close> = skein.task(e.wait, e)
    skein.yield()
    e:set()
    t:join()
  end,
  check = function(e)
    e:clear()
    assert(not e:wait(0) and not e:is_set() and (e:set() or e:wait()))
  end,
}
operations.condition = {
  make = function() return skein.condition() end,
  run = function(c)
    local t <close> = skein.task(function()
      c:acquire()
      c:wait(10)
      c:release()
    end)
    skein.yield()
    c:acquire()
    c:notify_all()
    c:release()
    t:join()
  end,
  check = function(c)
    assert(c:acquire(1))
    assert(not c:wait(0.0001) and not c:release())
  end,
}
operations.barrier = {
  make = function() return skein.barrier(2) end,
  run = function(b)
    local t <close> = skein.task(b.wait, b, 10)
    b:wait(0.05)
    t:join(1)
  end,
  check = function(b)
    b:reset()
    local t <close> = skein.task(b.wait, b)
    assert(b:wait(1) and t:get())
  end,
}
operations.value = {
  make = function() return skein.value({ 1 }) end,
  run = function(v)
    v:set({ v:get(), ("x"):rep(200) })
    v:with(function() return 7 end)
  end,
  check = function(v)
    assert(v:get() ~= nil)
    v:set(5)
    assert(v:get() == 5 and v:add(2) == 7 and v:cas(7, 8))
  end,
}
operations.array = {
  make = function() return skein.array("int32", 10) end,
  run = function(a)
    a:write({ 1, 2, 3 })
    a:with(function() a[4] = a:add(1, 5) end)
    assert(#a:slice() == 10 and #skein.array("double", { 1.5 }) == 1)
  end,
  check = function(a)
    a:fill(3)
    assert(a[10] == 3 and a:slice(1, 2)[2] == 3)
  end,
}
operations.dict = {
  make = function() return skein.dict() end,
  run = function(d)
    for i = 1, 40 do d:set("key" .. i, { i }) end
    d:update("key1", function(t) return { t, t } end)
    d:add("n", 2)
    d:delete("key2")
    for k in d:pairs() do assert(k) end
  end,
  check = function(d)
    for k in d:pairs() do d:delete(k) end
    assert(#d == 0 and d:get("key1") == nil)
    d:set("key1", true)
    assert(d:get("key1") == true and #d == 1)
  end,
}

-- the wire
operations.pack = plain(function()
  local t = { 1, 2.5, "text", { ("y"):rep(300) }, x = false }
  t.self = t
  local u = skein.unpack(skein.pack(t, add, math.floor), { functions = true })
  assert(u.self == u and u[3] == "text")
end)

-- processes and threads
for _, method in ipairs({ "fork", "spawn", "server" }) do
  operations[method] = plain(function()
    local p <close> = skein.process({ method = method }, add, 1, 2)
    assert(p:get(10) == 3)
  end)
end
operations.thread = plain(function()
  local t <close> = skein.thread(add, 1, 2)
  assert(t:get(10) == 3)
end)
operations.killed = plain(function()
  local p <close> = skein.process(skein.sleep, 60)
  p:kill()
  assert(p:join(10))
end)
for _, kind in ipairs({ "process", "thread" }) do
  operations["pool of " .. kind] = {
    make = function() return skein.pool { workers = 2, kind = kind } end,
    run = function(pool)
      assert(pool:apply(add, 1, 2) == 3)
      assert(pool:submit(add, 2, 3):get(10) == 5)
      assert(pool:map(math.abs, { -1, -2 })[2] == 2)
      for _, ok in pool:imap(math.abs, { -1, -2 }) do assert(ok) end
    end,
    check = function(pool) assert(pool:apply(add, 1, 2) == 3) end,
    close = function(pool)
      pool:terminate()
      pool:join()
    end,
  }
  operations["a new pool of " .. kind] = plain(function()
    local pool <close> = skein.pool { workers = 1, kind = kind }
    assert(pool:apply(add, 1, 2) == 3)
  end)
end


-- jobs that are stopped: asked again, or at the end of their time, they do stop
local function stopping(run, again)
  return {
    make = function() -- there is room for the jobs
      return { pool = skein.pool(1), gate = skein.queue(), job = false, first = false }
    end,
    run = run,
    check = function(o)
      for _, key in ipairs { "job", "first" } do
        if o[key] and again then o[key]:cancel() end
        assert(not o[key] or o[key]:join(8))
      end
      assert(o.pool:apply(add, 1, 2) == 3)
    end,
    close = function(o)
      o.pool:terminate()
      o.pool:join()
    end,
  }
end

local function pass(gate) return gate:get() end

local function begin(o)
  local job = o.pool:submit(pass, o.gate)
  o.first = job
  while job:status() == "pending" do skein.sleep(0.0002) end
end

operations["cancel of a job"] = stopping(function(o)
  begin(o)
  o.first:cancel("enough")
  assert(o.first:join(5) and o.first:status() == "cancelled")
end, true)
operations["drop of a job"] = stopping(function(o)
  begin(o)
  o.job = o.pool:submit(add, 1, 2):on_done(idle)
  o.job:cancel("enough")
  assert(o.job:done() and o.job:error())
end, true)
operations["limit of a job"] = stopping(function(o)
  o.job = o.pool:submit({ timeout = 0.001 }, pass, o.gate)
  assert(o.job:join(5) and o.job:status() == "failed" and o.job:error())
end)
operations["map that fails"] = stopping(function(o)
  local ok, err = pcall(o.pool.map, o.pool, error, { 1, 2, 3 })
  assert(not ok and err)
end)
operations["map that is stopped"] = stopping(function(o)
  local ok, err = pcall(o.pool.map, o.pool, pass, { o.gate, o.gate, o.gate, o.gate },
    { chunk = 1, timeout = 0.001 })
  assert(not ok and err)
end)

-- programs and sockets
if skein.command then
  operations.command = plain(function()
    local c <close> = skein.command { "true" }
    assert(c:get(10).code == 0)
  end)
  operations["command that is fed"] = plain(function()
    local text = ("x"):rep(100000)
    local c <close> = skein.command { "cat", stdin = text, env = { A = "b" }, timeout = 10 }
    assert(c:get(10).stdout == text)
  end)
  operations["command with streams"] = plain(function()
    local c <close> = skein.command { "cat", stdin = "pipe", stdout = "pipe", stderr = "null" }
    local stdin <close> = c.stdin
    local stdout <close> = c.stdout
    assert(stdin:write("x"))
    assert(stdout:read(1) == "x")
    stdin:close()
    assert(c:get(10).code == 0)
  end)
  operations["command that is ended"] = plain(function()
    local c = skein.command { "sleep", 60, timeout = 0.001 }
    assert(c:get(10).timed_out)
    c = skein.command { "sleep", 60 }
    c:cancel("enough")
    assert(c:join(10) and c:status() == "cancelled")
  end)
end
if skein.net then
  operations.net = plain(function()
    local server <close> = assert(skein.net.listen("127.0.0.1", 0))
    local _, port = server:sockname()
    local s <close> = assert(skein.net.connect("127.0.0.1", port, { timeout = 5 }))
    local c <close> = assert(server:accept(5))
    assert(s:write("hello\n") and c:read("l", 5) == "hello")
  end)
  operations.udp = plain(function()
    local u <close> = assert(skein.net.udp("127.0.0.1", 0))
    local v <close> = assert(skein.net.udp("127.0.0.1", 0))
    assert(v:send("hello", u:sockname()))
    assert(u:recv(5) == "hello")
  end)
  operations.pick = plain(function()
    local server <close> = assert(skein.net.listen("127.0.0.1", 0))
    local u <close> = assert(skein.net.udp("127.0.0.1", 0))
    local s <close> = assert(skein.net.connect("127.0.0.1", (select(2, server:sockname())), 5))
    local i, c = skein.select({ u, server }, 5)
    assert(i == 2 and c)
    local _ <close> = c
    assert(s:write("hello\n"))
    i, c = skein.select({ u, { c, "read", "l" }, server }, 5)
    assert(i == 2 and c == "hello")
    local t <close> = skein.task(u.send, u, "data", u:sockname())
    assert(skein.wait({ server, u }, 5)[1] == u)
    t:join()
    i, c = skein.select({ server, u }, 5)
    assert(i == 2 and c == "data")
  end)
  operations.name = plain(function()
    local server <close> = assert(skein.net.listen("127.0.0.1", 0))
    local s <close> = assert(skein.net.connect("localhost", (select(2, server:sockname())), 0.3))
    local c <close> = assert(server:accept(0.3))
    assert(c:peername() and s:peername())
  end)
  operations.serve = plain(function()
    local server <close> = assert(skein.net.listen("127.0.0.1", 0))
    local serving <close> = skein.task(server.serve, server, function(conn)
      conn:write(conn:read("l", 5))
    end)
    local s <close> = assert(skein.net.connect("127.0.0.1", (select(2, server:sockname())), 5))
    assert(s:write("hello\n") and s:read("a", 0.3) == "hello")
    server:close()
    assert(serving:get(5))
  end)
  operations.handover = plain(function()
    local a, b = skein.net.pair()
    local _ <close>, q = assert(a), skein.queue()
    b:write("unread")
    a:read(2)
    q:put(a)
    local c <close> = q:get(5)
    b:close()
    assert(c:read("a", 5) == "read")
  end)
  operations.file = plain(function()
    local f <close> = assert(skein.open("/dev/null", "r+", 0.3))
    assert(f:write("x", 0.3))
    local g <close> = assert(skein.open("/proc/self/exe", "r", 0.3))
    assert(#g:read(100000, 0.3) == 100000 and #g:read(100, 0.3) == 100)
  end)
end

return operations
