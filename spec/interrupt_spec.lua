--- How programs are ended: by signals, and by Ctrl-C.

local family = require("spec.family")
local program = require("spec.program")
local run, interrupt = program.run, program.interrupt

--- How `timeout` tells that its program was ended by signal n.
local function by(n) return -n end

describe("a program that is killed", function()
  for _, signal in ipairs { "KILL", "TERM" } do
    it("by " .. signal .. " takes all of its family along", function()
      local output, code, pids = interrupt(signal, [[
        local busy = skein.process(spin)
        local idle = skein.process(skein.sleep, 60)
        local fresh = skein.process({ method = "spawn" }, function() while true do end end)
        local function helper()
          local path = "/proc/self/task/" .. skein.self().pid .. "/children"
          for pid in io.open(path):read("a"):gmatch("%d+") do
            local file <close> = io.open("/proc/" .. pid .. "/cmdline")
            if file:read("a"):find("serve(", 1, true) then return pid end
          end
        end
        local served = skein.process({ method = "server" }, function() while true do end end)
        local pipe, mine = skein.pipe()
        local deep = skein.process(function()
          local p = skein.process(function()
            pipe:send(skein.self().pid)
            while true do end
          end)
          p:join()
        end)
        local inner = mine:recv()
        skein.thread({ daemon = true }, spin)
        say(busy.pid, idle.pid, fresh.pid, served.pid, helper(), deep.pid, inner, skein.self().pid)
        skein.sleep(60)
      ]])
      assert.equal("", output)
      assert.equal(by(signal == "KILL" and 9 or 15), code)
      for _, pid in ipairs(pids) do assert.is_true(family.ends(pid), pid) end
    end)
  end

  it("takes its family along when it is busy itself", function()
    local output, _, pids = interrupt("KILL", [[
      local p = skein.process(spin)
      say(p.pid, skein.self().pid)
      spin()
    ]])
    assert.equal("", output)
    for _, pid in ipairs(pids) do assert.is_true(family.ends(pid), pid) end
  end)

  it("as a child lets the others go on", function()
    local output, code, pids = interrupt("KILL", [[
      local q, l = skein.queue(), skein.lock()
      local other = skein.process(function() return q:get() end)
      local victim = skein.process(function()
        l:acquire()
        skein.process(spin) -- a child of its own
        say(other.pid, skein.self().pid)
        q:join()
        spin()
      end)
      victim:join()
      print(victim:exitcode(), l:acquire())
      q:put("still here")
      print(other:get())
    ]])
    assert.equal("-9\ttrue\tabandoned\nstill here\n", output)
    assert.equal(0, code)
    assert.is_true(family.ends(pids[2]))
  end)

  it("by the system in the middle of a wait for a child, too", function()
    local _, _, pids = interrupt("KILL", [[
      local p = skein.process(function() skein.sleep(60) end)
      say(p.pid, skein.self().pid)
    ]])
    assert.is_true(family.ends(pids[1]))
  end)
end)

