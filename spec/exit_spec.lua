--- How programs end: what they print, their exit code, what is left.

local skein = require("skein")
local support = require("spec.support")
local family = require("spec.family")

--- Starts `code` as a program of its own. Its output ends when the last process
--- that could write to it is gone.
local function launch(code)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write([[
    local skein = require("skein")
    io.stdout:setvbuf("full")
    local function say(...)
      print(...)
      io.stdout:flush()
    end
    local function spin() while true do end end
  ]], code)
  file:close()
  local command = ("LUA_PATH='%s' LUA_CPATH='%s' exec timeout -s KILL %d %s %s 2>&1"):format(
    package.path, package.cpath, support.patience, support.lua, path)
  local pipe = assert(io.popen(command))
  return {
    line = function() return pipe:read("l") end,
    finish = function()
      local output = pipe:read("a")
      local _, how, status = pipe:close()
      os.remove(path)
      return output, how == "exit" and status or -status
    end,
  }
end

--- Runs it: all that it printed, and its exit code (-n: signal n).
local function run(code)
  return launch(code).finish()
end

--- Runs it until it has printed numbers, sends a signal to the last of them;
--- what else it printed, its exit code, the numbers.
local function interrupt(signal, code)
  local program = launch(code)
  local line = program.line()
  local pids = {}
  for pid in line:gmatch("%d+") do pids[#pids + 1] = tonumber(pid) end
  -- lua's own handler answers to Ctrl-C until the program waits
  if signal == "INT" then family.sleeps(pids[#pids]) end
  os.execute(("kill -%s %d"):format(signal, pids[#pids]))
  local output, status = program.finish()
  return output, status, pids
end

--- How `timeout` tells that its program was ended by signal n.
local function by(n) return -n end

local function times(text, pattern)
  return select(2, text:gsub(pattern, ""))
end

describe("the end of a script", function()
  it("leaves nothing to say", function()
    local output, code = run [[
      skein.process(function() return 1 end):get()
      skein.thread(function() return 1 end):get()
      local q = skein.queue()
    ]]
    assert.equal("", output)
    assert.equal(0, code)
  end)

  it("prints what was buffered before a fork once", function()
    local output = run [[
      io.write("before ")
      local p = skein.process(function() io.write("child ") end)
      p:join()
      io.write("after")
    ]]
    assert.equal("before child after", output)
    for _, method in ipairs { "spawn", "server" } do
      output = run(([[
        io.write("before ")
        skein.process({ method = "%s" }, function() io.write("child ") end):join()
        io.write("after")
      ]]):format(method))
      assert.equal("before child after", output)
    end
  end)

  it("waits for processes and threads that are no daemons", function()
    local ways = { 'skein.process(late)', 'skein.thread(late)',
      'skein.process({ method = "spawn" }, late)',
      'skein.process({ method = "server" }, late)' }
    for _, how in ipairs(ways) do
      local output, code = run([[
        local function late()
          require("skein").sleep(0.05)
          io.write("late\n")
          io.stdout:flush()
        end
      ]] .. how .. ' say("main")')
      assert.equal("main\nlate\n", output)
      assert.equal(0, code)
    end
  end)

  it("ends daemons", function()
    local begin = skein.now()
    local output, code = run [[
      skein.process({ daemon = true }, skein.sleep, 60)
      skein.process({ daemon = true }, spin)
      skein.process({ daemon = true, method = "spawn" }, spin)
      skein.process({ daemon = true, method = "server" }, spin)
      skein.thread({ daemon = true }, spin)
      skein.thread({ daemon = true }, function() require("skein").sleep(60) end)
      say("main")
    ]]
    assert.equal("main\n", output)
    assert.equal(0, code)
    assert.is_true(skein.now() - begin < 10)
  end)

  it("takes the helper along, and what it forked", function()
    for _, last in ipairs { "", "os.exit(0)", "os.exit(0, true)", "error(1, 0)" } do
      local output = run([[
        skein.process({ method = "server", daemon = true }, skein.sleep, 60)
        skein.process({ method = "server" }, function()
          local inner = require("skein")
          inner.process({ method = "server" }, function()
            require("skein").sleep(0.05)
            print("grandchild")
          end)
        end)
        say("main")
      ]] .. last)
      assert.match("^main\n.*grandchild\n$", output)
    end
  end)

  it("does not run the parent's code in children", function()
    local output = run [[
      local closed <close> = setmetatable({}, { __close = function() print("closed") end })
      -- held, or the collector of a child may come upon it
      local _ = setmetatable({}, { __gc = function() print("collected") end })
      skein.process(function() end):join()
      skein.process(function() error("e") end):join()
      skein.process(function() os.exit(0) end):join()
      skein.process(function() os.exit(0, true) end):join()
      skein.process(function() os.exit(true, true) end):join()
      say("end")
    ]]
    assert.equal(1, times(output, "closed\n"))
    assert.equal(1, times(output, "end\n"))
    assert.equal(1, times(output, "collected\n"))
  end)

  it("waits for children of children", function()
    local output = run [[
      skein.process(function()
        skein.process(function()
          skein.sleep(0.05)
          say("grandchild")
        end)
        say("child")
      end)
      say("main")
    ]]
    assert.equal(3, times(output, "\n"))
    assert.match("grandchild\n$", output)
  end)

  it("lets a child see that nobody is left to answer", function()
    local output, code = run [[
      local q = skein.queue()
      skein.process({ name = "lonely" }, function() q:get() end)
    ]]
    assert.match("lonely.*can never come", output)
    assert.equal(0, code)
    output = run [[
      local q
      skein.process(function()
        q = skein.queue()
        skein.process({ name = "grand" }, function() q:get() end)
      end):join()
    ]]
    assert.match("grand.*can never come", output)
    output = run [[
      local q = skein.queue()
      skein.thread({ name = "string" }, function() q:get() end)
    ]]
    assert.match("string.*can never come", output)
  end)

  it("reports an unasked error once: of tasks, of threads, in children", function()
    local output, code = run [[
      local p = skein.process(function()
        skein.task({ name = "four" }, error, "inner error", 0)
        skein.sleep(0)
        skein.thread({ name = "five" }, error, "inner thread", 0)
      end)
      skein.task({ name = "one" }, error, "task error", 0)
      skein.sleep(0)
      skein.thread({ name = "two" }, error, "thread error", 0)
      skein.thread({ name = "three" }, function()
        require("skein").sleep(0.05)
        error("late error", 0)
      end)
    ]]
    assert.equal(0, code)
    for _, text in ipairs {
      "task 'one' failed: task error", "thread 'two' failed: thread error",
      "thread 'three' failed: late error",
      "task 'four' failed: inner error", "thread 'five' failed: inner thread",
    } do
      assert.equal(1, times(output, text), text)
    end
    assert.equal(5, times(output, "failed"))
  end)

  it("tells on_error of threads that outlive it", function()
    local output = run [[
      skein.on_error(function(err, text) say("told: " .. text:match("[^\n]*")) end)
      skein.thread({ name = "x" }, function()
        require("skein").sleep(0.02)
        error("late", 0)
      end)
    ]]
    assert.equal("told: thread 'x' failed: late\n", output)
  end)

  it("prints a child's error at once, and once", function()
    local output, code = run [[
      local p = skein.process({ name = "kid" }, function() error("mine") end)
      p:join()
      say("joined")
    ]]
    assert.equal(0, code)
    assert.equal(1, times(output, "mine"))
    assert.match("^skein: process 'kid' %(pid %d+%) failed: .*mine\n"
      .. "stack traceback.*joined\n$", output)
  end)

  it("may come in the middle of waits", function()
    local output, code = run [[
      local q = skein.queue()
      for _ = 1, 5 do skein.task(function() q:get() end) end
      skein.task(function() skein.sleep(60) end)
      skein.process(function() skein.sleep(0.01) end)
      skein.yield()
    ]]
    assert.equal("", output)
    assert.equal(0, code)
  end)

  it("closes what is to be closed", function()
    local output = run [[
      local p <close> = skein.process(spin)
      local t <close> = skein.thread({ start = false }, spin)
      say(p:status())
    ]]
    assert.equal("running\n", output)
  end)
end)

describe("an error in main", function()
  it("ends the program with it, after its children", function()
    local output, code = run [[
      skein.process(function()
        skein.sleep(0.03)
        say("late")
      end)
      skein.process({ daemon = true }, spin)
      error("main error")
    ]]
    assert.equal(1, code)
    assert.match("main error", output)
    assert.match("late\n", output)
  end)

  it("may be a child's", function()
    local output, code = run [[
      skein.process(error, "child error", 0):get()
    ]]
    assert.equal(1, code)
    assert.equal(2, times(output, "child error")) -- its own report, and main's
  end)

  it("in a run cancels what is in it", function()
    local output, code = run [[
      skein.run(function()
        skein.task(function()
          local own <close> = skein.process(spin)
          skein.sleep(60)
        end)
        skein.yield()
        error("run error")
      end)
    ]]
    assert.equal(1, code)
    assert.match("run error", output)
  end)
end)

describe("os.exit", function()
  for _, close in ipairs { "", ", true" } do
    it("with code" .. close .. " ends daemons, waits for the others", function()
      local output, code = run(([[
        skein.process(function()
          skein.sleep(0.05)
          say("late process")
        end)
        skein.process({ daemon = true }, spin)
        skein.thread(function()
          require("skein").sleep(0.05)
          print("late thread")
        end)
        skein.thread({ daemon = true }, spin)
        io.write("main\n")
        os.exit(7%s)
      ]]):format(close))
      assert.equal(7, code)
      assert.equal(1, times(output, "main\n"))
      assert.equal(1, times(output, "late process\n"))
      assert.equal(1, times(output, "late thread\n"))
    end)

    it("with code" .. close .. " works in a task, a child and a thread", function()
      local output, code = run(([[
        local function leave(n) os.exit(n%s) end
        local p = skein.process(leave, 3)
        local q = skein.process({ method = "spawn" }, leave, 4)
        p:join()
        q:join()
        say(p:exitcode(), q:exitcode())
        local r = skein.process(function() skein.task(leave, 5) skein.sleep(60) end)
        r:join()
        local s = skein.process(function() skein.thread(leave, 6) skein.sleep(60) end)
        s:join()
        say(r:exitcode(), s:exitcode())
        skein.task(leave, 9)
        skein.sleep(60)
      ]]):format(close))
      assert.equal("3\t4\n5\t6\n", output)
      assert.equal(9, code)
    end)
  end

  it("reports errors of threads that nobody can ask any more", function()
    local output, code = run [[
      skein.thread({ name = "t" }, function()
        require("skein").sleep(0.02)
        error("late", 0)
      end)
      os.exit(3)
    ]]
    assert.equal(3, code)
    assert.equal(1, times(output, "thread 't' failed: late"))
  end)

  it("in a child waits for the child's children", function()
    local output = run [[
      local p = skein.process(function()
        skein.process(function()
          skein.sleep(0.05)
          say("grandchild")
        end)
        skein.process({ daemon = true }, spin)
        os.exit(2)
      end)
      p:join()
      say(p:exitcode())
    ]]
    assert.equal("grandchild\n2\n", output)
  end)
end)

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
end)
