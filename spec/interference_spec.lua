--- What others do to a program while it works: signals, stops, limits, streams
--- that are closed, full or broken.

local shell = require("spec.shell")
local skein = require("skein")
local family = require("spec.family")
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

--- All that waits for a span: `spans()` tells of those that it did not take, none.
local SPANS = [[
  local function spans()
    local q, c, event = skein.queue(), skein.channel(), skein.event()
    local pipe, other = skein.pipe()
    local server = skein.net.listen("127.0.0.1", 0)
    local stream = skein.net.connect(server:sockname())
    local conn = server:accept()
    local long = skein.thread(function() require("skein").sleep(60) end)
    local waits = {
      sleep = skein.sleep,
      task = function(s) skein.task(skein.sleep, s):join() end,
      queue = function(s) q:get(s) end,
      channel = function(s) c:get(s) end,
      event = function(s) event:wait(s) end,
      pipe = function(s) pipe:recv(s) end,
      select = function(s) skein.select({ q, c }, s) end,
      thread = function(s) long:join(s) end,
      process = function(s) skein.process({ method = "spawn" }, skein.sleep, s):join() end,
      stream = function(s) stream:read(1, s) end,
      accept = function(s) server:accept(s) end,
      timeout = function(s) pcall(skein.timeout, s, q.get, q) end,
      command = function(s) skein.command { "sleep", "60", timeout = s }:join() end,
      every = function(s) for _ in skein.every(s) do break end end,
    }
    local wrong = {}
    for name, wait in pairs(waits) do
      local began = skein.now()
      wait(0.05)
      local took = skein.now() - began
      if took < 0.05 or took > 5 then wrong[#wrong + 1] = name .. " " .. took end
    end
    for _, each in ipairs { stream, conn, server, pipe, other } do each:close() end
    long:cancel()
    pcall(long.get, long)
    return "wrong: " .. table.concat(wrong, ", ")
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
      while hits <= 20 do skein.sleep(0.001) end -- a busy machine makes fewer of them
      say(total, n, early)
      pest:kill()
      signals:close()
    ]])
    assert.equal("5100 200 0\n", said)
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

  it("does not look at the time of day, whatever it jumps to", function()
    shell.scratch(function(dir)
      local library = dir .. "/wallclock.so"
      local code, output = shell.run("${CC:-cc} -std=c11 -D_GNU_SOURCE -shared -fPIC "
        .. "spec/host/wallclock.c -o " .. library)
      assert(code == 0, output)
      local preload = ("LD_PRELOAD='%s %s' $LUA"):format(os.getenv("LD_PRELOAD") or "", library)
      local said, status, printed = run(preload, WORK .. SPANS .. [[
        local seen = {}
        for _ = 1, 4 do seen[os.time() // 1800] = true end
        say(next(seen, next(seen)) and "it jumps")
        say(spans())
        say(work())
        -- the end waits for them without a word
        for i = 1, 3 do skein.thread(function() require("skein").sleep(i / 10) end) end
        skein.thread({ daemon = true }, function() while true do end end)
      ]])
      assert.equal("it jumps\nwrong: \n5100 200\n", said)
      assert.same({ 0, "" }, { status, printed })
    end)
  end)

  for _, shift in ipairs { "10000000", "-60" } do
    it("lives where the clocks are shifted by " .. shift .. " seconds", function()
      local enter = ("unshare --time --fork --kill-child --boottime %s --monotonic %s "):format(
        shift, shift)
      if shell.run(enter .. "true") ~= 0 then return pending("no time namespace permitted") end
      local body = WORK .. SPANS .. "say(spans()) say(work())"
      local said, status, printed = run(enter .. "$LUA", body)
      assert.equal("wrong: \n5100 200\n", said)
      assert.same({ 0, "" }, { status, printed })
    end)
  end

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
    for pid in said:gmatch("%d+") do
      assert.is_true(family.ends(pid), "process " .. pid .. " lives on")
    end
  end)
end)
