--- What others do to a program while it works: signals, stops, limits, streams
--- that are closed, full or broken.

local shell = require("spec.shell")
local skein = require("skein")
local support = require("spec.support")
local task = support.task

local instrumented = os.getenv("PRELOAD") or os.getenv("UNDER")

--- Runs `code`, in which `say` writes to a file, by the shell line `how`, where
--- $LUA is the command. Returns what it said, its exit code, what it printed.
local function run(how, code)
  local said, status, printed
  shell.scratch(function(dir)
    shell.write(dir .. "/program.lua", ([[
      local skein = require("skein")
      local function say(...)
        local file <close> = assert(io.open(%q, "a"))
        file:write(table.concat({ ... }, " "), "\n")
      end
    ]]):format(dir .. "/said") .. code)
    status, printed = shell.run(("LUA_PATH=%s LUA_CPATH=%s LUA=%s; export LUA_PATH LUA_CPATH; ("
      .. how .. ")"):format(shell.quote(package.path), shell.quote(package.cpath),
      shell.quote("timeout -s KILL 20 " .. support.lua .. " " .. dir .. "/program.lua")))
    local file = io.open(dir .. "/said")
    said = file and file:read("a")
    if file then file:close() end
  end)
  return said, status, printed
end

--- All ways to run something beside the caller, and all to talk with it.
local WORK = [[
  local function work()
    local q, total = skein.queue(4), 0
    local a, b = skein.pipe()
    local v = skein.value(0)
    local function feed(n)
      for i = 1, n do q:put(i) v:add(1) end
      return n
    end
    local helpers = { skein.process({ method = "spawn" }, feed, 50),
      skein.process({ method = "server" }, feed, 50), skein.thread(feed, 50),
      skein.task(feed, 50) }
    for _ = 1, 200 do total = total + q:get(10) end
    for i, h in ipairs(helpers) do assert(h:get(10) == 50, i) end
    local echo = skein.process({ method = "spawn" }, function() b:send(b:recv()) end)
    a:send(("x"):rep(200000))
    assert(#a:recv(10) == 200000)
    echo:get(10)
    return total, v:get()
  end
]]

describe("a program", function()
  it("is hit by a signal every millisecond and loses nothing", function()
    local said = run("$LUA", WORK .. [[
      local hits = 0
      local signals = skein.signal("USR1")
      local pid = skein.self().pid
      local pest = skein.process({ method = "spawn", daemon = true }, function()
        local me = skein.parent().pid
        while os.execute("for i in 1 2 3 4 5 6 7 8 9 10; do kill -USR1 " .. me ..
          "; sleep 0.001; done") do end
      end)
      skein.task(function() for _ in signals:items() do hits = hits + 1 end end)
      assert(pid == skein.parent() or pid)
      while hits == 0 do skein.sleep(0.001) end
      local early = 0
      for _ = 1, 100 do
        local began = skein.now()
        skein.sleep(0.002)
        if skein.now() - began < 0.002 then early = early + 1 end
      end
      local total, n = work()
      say(total, n, early, tostring(hits > 20))
      pest:kill()
      signals:close()
    ]])
    assert.equal("5100 200 0 true\n", said)
  end)

  it("goes on with a peer that was stopped for a while", task(function()
    local q, done = skein.queue(2), skein.queue()
    local p = skein.process({ method = "spawn" }, function()
      for i = 1, 200 do q:put(i) end
      done:put(true)
    end)
    local total = 0
    for i = 1, 200 do
      total = total + q:get(10)
      if i % 50 == 25 then
        p:signal("STOP")
        assert.is_nil((p:join(0.01)))
        p:signal("CONT")
      end
    end
    assert.equal(20100, total)
    assert.is_true(done:get(10))
    assert.is_true(p:join(10))
  end))

  it("that has used up its descriptors says so, and recovers", function()
    local said = run("ulimit -n 64; $LUA", WORK .. [[
      local handles, why = {}, nil
      for i = 1, 100 do
        local ok, h = pcall(skein.process, { method = "spawn" }, skein.sleep, 60)
        if not ok then why = h break end
        handles[i] = h
      end
      assert(#handles > 20, #handles)
      for _, h in ipairs(handles) do h:kill() h:join() end
      say(tostring(why):match("Too many open files"))
      say(work())
    ]])
    assert.equal("Too many open files\n5100 200\n", said)
  end)

  it("works in a small address space", function()
    if instrumented then pending("the address space is the sanitizer's") end
    local said = run("ulimit -v 400000; $LUA", WORK .. "say(work())")
    assert.equal("5100 200\n", said)
  end)

  it("works with a full disk for its output", function()
    local said = run("$LUA >/dev/full 2>&1", WORK .. [[
      print("nobody will read this")
      local p = skein.process(function() print("nor this") error("nor that") end)
      local ok, err = pcall(p.get, p)
      say(tostring(ok), err.kind, tostring(p:exitcode()))
      say(work())
    ]])
    assert.equal("false error 1\n5100 200\n", said)
  end)

  it("works without standard streams", function()
    local said = run("$LUA <&- >&- 2>&-", WORK .. [[
      for _, method in ipairs({ "fork", "spawn", "server" }) do
        local p = skein.process({ method = method }, function()
          io.stdout:write(("out "):rep(1000))
          io.stderr:write(("err "):rep(1000))
          error("told to nobody")
        end)
        local ok, err = pcall(p.get, p)
        say(method, tostring(ok), err.kind, tostring(p:exitcode()))
      end
      say(work())
    ]])
    assert.equal("fork false error 1\nspawn false error 1\nserver false error 1\n5100 200\n", said)
  end)

  it("that dies of a broken pipe leaves nobody behind", function()
    local said = run("$LUA | true", [[
      local children = { skein.process(skein.sleep, 60),
        skein.process({ method = "spawn" }, skein.sleep, 60),
        skein.process({ method = "server" }, skein.sleep, 60) }
      for i, p in ipairs(children) do children[i] = p.pid end
      say(table.unpack(children))
      while true do
        print("x")
        io.stdout:flush()
        skein.sleep(0.001)
      end
    ]])
    local due = skein.now() + 5
    for pid in said:gmatch("%d+") do
      local function lives()
        local file = io.open("/proc/" .. pid .. "/stat")
        if not file then return false end
        local state = file:read("a"):match("%) (%a)")
        file:close()
        return state ~= "Z"
      end
      while lives() and skein.now() < due do skein.sleep(0.005) end
      assert.is_false(lives(), "process " .. pid .. " lives on")
    end
  end)
end)
