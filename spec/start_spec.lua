--- Starts that fail, and what fresh processes run: an error, and nothing left.

local skein = require("skein")
local program = require("spec.program")
local family = require("spec.family")
local shell = require("spec.shell")
local support = require("spec.support")
local test, run = family.test, program.run

--- Tries to start a process by each method, or a thread, while that is refused;
--- whether anything is left behind, and whether it works again afterwards.
local probe = [[
  local core = require("skein.core")
  local function fds()
    local n = 0
    for fd = 0, 255 do
      local info = io.open("/proc/self/fdinfo/" .. fd)
      if info then n = n + 1 info:close() end
    end
    return n
  end
  local function state()
    collectgarbage() collectgarbage()
    local status <close> = io.open("/proc/self/status")
    local objects, bytes = core.arena()
    return ("%d objects, %d bytes, %d descriptors, %s threads"):format(objects, bytes, fds(),
      status:read("a"):match("Threads:%s*(%d+)"))
  end
]]

describe("a start", function()
  local dir, preload
  setup(function()
    dir = select(2, shell.run("mktemp -d")):match("^[^\n]+")
    local refuse = shell.compile("spec/host/refuse.c", dir, "refuse")
    -- behind a sanitizer, which has to be the first
    preload = ("LD_PRELOAD='%s %s' "):format(os.getenv("LD_PRELOAD") or "", refuse)
  end)
  teardown(function() os.execute("rm -r " .. dir) end)

  for _, case in ipairs {
    { "fork", "skein.process", "process" }, { "spawn", "skein.process", "process" },
    { "server", "skein.process", "process" }, { "thread", "skein.thread", "thread" },
  } do
    local method, fn, noun = table.unpack(case)
    local refused = method == "server" and "spawn" or method
    it("of a " .. noun .. " (" .. method .. ") that is refused leaves nothing", function()
      local output, code = run(probe .. ([[
        local opts = { method = "%s" }
        if "%s" == "thread" then opts = {} end
        local function start(f) return %s(opts, f or function() return 1 end) end
        local kept = %s({ start = false, method = opts.method }, function() return "kept" end)
        for _ = 1, 3 do pcall(start) end
        local before = state()
        for _ = 1, 20 do
          local ok, err = pcall(start)
          if ok or not err:find("cannot start a %s: .*Resource temporarily") then print(ok, err) end
          ok, err = pcall(kept.start, kept)
          if ok or kept:status() ~= "new" then print("kept", ok, err, kept:status()) end
        end
        local after = state()
        print(before == after or before .. " -> " .. after, #skein.children())
      ]]):format(method, method, fn, fn, noun), nil, preload .. "REFUSE=" .. refused)
      assert.equal("true\t0\n", output)
      assert.equal(0, code)
    end)
  end

  it("that was refused can be made again", function()
    local output = run([[
      local h = skein.process({ start = false }, function() return "in the end" end)
      local q = skein.queue()
      skein.process(function() end):join()
      local t = skein.thread({ start = false }, function() return "too" end)
      print(pcall(h.start, h))
      print(t:start():get())
    ]], nil, preload .. "REFUSE=fork REFUSE_AFTER=1")
    assert.match("^false\t.*cannot start a process: Resource temporarily unavailable\ntoo\n$",
      output)
  end)

  it("of a pool that the system refuses raises", function()
    local output, code = run([[
      print(pcall(skein.pool, 2))
      local pool = skein.pool { workers = 1, kind = "thread" }
      print(pool:apply(function() return "well" end))
    ]], nil, preload .. "REFUSE=fork")
    assert.match("^false\t.*cannot start a process: Resource temporarily unavailable\nwell\n$",
      output)
    assert.equal(0, code)
  end)

  it("with little address space raises, and the program goes on", function()
    local output, code = run([[
      skein.on_error(function() end) -- those that began, and had no memory
      local started = {}
      local ok, err = true, nil
      while ok and #started < 200 do
        ok, err = pcall(function()
          started[#started + 1] = skein.thread({ daemon = true }, function()
            require("skein").sleep(60)
          end)
        end)
      end
      print(ok, (err or ""):match("cannot start a thread: [^\n]*") or err)
      for _, t in ipairs(started) do t:cancel() t:join() end
      print(skein.thread(function() return "well" end):get())
    ]], "ulimit -v 700000;")
    assert.match("^false\tcannot start a thread: .*\nwell\n$", output)
    assert.equal(0, code)
  end)
end)

describe("skein.interpreter", function()
  local function fresh(method, fn, ...)
    return skein.process({ method = method }, fn, ...)
  end

  it("is the program that runs this one, if that is lua", test(function()
    assert.equal(support.lua, skein.interpreter())
    assert.equal(support.lua, fresh("spawn", function()
      return require("skein").interpreter()
    end):get())
  end))

  it("rejects what is no path", test(function()
    local function wrong(text, path)
      assert.error_matches(function() skein.interpreter(path) end, text)
    end
    wrong("string expected, got boolean", true)
    wrong("path of a program expected", "")
    wrong("path of a program expected", ("x"):rep(5000))
  end))

  it("that is missing, or no Lua, is named when a start fails", function()
    local output = run [[
      skein.interpreter("/no/such/lua")
      print(skein.interpreter())
      for _, method in ipairs { "spawn", "server" } do
        print(select(2, pcall(skein.process, { method = method }, print)))
      end
      print(skein.process(function() return "a fork needs none" end):get())
      skein.interpreter("/bin/false")
      print(select(2, pcall(skein.process, { method = "server" }, print)))
      local p = skein.process({ method = "spawn" }, print)
      p:join()
      print(p:exitcode(), p:error().kind)
    ]]
    local lines = {}
    for line in output:gmatch("[^\n]+") do lines[#lines + 1] = line end
    assert.equal("/no/such/lua", lines[1])
    for i = 2, 3 do
      assert.match("cannot start a process: /no/such/lua: No such file or directory$", lines[i])
    end
    assert.equal("a fork needs none", lines[4])
    assert.match("cannot start a process: /bin/false: ", lines[5])
    assert.equal("1\texited", lines[6])
  end)

  it("is that of children, too, and may set up what they need", function()
    shell.scratch(function(dir)
      local path = dir .. "/my interpreter"
      shell.write(path, "#!/bin/sh\nMARK=$MARK+ exec " .. support.lua .. ' "$@"\n')
      os.execute("chmod +x " .. shell.quote(path))
      local output = run(([[
        skein.interpreter(%q)
        local function mark() return os.getenv("MARK"), require("skein").interpreter() end
        for _, method in ipairs { "spawn", "server" } do
          print(skein.process({ method = method }, mark):get())
          print(skein.process({ method = method }, function(f, m)
            return require("skein").process({ method = "spawn" }, f):get()
          end, mark):get())
        end
        print(skein.thread(mark):get())
      ]]):format(path))
      output = output:gsub(path:gsub("%W", "%%%0"), "P")
      assert.equal("+\tP\n++\tP\n+\tP\n++\tP\nnil\tP\n", output)
    end)
  end)
end)
