--- skein.dump: the tree of processes, threads and tasks.

local skein = require("skein")
local support = require("spec.support")

local function sleeper(ready)
  ready:put(1)
  require("skein").sleep(60)
end

--- The line of `text` that matches, and how far it is indented.
local function find(text, pattern)
  for line in text:gmatch("[^\n]+") do
    if line:find(pattern) then return line, #line:match("^ *") end
  end
  error(("no line matches %s in:\n%s"):format(pattern, text), 2)
end

--- A dump, once it has a line that matches.
local function dump_with(pattern)
  local text
  for _ = 1, 400 do
    text = skein.dump()
    if text:find(pattern) then return text end
    skein.sleep(0.005)
  end
  find(text, pattern)
end

describe("dump", function()
  it("begins with this process", function()
    local first = skein.dump():match("^[^\n]+")
    assert.matches(("^process 'main', pid %d: running, at spec/dump_spec.lua:%%d+")
      :format(skein.self().pid), first)
  end)

  it("has the tasks, each below the one it is part of", function()
    local outer = skein.task({ name = "outer" }, skein.group, function(g)
      g:task({ name = "inner" }, skein.sleep, 60)
    end)
    skein.sleep(0.002)
    local text = skein.dump()
    local _, first = find(text, "outer: waiting for .*, %d%.%d s")
    local line, second = find(text, "inner: waiting for sleep, %d%.%d s")
    assert.is_true(second > first)
    assert.not_matches("began", line)
    outer:cancel()
    outer:join()
    assert.not_matches("outer", skein.dump())
  end)

  it("has processes and threads, and those that they started", function()
    local ready = skein.queue()
    local p <close> = skein.process({ name = "elder" }, function()
      local child <close> = skein.process({ name = "younger" }, sleeper, ready)
      skein.task(skein.sleep, 60)
      child:join()
    end)
    local t <close> = skein.thread({ name = "spinner" }, sleeper, ready)
    ready:get()
    ready:get()
    local text = dump_with("'younger'[^\n]*sleep")
    text = text:find("'elder'[^\n]*; 1 task") and text or dump_with("'elder'[^\n]*; 1 task")
    text = text:find("'spinner'[^\n]*sleep") and text or dump_with("'spinner'[^\n]*sleep")
    local _, main = find(text, "^process 'main'")
    local _, elder = find(text, ("'elder', pid %d: waiting for process end, %%d+%%.%%d s")
      :format(p.pid))
    local _, younger = find(text, "process 'younger', pid %d+: waiting for sleep")
    local line, thread = find(text, "thread 'spinner': waiting for sleep")
    assert.same({ 0, 2, 4, 2 }, { main, elder, younger, thread })
    assert.matches("began %d+%.%d s ago$", line)
    t:cancel()
    p:cancel()
  end)

  it("tells who has a lock, and whose end is awaited", support.task(function()
    local l, v = skein.lock(), skein.value(1)
    l:acquire()
    local owner = skein.task({ name = "owner" }, v.with, v, function() skein.sleep(60) end)
    local q, far = skein.queue(), skein.lock()
    local p <close> = skein.process({ name = "elsewhere" }, function()
      far:acquire()
      q:put(1)
      skein.sleep(60)
    end)
    q:get()
    local tasks = {
      skein.task({ name = "a" }, l.acquire, l),
      skein.task({ name = "b" }, function() v:with(print) end),
      skein.task({ name = "c" }, owner.join, owner),
      skein.task({ name = "d" }, p.get, p),
      skein.task({ name = "e" }, skein.timeout, 60, p),
      skein.task({ name = "f" }, far.acquire, far),
    }
    skein.sleep(0.002)
    local text = skein.dump()
    find(text, "^  a: waiting for lock acquire, held by main, 0%.%d s$")
    find(text, "^  b: waiting for value with, held by owner, 0%.%d s, at spec/dump_spec.lua:%d+$")
    find(text, "^  c: waiting for the end of task 'owner', 0%.%d s$")
    find(text, "^  d: waiting for the end of process 'elsewhere', 0%.%d s$")
    find(text, "^  e: waiting for the end of process 'elsewhere', 0%.%d s$")
    find(text, "^  f: waiting for lock acquire, held by process 'elsewhere', 0%.%d s$")
    for _, t in ipairs(tasks) do t:cancel() end
    owner:cancel()
    for _, t in ipairs(tasks) do t:join() end
    owner:join()
    l:release()
  end))

  it("has commands that run, with what they wait for", support.task(function()
    local slow <close> = skein.command { "sleep", "60", name = "slow" }
    local deaf <close> = skein.command { "sh", "-c", "trap '' TERM; echo; exec sleep 60",
      stdin = ("x"):rep(1 << 20), stdout = "pipe", grace = 30 }
    deaf.stdout:read("l")
    local text = skein.dump()
    find(text, ("^  command 'slow', pid %d: running sleep; began %%d+%%.%%d s ago$")
      :format(slow.pid))
    local line = find(text, ("^  command 'command %%d+', pid %d: running sh; %%d+ bytes of "
      .. "its stdin are not read; began"):format(deaf.pid))
    assert.is_true(tonumber(line:match("(%d+) bytes")) < 1 << 20)
    deaf:terminate(30)
    find(skein.dump(), "pid %d+: running sh; .* told to end, killed in [23]%d%.%d s; ")
    local waiting = skein.task({ name = "waiter" }, slow.get, slow)
    skein.yield()
    find(skein.dump(), "^  waiter: waiting for the end of command 'slow', 0%.%d s$")
    slow:kill()
    deaf:kill()
    waiting:join()
    deaf:join()
    assert.not_matches("command", skein.dump())
    deaf.stdout:close()
  end))

  it("tells of a command that has ended before its group", support.task(function()
    local c <close> = skein.command { "sh", "-c",
      "(trap '' TERM; echo; exec sleep 60) & wait", stdout = "pipe" }
    c.stdout:read("l")
    c:terminate(60)
    find(dump_with("command[^\n]*has ended"), "^  command 'command %d+', pid %d+: has ended, "
      .. "waiting for the rest of its group; told to end, killed in %d+%.%d s; "
      .. "began %d+%.%d s ago$")
    c:kill()
    assert.equal(15, c:get(10).signal)
    c.stdout:close()
  end))

  it("has open servers and sockets, with who waits there", support.task(function()
    local net = skein.net
    local server = assert(net.listen("127.0.0.1", 0))
    local port = select(2, server:sockname())
    local name = ("unix:@skein-dump-%d"):format(skein.self().pid)
    local other, u = assert(net.listen(name)), assert(net.udp("127.0.0.1", 0))
    local t = skein.task(server.accept, server)
    local s = skein.task(skein.select, { server, skein.channel() })
    skein.yield()
    local text = skein.dump()
    find(text, ("^  server 127%%.0%%.0%%.1:%d: waiting for connections, 2 tasks$"):format(port))
    find(text, "^  server " .. name:gsub("%-", "%%-") .. ": nobody accepts$")
    find(text, ("^  udp socket 127%%.0%%.0%%.1:%d: nobody receives$"):format(
      select(2, u:sockname())))
    local client <close> = assert(net.connect(name))
    assert.is_false(client:closed())
    find(skein.dump(), "connections are there, nobody accepts$")
    s:cancel()
    t:cancel()
    server:close()
    other:close()
    u:close()
    assert.not_matches("server", skein.dump())
    assert.not_matches("udp", skein.dump())
  end))

  it("says so of the workers of a pool", function()
    local pool <close> = skein.pool { workers = 1, name = "smithy" }
    pool:apply(math.abs, 1)
    find(dump_with("smithy worker 1'[^\n]*a job"), "^  pool worker 'smithy worker 1', pid %d+")
  end)

  it("forgets who has ended", function()
    local p = skein.process({ name = "mayfly" }, print)
    p:kill()
    p:join()
    assert.not_matches("mayfly", skein.dump())
  end)

  it("is what a deadlock carries", function()
    local c = skein.channel()
    local err = support.failure(c.get, c)
    assert.equal("deadlock", err.kind)
    find(err.message, "^process 'main', pid %d+: waiting for channel get, 0%.%d s, at ")
  end)

  it("counts a wait of the top level from where it begins", function()
    local start = os.clock()
    while os.clock() - start < 1.1 do end -- the loop rests meanwhile
    local err = support.failure(function() skein.channel():get() end)
    find(err.message, "waiting for channel get, 0%.%d s, at ")
  end)
end)
