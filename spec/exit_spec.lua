--- How programs end by themselves: what they print, their exit code, what is
--- left.

local skein = require("skein")
local program = require("spec.program")
local run, times = program.run, program.times

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

  it("tells of all that a group of the child failed with", function()
    local output, code = run [[
      skein.process({ name = "kid" }, function()
        skein.group(function(group)
          group:task(function() pcall(skein.sleep, 10) error("first", 0) end)
          skein.yield()
          error("second", 0)
        end)
      end):join()
    ]]
    assert.equal(0, code)
    assert.match("process 'kid' %(pid %d+%) failed: 2 tasks failed\n"
      .. "stack traceback.*\n%[1%] second\n%[2%] first\n$", output)
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

--- One of each that may be alive when a program ends.
local crowd = [[
  local q, lock, event = skein.queue(), skein.lock(), skein.event()
  lock:acquire()
  for _ = 1, 3 do skein.task(q.get, q) end
  skein.task(lock.acquire, lock)
  skein.task(skein.sleep, 60)
  skein.task(function() skein.shield(event.wait, event) end)
  coroutine.wrap(function() skein.task(event.wait, event) coroutine.yield() end)()
  for _, method in ipairs { "spawn", "server" } do
    skein.process({ method = method, daemon = true }, spin)
    skein.process({ method = method, daemon = true }, function() q:get() end)
  end
  skein.thread({ daemon = true }, spin)
  skein.thread({ daemon = true }, function() lock:acquire() end)
  local pools = { skein.pool { workers = 1, method = "server" },
    skein.pool { workers = 1, kind = "thread" } }
  for i, pool in ipairs(pools) do
    pool:submit(function() return 1 end):get()
    pool:submit(spin)
    pool:submit(skein.sleep, 60)
  end
  skein.sleep(0.02)
  io.write("here ")
]]

describe("a program in which everything lives", function()
  local ends = {
    { "returns", "", 0, "" },
    { "raises", "error('oops', 0)", 1, "oops" },
    { "raises in a run", [[skein.run(function()
        skein.task(skein.sleep, 60)
        skein.yield()
        error('oops', 0)
      end)]], 1, "oops" },
    { "leaves by os.exit", "os.exit(3)", 3, "" },
    { "closes its state", "os.exit(3, true)", 3, "" },
    { "leaves from a task", "skein.task(os.exit, 3) skein.sleep(60)", 3, "" },
    { "closes its state in a task", "skein.task(os.exit, 3, true) skein.sleep(60)", 3, "" },
    { "leaves from a run", "skein.run(function() skein.yield() os.exit(3, true) end)", 3, "" },
  }
  for _, way in ipairs(ends) do
    local name, last, status, text = table.unpack(way)
    it(name .. ", soon and in silence", function()
      local begin = skein.now()
      local output, code = run(crowd .. last)
      assert.equal(status, code)
      assert.match("here ", output)
      if text == "" then
        assert.equal("here ", output)
      else
        assert.match(text, output)
        assert.equal(0, times(output, "skein: "))
      end
      assert.is_true(skein.now() - begin < 8)
    end)
  end
end)

describe("the end", function()
  it("says after a while whom it waits for", function()
    for _, last in ipairs { "", "os.exit(0)", "os.exit(0, true)" } do
      local output = run([[
        require("skein.core").patience(0.05)
        local function late() require("skein").sleep(0.3) end
        skein.thread({ name = "hem" }, late)
        skein.thread({ name = "seam" }, late)
        skein.thread({ name = "quick" }, function() end):join()
        skein.process({ name = "cuff", method = "spawn" }, function()
          require("skein").sleep(0.6)
        end)
      ]] .. last)
      local said = "skein: the program waits for its %s to end: ([^\n]*)\n"
      local threads, processes =
        output:match("^" .. said:format("threads") .. said:format("processes") .. "$")
      assert.is_string(threads, output)
      assert.match("hem", threads)
      assert.match("seam", threads)
      assert.not_match("quick", threads)
      assert.match("^cuff %(pid %d+%)$", processes)
    end
  end)

  it("reports errors of tasks that nobody can ask any more", function()
    local ends = { "", "os.exit(0)", "os.exit(0, true)", "skein.task(os.exit, 0) skein.sleep(9)" }
    for _, last in ipairs(ends) do
      local output, code = run([[
        skein.task({ name = "seam" }, error, "came apart", 0)
        local known = skein.task({ name = "known" }, error, "asked for", 0)
        local p = skein.process(function()
          skein.task({ name = "inner" }, error, "came apart", 0)
          skein.yield()
          os.exit(0)
        end)
        p:join()
        skein.yield()
        known:error()
      ]] .. last)
      assert.equal(0, code)
      assert.equal(1, times(output, "task 'seam' failed: came apart"), output)
      assert.equal(1, times(output, "task 'inner' failed: came apart"), output)
      assert.equal(2, times(output, "failed"), output)
    end
  end)

  it("tells on_error, at os.exit too", function()
    local output = run [[
      skein.on_error(function(err, text) print("told " .. err) end)
      skein.task(error, "this", 0)
      skein.yield()
      os.exit(0)
    ]]
    assert.equal("told this\n", output)
  end)

  it("is that of main, though threads and tasks have not ended", function()
    local output, code = run [[
      local q = skein.queue()
      skein.thread(function()
        local inner = require("skein")
        inner.thread(function()
          require("skein").sleep(0.05)
          q:put("from a thread of a thread")
        end)
        inner.sleep(0.02)
      end)
      local p = skein.process({ method = "spawn" }, function() io.write(q:get(), "\n") end)
      io.write("main\n")
      io.stdout:flush()
    ]]
    assert.equal("main\nfrom a thread of a thread\n", output)
    assert.equal(0, code)
  end)

  it("prints once what children of children had buffered", function()
    for _, method in ipairs { "fork", "spawn", "server" } do
      local output = run(([[
        io.write("a")
        skein.process({ method = "%s" }, function()
          io.stdout:setvbuf("full")
          io.write("b")
          require("skein").process(function() io.write("c") end):join()
          io.write("d")
        end):join()
        io.write("e")
      ]]):format(method))
      assert.equal("abcde", output)
    end
  end)
end)
