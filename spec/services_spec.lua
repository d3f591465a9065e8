--- The servers and clients among the examples, with real ones from elsewhere.

local skein = require("skein")
local shell = require("spec.shell")
local support = require("spec.support")
local net = skein.net

local function read_all(path)
  local file <close> = io.open(path, "rb")
  return file and file:read("a") or ""
end

--- Where the program is not installed, the spec is pending.
local function need(program)
  if shell.run("command -v " .. program) == 0 then return end
  pending(program .. " is not installed (tools/setup clients)")
end

--- Runs a client from elsewhere, which a sanitizer is not to be put into.
local function client(line)
  return shell.run("unset LD_PRELOAD; " .. line)
end

--- An example that runs by itself: `output()`, and `finish()` by SIGTERM.
local function start(name, ...)
  local out = os.tmpname()
  local words = { support.lua, "examples/" .. name .. ".lua", ... }
  for i, word in ipairs(words) do words[i] = shell.quote(tostring(word)) end
  local pipe = io.popen(("LUA_PATH='%s' LUA_CPATH='%s' timeout -s KILL 60 %s > %s 2>&1 & echo $!")
    :format(package.path, package.cpath, table.concat(words, " "), out))
  local pid = pipe:read("n")
  pipe:close()
  local self = {}
  function self.output() return read_all(out) end
  function self.await(pattern)
    for _ = 1, 500 do
      local found = self.output():match(pattern)
      if found then return found end
      skein.sleep(0.02)
    end
    error("nothing like " .. pattern .. " in:\n" .. self.output())
  end
  function self.finish()
    os.execute("kill -TERM " .. pid .. " 2> /dev/null")
    for _ = 1, 500 do
      local state = read_all(("/proc/%d/status"):format(pid)):match("State:%s*(%a)")
      if not state or state == "Z" then break end -- who is to reap it may take its time
      skein.sleep(0.02)
    end
    local text = self.output()
    os.remove(out)
    return text
  end
  return setmetatable(self, { __close = function() self.finish() end })
end

--- Runs an example to its end: code and output.
local function run(name, ...)
  local words = { support.lua, "examples/" .. name .. ".lua", ... }
  for i, word in ipairs(words) do words[i] = shell.quote(tostring(word)) end
  return shell.run(("LUA_PATH='%s' LUA_CPATH='%s' timeout -s KILL 60 %s 2>&1"):format(
    package.path, package.cpath, table.concat(words, " ")))
end

local function serving(name, ...)
  local server = start(name, 0, ...)
  return server, math.tointeger(tonumber(server.await("port (%d+)")))
end

--- What an HTTP server answers to some bytes.
local function talk(port, text)
  local conn <close> = assert(net.connect("127.0.0.1", port))
  conn:write(text)
  return conn:read("a", 5)
end

local function test(body)
  return function() skein.timeout(60, body) end
end

describe("httpd", function()
  local server, port, directory

  setup(function()
    directory = os.tmpname()
    os.remove(directory)
    os.execute("mkdir " .. directory)
    local file <close> = io.open(directory .. "/data", "wb")
    file:write(("0123456789abcdef"):rep(1 << 16))
    file:close()
    server, port = serving("httpd", 2, directory)
  end)

  teardown(function()
    local text = server.finish()
    os.execute("rm -r " .. directory)
    assert.matches("httpd: goodbye\n$", text)
  end)

  local function url(path) return ("http://127.0.0.1:%d%s"):format(port, path) end

  it("pleases curl", test(function()
    need("curl")
    local code, body = client("curl -sS " .. url("/data"))
    assert.equal(0, code)
    assert.is_true(body == ("0123456789abcdef"):rep(1 << 16))
    assert.same({ 0, "3456" }, { client("curl -sS -r 3-6 " .. url("/data")) })
    assert.same({ 0, "ef" }, { client("curl -sS -r -2 " .. url("/data")) })
    local _, head = client("curl -sSI " .. url("/data"))
    assert.matches("^HTTP/1.1 200 OK\r\nContent%-Length: 1048576\r\n", head)
    local format = "curl -sS -o /dev/null -w '%{http_code}' "
    local function status(rest) return (select(2, client(format .. rest))) end
    assert.equal("404", status(url("/nothing")))
    assert.equal("404", status("--path-as-is " .. url("/../../etc/passwd")))
    assert.equal("404", status("--path-as-is " .. url("/%2e%2e/%2e%2e/etc/passwd")))
    assert.equal("404", status(url("/%00")))
    assert.equal("405", status("-d x " .. url("/data")))
    assert.equal("416", status("-r 2000000- " .. url("/data")))
  end))

  it("keeps a connection for several requests", test(function()
    local conn <close> = assert(net.connect("127.0.0.1", port))
    for _ = 1, 3 do
      conn:write("GET /data HTTP/1.1\r\nHost: x\r\nRange: bytes=0-3\r\n\r\n")
      assert.matches("^HTTP/1.1 206", conn:read_until("\r\n\r\n"))
      assert.equal("0123", conn:read(4))
    end
    conn:write("GET /data HTTP/1.0\r\nRange: bytes=0-3\r\n\r\n")
    assert.matches("0123$", conn:read("a"))
  end))

  it("answers what is no HTTP", test(function()
    assert.matches("^HTTP/1.1 400 Bad Request\r\n", talk(port, "hello\r\n\r\n"))
    assert.matches("^HTTP/1.1 431 ", talk(port, "GET / HTTP/1.1\r\nx: " .. ("x"):rep(16384)))
  end))

  it("takes it when a client goes away in the middle", test(function()
    for _ = 1, 20 do
      local conn = assert(net.connect("127.0.0.1", port))
      conn:write("GET /data HTTP/1.1\r\n\r\nGET /data HTTP/1.1\r\n\r\n")
      conn:read(1000)
      conn:close()
    end
    assert.matches("0123$", talk(port, "GET /data HTTP/1.0\r\nRange: bytes=0-3\r\n\r\n"))
  end))

  it("stands up to wrk", test(function()
    need("wrk")
    local code, text = client("wrk -t 1 -c 50 -d 1 -H 'Range: bytes=0-9' " .. url("/data"))
    assert.equal(0, code)
    assert.is_true(tonumber(text:match("(%d+) requests in")) > 100, text)
    assert.is_nil(text:find("Non%-2xx"), text)
    assert.is_nil(text:find("Socket errors"), text)
  end))

  it("feeds the downloader", test(function()
    local name = os.tmpname()
    for _, parts in ipairs { 1, 7 } do
      local code, text = run("download", url("/data"), name, parts)
      assert.equal(0, code, text)
      assert.matches(("1048576 bytes in %d parts"):format(parts), text)
      assert.is_true(read_all(name) == read_all(directory .. "/data"))
    end
    local code, text = run("download", url("/nothing"), name)
    assert.equal(1, code)
    assert.matches("the server says 404", text)
    os.remove(name)
    os.remove(name .. ".part")
  end))

  it("is found by the port checker", test(function()
    local code, text = run("ports", "127.0.0.1", port - 20, port + 20, 10)
    assert.equal(0, code)
    assert.matches(("%5d  open\n"):format(port), text)
    assert.matches("%d+ of 41 ports\n$", text)
  end))
end)

