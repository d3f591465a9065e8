--- skein.command: programs of the system, and how they end.

local skein = require("skein")
local family = require("spec.family")
local support = require("spec.support")

local command, test, failure = skein.command, support.task, support.failure

--- A file name of our own, and what removes it.
local function scratch()
  local name = os.tmpname()
  return name, setmetatable({}, { __close = function() os.remove(name) end })
end

local function contents(name)
  local file <close> = assert(io.open(name))
  return file:read("a")
end

local function shell(line, opts)
  local all = { line, shell = true }
  for k, v in pairs(opts or {}) do all[k] = v end
  return command(all)
end

describe("skein.command", function()
  it("gives what a program wrote, and its code", test(function()
    local r = command({ "sh", "-c", "echo out; echo err >&2; exit 3" }):get()
    assert.same({ stdout = "out\n", stderr = "err\n", code = 3, timed_out = false }, r)
    assert.same({ stdout = "", stderr = "", code = 0, timed_out = false },
      command({ "true" }):get())
  end))

  it("gives the signal that ended it", test(function()
    local r = command({ "sh", "-c", "kill -9 $$" }):get()
    assert.same({ stdout = "", stderr = "", signal = 9, timed_out = false }, r)
  end))

  it("passes arguments as they are", test(function()
    local args = { "printf", "%s|", "a b", "", "$HOME", "'\"*", 12, 0.5, "\n" }
    assert.equal("a b||$HOME|'\"*|12|0.5|\n|", command(args):get().stdout)
  end))

  it("gives a line to a shell, if told so", test(function()
    local r = command({ "echo \"$0 $1\" | tr a-z A-Z", "a'b", shell = true }):get()
    assert.equal("SH A'B\n", r.stdout)
  end))

  it("waits for many at once", test(function()
    local before = skein.now()
    local list = {}
    for i = 1, 10 do list[i] = shell("sleep 0.3; echo " .. i) end
    local results = skein.all(list)
    for i = 1, 10 do assert.equal(i .. "\n", results[i].stdout) end
    assert.is_true(skein.now() - before < 2)
  end))

  it("looks for the program where its PATH says", test(function()
    local r = command({ "env", env = { PATH = "/usr/bin:/bin" } }):get()
    assert.match("PATH=/usr/bin:/bin\n", r.stdout)
    local err = failure(command, { "ls", env = { PATH = "/nowhere" } })
    assert.equal(2, err.errno)
    assert.equal("x\n", command({ "echo", "x", clear_env = true }):get().stdout)
  end))

  it("works in a thread, a process and a pool", test(function()
    local function work(n)
      return require("skein").command({ "echo", n }):get().stdout
    end
    assert.equal("1\n", skein.thread(work, 1):get())
    assert.equal("2\n", skein.process(work, 2):get())
    local pool <close> = skein.pool(2)
    assert.same({ "1\n", "2\n", "3\n", n = 3 }, pool:map(work, { 1, 2, 3 }))
  end))

  it("starts with no signal blocked and none caught", test(function()
    local function signals()
      local r = require("skein").command({ "cat", "/proc/self/status",
        env = { LD_PRELOAD = false } }):get() -- a sanitizer catches some
      return r.stdout:match("SigBlk:%s*(%x+)"), r.stdout:match("SigCgt:%s*(%x+)")
    end
    local none = ("0"):rep(16)
    local hup = skein.signal("HUP")
    assert.same({ none, none }, { signals() })
    assert.same({ none, none }, { skein.thread(signals):get() })
    hup:close()
  end))

  it("hands on no descriptor but the three", test(function()
    local file <close> = assert(io.open("/dev/zero")) -- it is inheritable
    assert.truthy(file)
    local r = command({ "ls", "/proc/self/fd" }):get()
    assert.equal("0\n1\n2\n3\n", r.stdout) -- the last one is that of ls
    r = command({ "ls", "/proc/self/fd", stdin = "pipe", stderr = "pipe" }):get()
    assert.equal("0\n1\n2\n3\n", r.stdout)
  end))
end)

