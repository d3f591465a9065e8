--- Servers and clients with a bad network between them, see relay.lua.

local relay = require("spec.relay")
local shell = require("spec.shell")
local skein = require("skein")
local support = require("spec.support")
local net, task = skein.net, support.task

local SEEDS = 4

--- A server that runs `body(conn)` for each connection, and its port.
local function serving(body)
  local server = assert(net.listen("127.0.0.1", 0))
  local serve = skein.task(server.serve, server, body)
  local port = select(2, server:sockname())
  return setmetatable({}, { __close = function()
    server:close()
    serve:cancel()
    serve:join()
    serve:error()
  end }), port
end

--- For each seed: a server of `body`, a relay in front of it, and `test(port, dice)`.
local function behind(body, faults, test)
  return task(function()
    for seed = 1, SEEDS do
      local server <close>, port = serving(body)
      local between <close> = relay.start(port, seed, faults)
      test(between.port, relay.dice(seed + 1000), seed)
      assert.is_truthy(server)
    end
  end)
end

local function echo(conn)
  for line in conn:lines("L") do
    if not conn:write(line) then return end
  end
end

--- Reads again and again with little time, as much as `conn` gives up to the end.
local function read_impatiently(conn, what, size)
  local pieces, timeouts = {}, 0
  while size > 0 do
    local data, why = conn:read(what or math.min(size, 1000), 0.0007)
    if data then
      pieces[#pieces + 1] = data
      size = size - #data
    elseif why == "timeout" then
      timeouts = timeouts + 1
    else
      error(why)
    end
  end
  return table.concat(pieces), timeouts
end

describe("behind a bad network", function()
  it("all formats give what was sent", behind(function(conn)
    while true do -- a record of each kind: a line, so many bytes, up to a separator
      local size = conn:read("l")
      if not size then return end
      local body = conn:read(math.tointeger(tonumber(size)))
      local name = conn:read_until("\r\n\r\n", 100)
      conn:write(("%d\n%s%s"):format(#body, body, name))
    end
  end, nil, function(port, dice)
    local list = {}
    for i = 1, 10 do list[i] = i end
    skein.map(list, function()
      local conn <close> = assert(net.connect("127.0.0.1", port))
      for k = 1, 10 do
        local body, name = ("\r\n%d"):format(k):rep(dice(400)), ("name %d\r\n\r\n"):format(dice(99))
        local sender = skein.task(conn.write, conn, ("%d\n%s%s"):format(#body, body, name))
        assert.equal(tostring(#body), conn:read("l", 10))
        assert.equal(body, conn:read(#body, 10))
        assert.equal(name, conn:read_until("\r\n\r\n", nil, 10))
        assert.is_true(sender:get())
      end
    end)
  end))

  it("many talk at once", behind(echo, { stall = 30 }, function(port)
    local list = {}
    for i = 1, 20 do list[i] = i end
    assert.equal(20, skein.map(list, function(i)
      local conn <close> = assert(net.connect("127.0.0.1", port, 10))
      local text = ("%d "):format(i):rep(5000) .. "\n"
      skein.task(conn.write, conn, text)
      assert.equal(text, conn:read("L", 10))
      return i
    end).n)
  end))

  it("a read that gives up has taken nothing", behind(function(conn)
    conn:write(("0123456789"):rep(2000))
    conn:read()
  end, { stall = 8 }, function(port)
    local conn <close> = assert(net.connect("127.0.0.1", port))
    local text, timeouts = read_impatiently(conn, nil, 20000)
    assert.is_true(text == ("0123456789"):rep(2000))
    assert.is_true(timeouts > 0)
  end))

  it("a select takes from one stream at a time, and nothing of the others",
    behind(function(conn)
      for i = 1, 30 do
        if not conn:write(("line %d\n"):format(i)) then return end
        if i % 7 == 0 then skein.sleep(0) end
      end
    end, { piece = 3 }, function(port)
      local conns, cases, lines = {}, {}, {}
      for i = 1, 8 do
        conns[i] = assert(net.connect("127.0.0.1", port))
        cases[i], lines[i] = { conns[i], "read", "l" }, 0
      end
      local open = #conns
      while open > 0 do
        local i, line = skein.select(cases, 0.0005)
        if i and line then
          lines[i] = lines[i] + 1
          assert.equal(("line %d"):format(lines[i]), line)
        elseif i then
          assert.equal(30, lines[i])
          cases[i] = skein.event() -- from now on it is never ready
          open = open - 1
        end
      end
      for _, conn in ipairs(conns) do conn:close() end
    end))

  it("a slow reader holds the writer back, and both end", behind(function(conn)
    local piece = ("x"):rep(65536)
    for _ = 1, 32 do
      if not conn:write(piece) then return end
    end
  end, { stall = 500, merge = 100, piece = 5000 }, function(port)
    local conn <close> = assert(net.connect("127.0.0.1", port))
    local n = 0
    for data in function() return conn:read(nil, 10) end do
      n = n + #data
      if n % 10 == 0 then skein.sleep(0.0005) end
    end
    assert.equal(32 * 65536, n)
  end))

  it("a reset is told to both sides, and to nobody else", behind(function(conn)
    echo(conn)
  end, { reset = 20000 }, function(port)
    local cut, whole = 0, 0
    local list = {}
    for i = 1, 12 do list[i] = i end
    skein.map(list, function(i)
      local conn <close> = assert(net.connect("127.0.0.1", port))
      local text = ("%d "):format(i):rep(2500) .. "\n"
      local writer = skein.task(conn.write, conn, text)
      local answer, why, code = conn:read("L", 10)
      if answer == text then
        whole = whole + 1
      else
        cut = cut + 1
        assert(answer == nil or text:sub(1, #answer) == answer, "other bytes than were sent")
        assert(answer or why == "closed" or code == 104, why)
      end
      writer:cancel()
      writer:join()
      writer:error()
    end)
    assert.equal(12, whole + cut)
    assert.is_true(cut > 0, "nothing was cut off")
  end))
end)

describe("curl behind a bad network", function()
  it("gets what httpd sends", task(function()
    if shell.run("command -v curl") ~= 0 then
      pending("curl is not installed (tools/setup clients)")
    end
    local out = os.tmpname()
    local httpd <close> = skein.command { support.lua, "examples/httpd.lua", "0", "1", "spec",
      stdout = "pipe", env = { LUA_PATH = package.path, LUA_CPATH = package.cpath } }
    local port = math.tointeger(tonumber(httpd.stdout:read("l", 10):match("port (%d+)")))
    local source = assert(io.open("spec/net_spec.lua", "rb"))
    local text = source:read("a")
    source:close()
    for seed = 1, SEEDS do
      local between <close> = relay.start(port, seed, { piece = 200 })
      local curl <close> = skein.command { "curl", "-sS", "--max-time", "10", "-o", out,
        ("http://127.0.0.1:%d/net_spec.lua"):format(between.port),
        env = { LD_PRELOAD = false } } -- no sanitizer in there
      local result = curl:get(15)
      assert.same({ 0, "" }, { result.code, result.stderr })
      local got = assert(io.open(out, "rb"))
      assert.is_true(got:read("a") == text)
      got:close()
    end
    os.remove(out)
    httpd:terminate()
    httpd:join()
    httpd.stdout:close()
  end))

  it("lets the downloader go on where it was cut off", task(function()
    local out = os.tmpname()
    local env = { LUA_PATH = package.path, LUA_CPATH = package.cpath }
    local httpd <close> = skein.command { support.lua, "examples/httpd.lua", "0", "1", "spec",
      stdout = "pipe", env = env }
    local port = math.tointeger(tonumber(httpd.stdout:read("l", 10):match("port (%d+)")))
    local source = assert(io.open("spec/command_spec.lua", "rb"))
    local text = source:read("a")
    source:close()
    local ended = 0
    for seed = 1, SEEDS do
      local between <close> = relay.start(port, seed, { piece = 4000, reset = 40000 })
      local result = skein.command { support.lua, "examples/download.lua",
        ("http://127.0.0.1:%d/command_spec.lua"):format(between.port), out, "4", env = env }:get(15)
      if result.code == 0 then
        ended = ended + 1
        local got = assert(io.open(out, "rb"))
        assert.is_true(got:read("a") == text)
        got:close()
      end
    end
    assert.is_true(ended > 0, "it never came to an end")
    os.remove(out)
    os.remove(out .. ".part")
    httpd:terminate()
    httpd:join()
    httpd.stdout:close()
  end))
end)