--- A guest of that name, who has been greeted.
local function guest(port, name)
  local conn = assert(net.connect("127.0.0.1", port))
  conn:read(#"your name? ")
  conn:write(name .. "\n")
  assert.equal("* hello, " .. name, conn:read("l"))
  return conn
end

describe("chat", function()
  it("tells each what the others say", test(function()
    local server, port = serving("chat")
    local _ <close> = server
    local a, b = guest(port, "ann"), guest(port, "bob")
    assert.equal("* bob is here", a:read("l"))
    a:write("hello bob\n")
    assert.equal("ann: hello bob", b:read("l"))
    b:write("two\nlines\n")
    assert.same({ "bob: two", "bob: lines" }, { a:read("l"), a:read("l") })
    local c = assert(net.connect("127.0.0.1", port))
    c:read(#"your name? ")
    c:write("ann\n")
    assert.equal("that one is taken", c:read("l"))
    c:close()
    b:write("/quit\n")
    assert.equal("* bob has left", a:read("l"))
    assert.equal("", b:read("a"))
    local text = server.finish()
    assert.equal("* the server ends", a:read("l"))
    assert.matches("chat: goodbye\n$", text)
    a:close()
    b:close()
  end))

  it("pleases socat", test(function()
    need("socat")
    local server <close>, port = serving("chat")
    local ann <close> = guest(port, "ann")
    client(("printf 'sue\\nhi\\n' | socat -t 1 - TCP:127.0.0.1:%d"):format(port))
    assert.same({ "* sue is here", "sue: hi", "* sue has left" },
      { ann:read("l"), ann:read("l"), ann:read("l") })
    assert.is_truthy(server)
  end))
end)

describe("tail", function()
  local function append(name, text, mode)
    local file <close> = assert(io.open(name, mode or "ab"))
    file:write(text)
  end

  it("follows files as they grow, are cut off and come into being", test(function()
    local one, two = os.tmpname(), os.tmpname()
    append(one, "old\n")
    os.remove(two)
    local program <close> = start("tail", one, two)
    skein.sleep(0.3)
    append(one, "first\nhalf")
    program.await("first\n")
    append(one, " and half\n")
    program.await(": half and half\n")
    append(two, "born\n")
    program.await("%S+: born\n")
    append(one, "cut\n", "wb")
    program.await(": cut\n")
    local text = program.finish()
    assert.is_nil(text:find("old", 1, true))
    os.remove(one)
    os.remove(two)
  end))

  it("notices a file that was replaced, whatever its size", test(function()
    local log = os.tmpname()
    local function rotate(text)
      assert(os.rename(log, log .. ".1"))
      append(log, text)
    end
    local program <close> = start("tail", log)
    skein.sleep(0.3)
    append(log, "one\n")
    program.await("one\n")
    append(log .. ".new", "longer than what was there before\n")
    assert(os.rename(log .. ".new", log))
    program.await(": longer than what was there before\n")
    rotate("born with as many bytes as before\n") -- of the same size
    program.await(": born with as many bytes as before\n")
    append(log, "late, without an end")
    rotate("the new one\n")
    program.await(": the new one\n")
    append(log, "and on\n")
    program.await(": and on\n")
    local lines = {}
    for line in program.finish():gmatch(": ([^\n]*)") do lines[#lines + 1] = line end
    assert.same({ "one", "longer than what was there before",
      "born with as many bytes as before", "late, without an end", "the new one", "and on" }, lines)
    os.remove(log)
    os.remove(log .. ".1")
  end))
end)