describe("cwd and env of a command", function()
  it("are its own", test(function()
    assert.equal("/\n", command({ "pwd", cwd = "/" }):get().stdout)
    local r = command({ "sh", "-c", "echo $A $B ${HOME-none}",
      env = { A = "x=1", B = 2, HOME = false } }):get()
    assert.equal("x=1 2 none\n", r.stdout)
  end))

  it("can be all there is", test(function()
    local r = command({ "env", clear_env = true, env = { ONE = "1" } }):get()
    assert.equal("ONE=1\n", r.stdout)
    assert.equal("", command({ "env", clear_env = true }):get().stdout)
  end))

  it("find a program that is named by a path, from that directory", test(function()
    local r = command({ "./sh", "-c", "echo here", cwd = "/bin" }):get()
    assert.equal("here\n", r.stdout)
  end))
end)

describe("stdin of a command", function()
  it("is empty where nothing is said", test(function()
    assert.equal("", command({ "cat" }):get().stdout)
  end))

  it("is a text", test(function()
    assert.equal("3\n", command({ "grep", "-c", "x", stdin = "x\nax\ny\nx" }):get().stdout)
    assert.equal("", command({ "cat", stdin = "" }):get().stdout)
    assert.equal("12", command({ "cat", stdin = 12 }):get().stdout)
    assert.equal("pipe", command({ "cat", stdin = { text = "pipe" } }):get().stdout)
  end))

  it("takes megabytes while as much comes out", test(function()
    local text = ("0123456789abcdef"):rep(1 << 18) -- 4 MiB
    local r = command({ "cat", stdin = text }):get()
    assert.is_true(r.stdout == text)
    r = shell("tee /dev/stderr", { stdin = text }):get()
    assert.is_true(r.stdout == text and r.stderr == text)
  end))

  it("need not be read", test(function()
    local r = command({ "true", stdin = ("x"):rep(1 << 20) }):get()
    assert.equal(0, r.code)
    r = command({ "head", "-c", 3, stdin = ("x"):rep(1 << 20) }):get()
    assert.equal("xxx", r.stdout)
  end))

  it("is a file", test(function()
    local name <const>, remove <close> = scratch()
    local file = assert(io.open(name, "w"))
    file:write("from a file\n")
    file:close()
    assert.equal("from a file\n", command({ "cat", stdin = { file = name } }):get().stdout)
    local open <close> = assert(io.open(name))
    assert.equal("from a file\n", command({ "cat", stdin = open }):get().stdout)
    assert.truthy(remove)
  end))

  it("is a pipe that one writes to", test(function()
    local c = command({ "cat", stdin = "pipe" })
    assert.is_true(c.stdin:write("one "))
    assert.is_true(c.stdin:write("two"))
    c.stdin:close()
    assert.equal("one two", c:get().stdout)
  end))

  it("tells a writer that nobody reads any more", test(function()
    local c = command({ "true", stdin = "pipe" })
    c:join()
    assert.same({ nil, "closed" }, { c.stdin:write("x") })
    c.stdin:close()
  end))
end)