describe("Ctrl-C", function()
  it("ends a wait of the main program with an error", function()
    local output, code = interrupt("INT", [[
      say(skein.self().pid)
      local ok, err = pcall(skein.sleep, 60)
      print(ok, err.kind)
    ]])
    assert.equal("false\tinterrupted\n", output)
    assert.equal(0, code)
  end)

  it("uncaught ends the program and its children", function()
    local output, code, pids = interrupt("INT", [[
      local p = skein.process(skein.sleep, 60)
      local d = skein.process({ daemon = true }, spin)
      local own <close> = p
      say(p.pid, d.pid, skein.self().pid)
      p:join()
    ]])
    assert.equal(1, code)
    assert.match("interrupted", output)
    for _, pid in ipairs(pids) do assert.is_true(family.ends(pid), pid) end
  end)

  it("cancels a run, which raises it", function()
    local output, code = interrupt("INT", [[
      local ok, err = pcall(skein.run, function()
        local own <close> = setmetatable({}, { __close = function() print("clean") end })
        skein.task(function()
          local inner <close> = setmetatable({}, { __close = function() print("clean too") end })
          skein.sleep(60)
        end)
        skein.yield()
        say(skein.self().pid)
        skein.sleep(60)
      end)
      print(ok, err.kind)
    ]])
    assert.equal("clean\nclean too\nfalse\tinterrupted\n", output)
    assert.equal(0, code)
  end)

  it("at the terminal reaches a child as well, which dies of it quietly", function()
    local output, code = interrupt("INT", [[
      local p = skein.process(function()
        say(skein.self().pid)
        skein.sleep(60)
      end)
      p:join()
      print(p:exitcode(), p:status(), p:error().kind, p:error().signal)
    ]])
    assert.equal("-2\tfailed\tkilled\t2\n", output)
    assert.equal(0, code)
  end)

  it("interrupts a busy child", function()
    local output = interrupt("INT", [[
      local p = skein.process(function()
        say(skein.self().pid)
        spin()
      end)
      p:join()
      print(p:exitcode())
    ]])
    assert.equal("-2\n", output)
  end)

  it("that is ignored stays so in children", function()
    local output = run [[
      local probe = "grep SigIgn /proc/%d/status"
      local function ignores()
        local list = io.popen(probe:format(skein.self().pid))
        local mask = tonumber(list:read("a"):match("(%x+)\n"), 16)
        list:close()
        return mask & 2 ~= 0
      end
      local code = [=[
        local skein = require("skein")
        local p = skein.process(function() return arg end)
      ]=]
      say(ignores() == skein.process(ignores):get())
    ]]
    assert.equal("true\n", output)
  end)

  it("reaches a loop in a coroutine that is not skein's", function()
    local output, code = interrupt("INT", [[
      local function busy() say(skein.self().pid) spin() end
      local wrapped = coroutine.wrap(function() coroutine.wrap(busy)() end)
      local ok, err = pcall(skein.run, function() skein.task(skein.sleep, 60) wrapped() end)
      print(ok, err.kind)
    ]])
    assert.equal("false\tinterrupted\n", output)
    assert.equal(0, code)
  end)

  it("again ends the wait of a run that takes long to clean up", function()
    local output, code = interrupt("INT 0.3 INT", [[
      local ok, err = pcall(skein.run, function()
        skein.task(function()
          pcall(skein.sleep, 60)
          skein.shield(skein.sleep, 60)
        end)
        skein.yield()
        say(skein.self().pid)
        skein.sleep(60)
      end)
      print(ok, err.kind)
    ]])
    assert.equal("false\tinterrupted\n", output)
    assert.equal(0, code)
  end)

  it("again ends a program that cannot hear it", function()
    local output, code = interrupt("INT 0.5 INT", [[
      skein.process({ daemon = true }, skein.sleep, 60)
      skein.run(function()
        io.popen("sleep 0.2; echo $PPID >&2; exec sleep 2"):read() -- it tells when we wait
        say("not ended")
      end)
    ]])
    assert.equal("", output)
    assert.equal(by(2), code)
  end)

  it("twice at once is not more than once", function()
    local output, code = interrupt("INT INT", [[
      local ok, err = pcall(skein.run, function()
        local own <close> = setmetatable({}, { __close = function() print("clean") end })
        say(skein.self().pid)
        spin()
      end)
      print(ok, err.kind)
      pcall(skein.sleep, 0.2) -- the other one may come late
    ]])
    assert.equal("clean\nfalse\tinterrupted\n", output)
    assert.equal(0, code)
  end)
end)

describe("SIGTERM in a child", function()
  it("that meets what its top level waits for is not lost", function()
    local output = run [[
      local p = skein.process(function()
        local c = skein.channel(0)
        skein.task(function()
          c:put(1)
          os.execute("kill -TERM " .. skein.self().pid)
        end)
        c:get()
        spin()
      end)
      say(p:join(5), p:exitcode())
    ]]
    assert.equal("true\t-15\n", output)
  end)
end)

describe("a program in which everything lives", function()
  for _, signal in ipairs { "INT", "TERM", "KILL" } do
    it("takes all along when it is ended by " .. signal, function()
      local output, _, pids = interrupt(signal, [[
        local q, none = skein.queue(), skein.queue()
        local pids = {}
        for _ = 1, 3 do skein.task(none.get, none) end
        local function alive() q:put(require("skein").self().pid) end
        for _, method in ipairs { "fork", "spawn", "server" } do
          skein.process({ method = method, daemon = true }, function()
            alive()
            while true do end
          end)
          skein.process({ method = method, daemon = true }, function()
            alive()
            pcall(string.rep("a", 1 << 20).find, string.rep("a", 1 << 20), ("a*"):rep(60) .. "b")
          end)
        end
        local pool = skein.pool(2)
        pool:submit(function() alive() spin() end)
        skein.thread({ daemon = true }, spin)
        for i = 1, 7 do pids[i] = q:get() end
        pids[#pids + 1] = skein.self().pid
        say(table.concat(pids, " "))
        none:get()
      ]])
      if signal == "INT" then
        assert.match("interrupted", output)
        assert.not_match("failed", output)
      else
        assert.equal("", output)
      end
      for _, pid in ipairs(pids) do assert.is_true(family.ends(pid), pid) end
    end)
  end
end)
