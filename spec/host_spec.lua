--- skein in a C program that embeds Lua: several states, closed or not, and
--- signal handlers that are not skein's.

local family = require("spec.family")
local shell = require("spec.shell")
local support = require("spec.support")

local dir

--- Compiles the host; false if there is no Lua library to link with.
local function build()
  local code, said = shell.run(("${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -I$(tools/find include) "
    .. "-c spec/host/host.c -o %s/host.o"):format(dir))
  assert(code == 0, said)
  for _, lib in ipairs { "lua5.4", "lua-5.4", "lua54", "lua" } do
    code = shell.run(("${CC:-cc} %s/host.o -o %s/host -l%s -lpthread -lm -ldl"):format(
      dir, dir, lib))
    if code == 0 then return true end
  end
  return false
end

local function write(name, code)
  local path = dir .. "/" .. name
  local file <close> = assert(io.open(path, "w"))
  file:write('local skein = require("skein")\nlocal function spin() while true do end end\n', code)
  return path
end

--- Runs the host on two pieces of code: what it printed, and its exit code.
local function host(how, first, second)
  local command = ("LUA_PATH='%s' LUA_CPATH='%s' timeout -s KILL %d %s/host %s %s %s 2>&1"):format(
    package.path, package.cpath, support.patience, dir, how,
    write("first.lua", first), write("second.lua", second or first))
  local code, output = shell.run(command)
  return output, code
end

describe("in a host", function()
  local built
  setup(function()
    dir = os.tmpname()
    os.remove(dir)
    os.execute("mkdir " .. dir)
    built = build()
  end)
  teardown(function() os.execute("rm -r " .. dir) end)

  local function it_runs(text, body)
    it(text, function()
      if not built then return pending("no Lua library to link with") end
      body()
    end)
  end

  local busy = [[
    local q, e = skein.queue(), skein.event()
    for _ = 1, 3 do skein.task(q.get, q) end
    skein.task(skein.sleep, 60)
    skein.task(function() skein.shield(e.wait, e) end)
    skein.process({ daemon = true }, spin)
    skein.process({ daemon = true, method = "server" }, spin)
    skein.process({ method = "spawn" }, function() require("skein").sleep(0.05) print("late") end)
    local pool = skein.pool { workers = 1 }
    pool:submit(spin)
    skein.thread({ daemon = true }, spin):join(0.01)
    skein.thread(function() require("skein").sleep(0.05) print("late") end)
    skein.task({ name = "lost" }, error, "nobody asks", 0)
    skein.yield()
    print("ran", skein.self().name)
  ]]

  local function sorted(output)
    local lines = {}
    for line in output:gmatch("[^\n]+") do
      if not line:find("^%s") and line ~= "stack traceback:" then lines[#lines + 1] = line end
    end
    table.sort(lines)
    return lines
  end

  local whole = {
    "host: ends", "late", "late", "late", "late", "ran\tmain", "ran\tmain",
    "skein: task 'lost' failed: nobody asks", "skein: task 'lost' failed: nobody asks",
  }

  it_runs("states are closed one after the other", function()
    local output, code = host("turns", busy)
    assert.same(whole, sorted(output))
    assert.match("host: ends\n$", output)
    assert.equal(0, code)
  end)

  it_runs("states may be left open when main returns", function()
    -- the second one cannot fork beside the threads of the first
    local threaded = busy:gsub("process%({ daemon = true },", "thread({ daemon = true },")
      :gsub("workers = 1", "workers = 1, kind = 'thread'")
    local output, code = host("leaves", threaded)
    assert.same(whole, sorted(output))
    assert.equal(0, code)
  end)

  it_runs("two states live side by side", function()
    local code = [[
      local q = skein.queue()
      local t = skein.thread(function() return q:get() end)
      local slow = skein.task(skein.sleep, 0.02)
      local p = skein.process({ method = "spawn" }, function() return 7 end)
      local n = 0
      function again()
        n = n + 1
        if n == 1 then
          q:put(NAME)
          print(t:get(), p:get(), slow:join(), #skein.children())
        else
          print(skein.process({ method = "server" }, function() return "still" end):get())
        end
      end
    ]]
    local output = host("both", "local NAME = 'a'\n" .. code, "local NAME = 'b'\n" .. code)
    assert.equal("a\t7\ttrue\t0\nb\t7\ttrue\t0\nstill\nhost: ends\n", output)
  end)

  it_runs("states live in threads of the host", function()
    local output, code = host("threads", [[
      local q = skein.queue()
      local t = skein.thread(function() return q:get() end)
      local list = skein.map({ 1, 2, 3 }, function(n)
        local method = n == 1 and "spawn" or "server"
        return skein.process({ method = method }, function() return n end):get()
      end)
      q:put(#list)
      print(t:get(), skein.self().kind)
    ]])
    assert.equal("3\tprocess\n3\tprocess\nhost: ends\n", output)
    assert.equal(0, code)
  end)

  it_runs("signal handlers stay what they were, and do what they did", function()
    local output, code = host("handlers", [[
      local function raise(name) io.popen("kill -" .. name .. " " .. skein.self().pid):close() end
      raise("CHLD")
      skein.sleep(0)
      skein.process(function() end):join()
      skein.process({ method = "server" }, function() end):join()
      raise("TERM")
      raise("PIPE")
      raise("INT") -- nothing waits
      local later <close> = io.popen("sleep 0.05; kill -INT " .. skein.self().pid)
      local ok, err = pcall(skein.sleep, 60)
      print(ok, err.kind)
      local signals = skein.signal("USR1")
      raise("USR1")
      print(signals:get())
      signals:close()
      raise("USR1")
    ]], "require('skein').sleep(0)")
    assert.equal(0, code)
    -- the children are children of the host: that it hears of their ends is no news
    output = output:gsub("host: signal 17\n", "")
    assert.equal("host: signal 15\nhost: signal 13\nhost: signal 02\nfalse\tinterrupted\nUSR1\n"
      .. "host: signal 10\nhost: ends\n", output)
  end)

  it_runs("it is one module however often it is required", function()
    local output = host("turns", [[
      local core = require("skein.core")
      local file = package.searchpath("skein.core", package.cpath)
      local again = assert(package.loadlib(file, "luaopen_skein_core"))()
      package.loaded["skein.core"], package.loaded["skein"] = nil, nil
      local second = require("skein")
      print(again == core, second ~= skein, second.self == skein.self)
      local c = skein.channel(0)
      second.task(c.put, c, "through")
      print(c:get())
      local q = second.queue()
      skein.process(function() q:put("over") end)
      print(q:get())
    ]])
    assert.equal(("true\ttrue\ttrue\nthrough\nover\n"):rep(2) .. "host: ends\n", output)
  end)

  it_runs("nothing of it is left when it has ended", function()
    local before = family.helpers()
    host("turns", busy)
    assert.same(before, family.helpers())
  end)
end)