describe("stdout and stderr of a command", function()
  it("are streams", test(function()
    local c = shell("echo 1; echo 2; echo 3 >&2", { stdout = "pipe", stderr = "pipe" })
    local lines = {}
    for line in c.stdout:lines() do lines[#lines + 1] = line end
    assert.same({ "1", "2" }, lines)
    assert.equal("3\n", c.stderr:read("a"))
    assert.same({ code = 0, timed_out = false }, c:get())
    c.stdout:close()
    c.stderr:close()
  end))

  it("answer in a dialogue", test(function()
    local c <close> = command({ "cat", stdin = "pipe", stdout = "pipe" })
    for i = 1, 100 do
      c.stdin:write(i .. "\n")
      assert.equal(tostring(i), c.stdout:read("l"))
    end
    c.stdin:close()
    assert.same({ nil, "closed" }, { c.stdout:read() })
    assert.equal(0, c:get().code)
    c.stdout:close()
  end))

  it("stay to be read when it has ended", test(function()
    local c = command({ "echo", "last words", stdout = "pipe" })
    c:join()
    assert.equal("last words\n", c.stdout:read("a"))
    c.stdout:close()
  end))

  it("are one", test(function()
    local r = shell("echo a; echo b >&2; echo c", { stderr = "stdout" }):get()
    assert.same({ stdout = "a\nb\nc\n", code = 0, timed_out = false }, r)
  end))

  it("are files", test(function()
    local name <const>, remove <close> = scratch()
    local both = { stdout = { file = name }, stderr = "stdout" }
    assert.same({ code = 0, timed_out = false }, shell("echo a; echo b >&2", both):get())
    assert.equal("a\nb\n", contents(name))
    command({ "echo", "c", stdout = { file = name, append = true } }):join()
    assert.equal("a\nb\nc\n", contents(name))
    command({ "echo", "d", stdout = { file = name } }):join()
    assert.equal("d\n", contents(name))
    local open <close> = assert(io.open(name, "w"))
    open:write("ours, ")
    command({ "echo", "theirs", stdout = open }):join()
    assert.equal("ours, theirs\n", contents(name))
    assert.truthy(remove)
  end))

  it("go nowhere", test(function()
    local r = command({ "echo", "x", stdout = "null" }):get()
    assert.same({ stderr = "", code = 0, timed_out = false }, r)
  end))

  it("are inherited", function()
    local out = support.program([[
      local skein = require "skein"
      io.write("before ")
      skein.command({ "echo", "it", stdout = "inherit" }):get()
      print("after")]])
    assert.equal("before it\nafter\n", out)
  end)

  it("are handed to the next one in a pipeline", test(function()
    local a = command({ "seq", 100000, stdout = "pipe" })
    local b = command({ "grep", 7, stdin = a.stdout, stdout = "pipe" })
    local c = command({ "wc", "-l", stdin = b.stdout })
    assert.equal("40951\n", c:get().stdout)
    assert.is_true(a.stdout:closed() and b.stdout:closed())
    assert.equal(0, a:get().code)
    local yes = command({ "yes", stdout = "pipe" })
    assert.equal("y\n", command({ "head", "-n1", stdin = yes.stdout }):get().stdout)
    assert.equal(13, yes:get().signal) -- SIGPIPE, as in a shell
  end))

  it("are a connection", test(function()
    local here <close>, there = skein.net.pair()
    assert.equal("No such file or directory",
      failure(command, { "nosuch", stdin = there, stdout = there }).message:match(": (.*)"))
    assert.is_true(here:write("before "))
    assert.equal("before ", there:read()) -- it serves as before
    local c = command({ "cat", stdin = there, stdout = there })
    assert.is_true(there:closed())
    here:write("hello")
    assert.equal("hello", here:read(5))
    here:shutdown()
    assert.equal("", here:read("a"))
    assert.equal(0, c:get().code)
  end))

  it("are a file that was opened as a stream", test(function()
    local name <const>, remove <close> = scratch()
    local file = skein.open(name, "w")
    command({ "echo", "through a stream", stdout = file }):join()
    assert.is_true(file:closed())
    assert.equal("through a stream\n", contents(name))
    assert.equal("through a stream\n",
      command({ "cat", stdin = skein.open(name) }):get().stdout)
    assert.truthy(remove)
  end))

  it("are megabytes", test(function()
    local r = shell("yes | head -c 10000000; yes n | head -c 5000000 >&2"):get()
    assert.equal(10000000, #r.stdout)
    assert.equal(5000000, #r.stderr)
  end))
end)

describe("the wait for a command", function()
  it("is about the program only", test(function()
    local before = skein.now()
    local r = shell("sleep 3 & echo $!"):get()
    assert.is_true(skein.now() - before < 2)
    local pid = math.tointeger(r.stdout:match("%d+"))
    assert.is_true(family.runs(pid))
    os.execute("kill -9 " .. pid)
  end))

  it("takes what is in the pipe, and no more, from one that writes on", test(function()
    local r = shell("yes & echo $! >&2"):get()
    os.execute("kill -9 " .. r.stderr)
    assert.equal(0, r.code)
    assert.is_true(family.ends(math.tointeger(r.stderr:match("%d+"))))
  end))

  it("has a timeout of its own, which leaves the program alone", test(function()
    local c <close> = command({ "sleep", 10 })
    assert.equal("timeout", support.kind(c.get, c, 0.01))
    assert.same({ nil, "timeout" }, { c:join(0) })
    assert.equal("running", c:status())
  end))

  it("ends with a cancel, and the command goes on", test(function()
    local c <close> = command({ "sleep", 10 })
    local t = skein.task(function() return c:get() end)
    skein.yield()
    t:cancel()
    assert.equal("cancelled", support.kind(t.get, t))
    assert.is_true(c:alive())
  end))

  it("is a case of wait, select and race", test(function()
    local a, b <close> = command({ "true" }), command({ "sleep", 10 })
    assert.same({ a }, skein.wait { a, b })
    local i, r = skein.select { { b, "join" }, { a, "get" } }
    assert.equal(2, i)
    assert.equal(0, r.code)
    i = skein.race { command({ "sleep", 10 }), command({ "true" }) }
    assert.equal(2, i)
  end))
end)

describe("a command that takes too long", function()
  it("is asked to end", test(function()
    local before = skein.now()
    local r = shell("echo begun; sleep 10", { timeout = 0.1 }):get()
    assert.same({ stdout = "begun\n", stderr = "", signal = 15, timed_out = true }, r)
    local took = skein.now() - before
    assert.is_true(took >= 0.1 and took < 3)
  end))

  it("may clean up, and tell how it went", test(function()
    local r = shell("trap 'echo bye; exit 4' TERM; sleep 10 & wait", { timeout = 0.1 }):get()
    assert.same({ stdout = "bye\n", stderr = "", code = 4, timed_out = true }, r)
  end))

  it("is killed if it does not", test(function()
    local r = shell("trap '' TERM; echo $$; sleep 10", { timeout = 0.1, grace = 0.1 }):get()
    assert.equal(9, r.signal)
    assert.is_true(r.timed_out)
    assert.is_true(family.ends(math.tointeger(r.stdout:match("%d+"))))
  end))

  it("takes along what it started", test(function()
    local r = shell("sleep 10 & echo $!; sleep 10", { timeout = 0.1 }):get()
    assert.is_true(family.ends(math.tointeger(r.stdout:match("%d+"))))
    -- and if that ignores it
    r = shell("(trap '' TERM; sleep 10) & echo $!; exec sleep 10",
      { timeout = 0.1, grace = 0.2 }):get()
    assert.equal(15, r.signal)
    assert.is_false(family.runs(math.tointeger(r.stdout:match("%d+"))))
  end))

  it("ends with its group, though nothing else goes on here", function()
    local out = support.program([[
      local skein = require "skein"
      local c = skein.command({ "(trap '' TERM; sleep 10) & exec sleep 10", shell = true,
        timeout = 0.1, grace = 0.2 })
      print(c:get().signal)]])
    assert.equal("15\n", out)
  end)

  it("has not, if it ends in time", test(function()
    for _ = 1, 20 do
      local r = command({ "true", timeout = 10 }):get()
      assert.same({ stdout = "", stderr = "", code = 0, timed_out = false }, r)
    end
    assert.is_true(command({ "sleep", 10, timeout = 0 }):get().timed_out)
    assert.is_false(command({ "true", timeout = math.huge }):get().timed_out)
  end))

  it("does so by the time of the world, not by that of a test", support.still(function()
    local c = command({ "sleep", 0.05, timeout = 10 })
    skein.sleep(12)
    assert.same({ stdout = "", stderr = "", code = 0, timed_out = false }, c:get())
  end))
end)

describe("the handle of a command", function()
  it("tells what it is", test(function()
    local c <close> = command({ "sleep", 10, name = "napper" })
    assert.equal("napper", c.name)
    assert.equal("integer", math.type(c.pid))
    assert.is_true(c:alive())
    assert.is_nil(c:exitcode())
    assert.is_false(c:done())
    assert.equal("command 'napper' (running)", tostring(c))
    assert.is_nil(c.stdin)
    local other = command({ "true" })
    assert.equal("command " .. other.id, other.name)
    other:join()
  end))

  it("sends signals", test(function()
    local c = shell("trap 'kill $!; echo got it; exit 0' USR1; sleep 10 & echo ready; wait",
      { stdout = "pipe" })
    assert.equal("ready", c.stdout:read("l"))
    assert.is_true(c:signal("USR1"))
    assert.equal("got it", c.stdout:read("l"))
    assert.equal(0, c:get().code)
    assert.is_false(c:signal("USR1"))
    c.stdout:close()
    assert.match("unknown signal", failure(c.signal, c, "NOSUCH"))
  end))

  it("kills, and terminates", test(function()
    local c = command({ "sleep", 10 })
    assert.is_true(c:kill())
    assert.equal(9, c:get().signal)
    assert.equal(-9, c:exitcode())
    c = command({ "sleep", 10 })
    assert.is_true(c:terminate())
    assert.same({ stdout = "", stderr = "", signal = 15, timed_out = false }, c:get())
    assert.is_false(c:terminate())
    c = shell("trap '' TERM; echo; sleep 10", { stdout = "pipe" })
    c.stdout:read("l")
    c.stdout:close()
    c:terminate(0.05)
    assert.equal(9, c:get().signal)
  end))

  it("cancels", test(function()
    local c = command({ "sleep", 10 })
    assert.is_true(c:cancel("no use"))
    local err = failure(c.get, c)
    assert.equal("cancelled", err.kind)
    assert.equal("no use", err.reason)
    assert.equal("cancelled", c:status())
    assert.equal(-15, c:exitcode())
    assert.is_false(c:cancel())
    local p = shell("trap 'exit 7' TERM; echo; sleep 10 & wait", { stdout = "pipe" })
    p.stdout:read("l")
    p:cancel()
    assert.equal(7, p:get().code) -- it swallowed it, and has results
    p.stdout:close()
  end))

  it("cancels one that is deaf, after its grace", test(function()
    local c = shell("trap '' TERM; echo; sleep 10", { stdout = "pipe", grace = 0.05 })
    c.stdout:read("l")
    c.stdout:close()
    c:cancel()
    assert.equal("cancelled", support.kind(c.get, c))
    assert.equal(-9, c:exitcode())
  end))

  it("is closed at the end of its block", test(function()
    local pid
    do
      local c <close> = command({ "sleep", 10 })
      pid = c.pid
    end
    assert.is_false(family.runs(pid))
    skein.timeout(1, function()
      local ok = pcall(skein.timeout, 0.02, function()
        local c <close> = command({ "sleep", 10 })
        pid = c.pid
        c:get()
      end)
      assert.is_false(ok)
    end)
    assert.is_false(family.runs(pid))
  end))

  it("is awaited and cancelled by a timeout", test(function()
    local c = command({ "sleep", 10 })
    assert.equal("timeout", support.kind(skein.timeout, 0.02, c))
    assert.equal("cancelled", c:status())
  end))

  it("calls back", test(function()
    local seen
    local c = command({ "true" }):on_done(function(h) seen = h end)
    c:join()
    skein.yield()
    assert.equal(c, seen)
  end))

  it("starts it later", test(function()
    local c = command({ "echo", "x", start = false })
    assert.equal("new", c:status())
    assert.match("was not started", failure(c.get, c))
    assert.equal(c, c:start())
    assert.equal("x\n", c:get().stdout)
    assert.match("was started already", failure(c.start, c))
    c = command({ "echo", "x", start = false })
    c:cancel()
    assert.equal("cancelled", c:status())
    assert.match("was cancelled already", failure(c.start, c))
  end))

  it("is a stranger in a forked child", test(function()
    local c <close> = command({ "sleep", 10 })
    local p = skein.process(function() return pcall(c.get, c) end)
    local ok, err = p:get()
    assert.is_false(ok)
    assert.match("only the process that started it", tostring(err))
  end))
end)

describe("a command that cannot start", function()
  local function fails(text, opts, errno)
    local err = failure(function() command(opts) end)
    assert.match(text, tostring(err), 1, true)
    assert.match("command_spec.lua:%d+: ", tostring(err))
    if errno then
      assert.equal("error", err.kind)
      assert.equal(errno, err.errno)
    end
  end

  it("says what is missing, and leaves nothing open", test(function()
    local missing = "cannot run 'nosuchprogram': No such file or directory"
    fails(missing, { "nosuchprogram" }, 2)
    fails(missing, { "nosuchprogram", stdin = "pipe", stdout = "pipe", stderr = "pipe" }, 2)
    fails(missing, { "nosuchprogram", stdin = ("x"):rep(1 << 20), timeout = 5 }, 2)
    fails("cannot run './nosuch': No such", { "./nosuch" }, 2)
    fails("cannot run 'ls' in '/nowhere': No such file", { "ls", cwd = "/nowhere" }, 2)
    fails("cannot run 'ls' in '/etc/passwd': Not a directory", { "ls", cwd = "/etc/passwd" }, 20)
    fails("cannot run '/etc/passwd': Permission denied", { "/etc/passwd" }, 13)
    fails("cannot run '/tmp': Permission denied", { "/tmp" }, 13)
    fails("cannot run '': No such file", { "" }, 2)
    fails("cannot run 'cat' with stdin '/nowhere/x': No such",
      { "cat", stdin = { file = "/nowhere/x" } }, 2)
    fails("cannot run 'cat' with stderr '/nowhere/x': No such",
      { "cat", stderr = { file = "/nowhere/x" } }, 2)
    fails("cannot run 'cat' with stdout '/tmp': Is a directory",
      { "cat", stdout = { file = "/tmp" } }, 21)
  end))

  it("says so when there are too many arguments", test(function()
    local many = { "true" }
    for i = 2, 40 do many[i] = ("x"):rep(100000) end
    fails("cannot run 'true': Argument list too long", many, 7)
  end))

  it("rejects wrong use", test(function()
    fails("table expected, got nil", nil)
    fails("table expected, got string", "ls")
    fails("name of a program expected, got nil", {})
    fails("program: string expected, got boolean", { true })
    fails("argument 1: string expected, got table", { "ls", {} })
    fails("argument 1: string expected, got nil", { "ls", nil, "lost" })
    fails("argument 2: a string without a zero byte expected", { "ls", "a", "b\0c" })
    fails("list without holes", { "ls", nil, "x", [9] = "y" })
    fails("unknown option 'cdw' (options: stdin", { "ls", cdw = "/" })
    fails("cwd: string expected, got table", { "ls", cwd = {} })
    fails("env: table expected, got 'x'", { "ls", env = "x" })
    fails("env: name of a variable expected, got 'a=b'", { "ls", env = { ["a=b"] = "c" } })
    fails("env: name of a variable expected, got number", { "ls", env = { "A=b" } })
    fails("env: A: string expected, got boolean", { "ls", env = { A = true } })
    fails("timeout: number expected, got 'x'", { "ls", timeout = "x" })
    fails("timeout: number expected, got NaN", { "ls", timeout = 0 / 0 })
    fails("shell: boolean expected", { "ls", shell = 1 })
    fails("stdin: text,", { "ls", stdin = true })
    fails("stdin: unknown field 'fiel'", { "ls", stdin = { fiel = "x" } })
    fails("expected, got 'x'", { "ls", stdout = "x" })
    fails("expected, got 'stdout'", { "ls", stdout = "stdout" })
    fails("stdout: file: string expected, got nil", { "ls", stdout = {} })
  end))

  it("rejects a file that is closed, and a stream that was read ahead", test(function()
    local file = assert(io.open("/dev/null"))
    file:close()
    fails("stdin: an open file expected", { "cat", stdin = file })
    local c = command({ "seq", 5, stdout = "pipe" })
    c:join()
    c.stdout:read("l")
    fails("stdin: a stream with nothing read ahead expected", { "cat", stdin = c.stdout })
    assert.equal("2", c.stdout:read("l")) -- as it was
    c.stdout:close()
    fails("stdin: an open stream expected", { "cat", stdin = c.stdout })
  end))
end)

describe("commands by the hundred", function()
  it("wait for descriptors instead of failing", function()
    local out = support.program([[
      local skein = require "skein"
      if not os.getenv("LIMITED") then
        local lua = arg[-1]
        local r = skein.command({ 'ulimit -n 40; exec "$1" "$2"', lua, arg[0], shell = true,
          env = { LIMITED = "1" } }):get()
        io.write(r.stdout, r.stderr)
        return
      end
      local list = {}
      for i = 1, 500 do list[i] = i end
      local results = skein.map(list, function(i)
        return skein.command({ "echo", i, stdin = "x" }):get().stdout
      end)
      for i = 1, 500 do assert(results[i] == i .. "\n", i) end
      print("all", #results)]])
    assert.equal("all\t500\n", out)
  end)

  it("say so when nothing can give any back", function()
    local out = support.program([[
      local skein = require "skein"
      if not os.getenv("LIMITED") then
        local r = skein.command({ 'ulimit -n 20; exec "$1" "$2"', arg[-1], arg[0], shell = true,
          env = { LIMITED = "1" } }):get()
        io.write(r.stdout, r.stderr)
        return
      end
      skein.command({ "true" }):get()
      local files = {}
      for i = 1, 20 do files[i] = io.open("/dev/null") end
      local ok, err = pcall(skein.command, { "true" })
      assert(#files > 5)
      files = nil
      print(ok, err.message, err.errno)
      print(skein.command({ "true" }):get().code) -- the garbage is collected
      ]])
    assert.equal("false\tcannot run 'true': Too many open files\t24\n0\n", out)
  end)

  it("leave nothing behind", test(function()
    local list = {}
    for i = 1, 300 do list[i] = i end
    skein.map(list, function(i)
      local c <close> = command({ i % 3 == 0 and "sleep" or "echo", 10,
        stdin = i % 2 == 0 and "pipe" or "text", stdout = i % 5 == 0 and "pipe" or nil })
      if i % 7 == 0 then c:kill() end
      if i % 3 ~= 0 then c:get() end
      if c.stdin then c.stdin:close() end
      if c.stdout then c.stdout:close() end
    end, 50)
  end))
end)

describe("a storm of commands", function()
  local kinds = {
    function(r) return { "cat", stdin = ("x"):rep(r(0, 200000)) } end,
    function(r) return { "sleep", r() * 0.02, timeout = r() * 0.02 } end,
    function() return { "yes", stdout = "pipe" } end,
    function() return { "sh", "-c", "sleep 0.01 & echo hi; exit 3", stderr = "stdout" } end,
    function() return { "nosuchprogram" } end,
    function() return { "cat", stdin = "pipe", stdout = "pipe" } end,
    function() return { "sh", "-c", "trap '' TERM; sleep 0.05", grace = 0.01 } end,
  }
  local acts = {
    function(c) c:cancel() end, function(c) c:kill() end,
    function(c) c:terminate(0.005) end, function(c) c:get() end,
    function(c, r) c:join(r() * 0.01) end, function() end,
    function(c) if c.stdout then c.stdout:read(10) end end,
  }

  local function one(r)
    local ok, c = pcall(skein.timeout, r() < 0.1 and 0.0001 or 10, command, kinds[r(#kinds)](r))
    if not ok then
      assert(c.errno == 2 or c.kind == "timeout", c)
      return
    end
    pcall(skein.timeout, r() * 0.03, function()
      local _ <close> = r() < 0.5 and c or nil
      acts[r(#acts)](c, r)
      if c.stdin then c.stdin:write("abc") end
      if r() < 0.2 then skein.sleep(r() * 0.01) end
    end)
    if c.stdin then c.stdin:close() end
    if c.stdout then c.stdout:close() end
    c:cancel()
    assert.is_true(c:join(10))
  end

  for seed = 1, 3 do
    it("leaves nothing behind: seed " .. seed, test(function()
      math.randomseed(seed)
      local list = {}
      for i = 1, 100 do list[i] = i end
      skein.map(list, function() one(math.random) end, 30)
    end))
  end
end)

describe("who waits in line for descriptors", function()
  --- Runs code with at most 40 of them, half of which are taken.
  local function crowded(code)
    return support.program(([[
      local skein = require "skein"
      if not os.getenv("LIMITED") then
        local r = skein.command({ 'ulimit -n 40; exec "$1" "$2"', arg[-1], arg[0], shell = true,
          env = { LIMITED = "1" } }):get()
        io.write(r.stdout, r.stderr)
        return
      end
      local first = skein.command({ "cat", stdin = "pipe" }) -- lasts until it is told
      local files = {}
      repeat
        local f = io.open("/dev/null")
        files[#files + 1] = f
      until not f
      local function free() for _, f in ipairs(files) do f:close() end end
      %s]]):format(code))
  end

  it("finds those that something else gives back", function()
    assert.equal("x\n", crowded([[
      local t = skein.task(function() return skein.command({ "echo", "x" }):get() end)
      skein.sleep(0.02)
      assert(not t:done())
      free()
      io.write(t:get().stdout)
      first.stdin:close()]]))
  end)

  it("is served in the order of arrival", function()
    assert.equal("123456789", crowded([[
      local order, tasks = {}, {}
      for i = 1, 9 do
        tasks[i] = skein.task(function()
          local c = skein.command({ "true" })
          order[#order + 1] = i
          c:get()
        end)
      end
      skein.sleep(0.02)
      free()
      skein.all(tasks)
      io.write(table.concat(order))
      first.stdin:close()]]))
  end)

  it("may give up, and is not missed", function()
    assert.equal("timeout cancelled new true", crowded([[
      local function kind(...) local _, err = pcall(...) return err.kind end
      local a = skein.task(kind, skein.timeout, 0.05, skein.command, { "true" })
      local b = skein.task(function() return skein.command({ "true" }) end)
      local c = skein.command({ "echo", "x", start = false })
      local waits = skein.task(function() c:start() end)
      local d = skein.task(function() return skein.command({ "true" }):get().code end)
      skein.sleep(0)
      b:cancel()
      io.write(a:get(), " ", kind(b.get, b), " ", c:status(), " ")
      c:cancel()
      free()
      io.write(tostring(d:get() == 0 and not pcall(waits.get, waits)))
      first.stdin:close()]]))
  end)
end)

describe("the end of a program", function()
  --- What it prints, and the seconds it takes.
  local function ends(code)
    local before = skein.now()
    local out = support.program('local skein = require "skein"\n' .. code)
    return out, skein.now() - before
  end

  for _, how in ipairs { "", "os.exit(0)", "os.exit(0, true)" } do
    it("waits for its commands: " .. how, function()
      local out = ends([[
        skein.command({ "sh", "-c", "sleep 0.1; yes | head -c 300000; echo done >&2",
          stderr = "inherit" })
        ]] .. how)
      assert.equal("done\n", out)
    end)

    it("closes what they read from: " .. how, function()
      local out = ends([[
        a = skein.command({ "sh", "-c", "cat; echo done >&2", stdin = "pipe", stderr = "inherit" })
        b = skein.command({ "sh", "-c", "cat >/dev/null; echo done >&2",
          stdin = ("x"):rep(1000000), stderr = "inherit" })
        ]] .. how)
      assert.equal("done\ndone\n", out)
    end)

    it("kills daemons: " .. how, function()
      local _, took = ends([[skein.command({ "sleep", 10, daemon = true }) ]] .. how)
      assert.is_true(took < 5)
    end)
  end

  it("by SIGKILL takes them along", function()
    local out = ends([[
      local c = skein.command({ "sleep", 10 })
      print(c.pid)
      io.stdout:flush()
      os.execute("kill -9 " .. skein.self().pid)]])
    assert.is_true(family.ends(math.tointeger(out:match("%d+"))))
  end)

  it("by Ctrl-C is theirs, too", function()
    local out = ends([[
      local c = skein.command({ "sleep", 10 })
      local killer = skein.command({ "sh", "-c", "sleep 0.1; kill -INT " .. skein.self().pid,
        group = false })
      print(select(2, pcall(c.get, c)))
      print(c:get().signal)]])
    assert.equal("interrupted\n2\n", out)
  end)
end)

describe("a program that has closed its own streams", function()
  it("gives its commands all that they are to have", function()
    local name = os.tmpname()
    local out = support.program(([[
      if not os.getenv("BARE") then
        os.execute("BARE=1 " .. arg[-1] .. " " .. arg[0] .. " <&- >&- 2>&-")
        return
      end
      local skein = require "skein"
      local r = skein.command({ "cat; echo err >&2", shell = true, stdin = ("x"):rep(100000),
        timeout = 10 }):get()
      local c = skein.command({ "cat", stdin = "pipe", stdout = "pipe" })
      c.stdin:write("hello")
      c.stdin:close()
      local file = io.open(%q, "w")
      file:write(#r.stdout, " ", r.stderr, c.stdout:read("a"), " ", r.code)
      file:close()
      c.stdout:close()]]):format(name))
    assert.equal("", out)
    assert.equal("100000 err\nhello 0", contents(name))
    os.remove(name)
  end)
end)

describe("a thread", function()
  it("waits for its commands, and closes what they read from", test(function()
    local t = skein.thread(function()
      local inner = require("skein")
      inner.command({ "cat", stdin = "pipe" })
      inner.command({ "sh", "-c", "sleep 0.05; yes | head -c 200000" })
    end)
    assert.is_true(t:join(5))
  end))
end)

describe("a process that was forked", function()
  it("runs commands of its own while its parent has some, and waits for descriptors",
    test(function()
      local c <close> = command({ "sleep", 10 })
      local p = skein.process(function()
        local inner = require("skein")
        local list = inner.map({ 1, 2, 3 }, function(i)
          return inner.command({ "echo", i }):get().stdout
        end)
        return table.concat(list)
      end)
      assert.equal("1\n2\n3\n", p:get())
      assert.is_true(c:alive())
    end))

  it("does not hold the pipes of its parent's commands", test(function()
    local c = command({ "cat", stdin = ("x"):rep(1 << 18) })
    local p <close> = skein.process(function() require("skein").sleep(10) end)
    assert.equal(1 << 18, #c:get().stdout)
    assert.is_false(p:done())
  end))
end)
