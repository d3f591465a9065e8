--- A server and a client in network namespaces of their own, between which packets
--- are late, overtake each other and get lost: lossy.py.

local shell = require("spec.shell")
local support = require("spec.support")

--- Pending, unless such a network can be made here.
local function need_network()
  for _, program in ipairs { "unshare", "ip", "python3" } do
    if shell.run("command -v " .. program) ~= 0 then
      pending(program .. " is not installed (tools/setup clients)")
    end
  end
  local code, said = shell.run("unshare -Urn ip link add x type veth peer name y 2>&1")
  if code ~= 0 then
    pending("no namespace with a link can be made here: " .. (said:match("[^\n]+") or code))
  end
end

-- For the interpreters alone, if it is a sanitizer.
local preload = os.getenv("LD_PRELOAD")
local lua = (preload and "env LD_PRELOAD=" .. preload .. " " or "") .. support.lua

--- Runs the two programs at the two ends; the client's output, how it ended.
local function run(seed, server, client)
  local code, said
  shell.scratch(function(dir)
    local lines = {}
    for i, text in ipairs { server, client } do
      local name = ("%s/%d.lua"):format(dir, i)
      shell.write(name, "local skein = require('skein')\nlocal net = skein.net\n" .. text)
      lines[i] = shell.quote(lua .. " " .. name)
    end
    code, said = shell.run(("unset LD_PRELOAD; LUA_PATH=%s LUA_CPATH=%s timeout -s KILL %d "
      .. "unshare -Urn python3 spec/lossy.py 0.002 0.03 %d %s 2>&1"):format(
      shell.quote(package.path), shell.quote(package.cpath), support.patience * 3, seed,
      table.concat(lines, " ")))
  end)
  return code, said
end

local server = [[
  local echo = assert(net.listen("10.9.0.1", 4000))
  local source = assert(net.listen("10.9.0.1", 4001))
  local records = assert(net.listen("10.9.0.1", 4002))
  local u = assert(net.udp("10.9.0.1", 4003))
  skein.task(echo.serve, echo, function(conn)
    for line in conn:lines("L") do conn:write(line) end
  end)
  skein.task(source.serve, source, function(conn)
    conn:write(("0123456789"):rep(20000))
    conn:shutdown()
    conn:read("a")
  end)
  skein.task(records.serve, records, function(conn)
    while true do
      local size = conn:read("l")
      if not size then return end
      local body = conn:read(math.tointeger(tonumber(size)))
      conn:write(("%d\n%s%s"):format(#body, body, (conn:read_until("\r\n\r\n", 100))))
    end
  end)
  while true do
    local data, host, port = u:recv()
    u:send(data, host, port)
  end
]]

local function client(body)
  return [[
    local HOST = "10.9.0.1"
    local function connect(port)
      for _ = 1, 200 do -- until the server listens
        local conn, why, code = net.connect(HOST, port, 20)
        if conn then return conn end
        assert(code == 111, why)
        skein.sleep(0.02)
      end
    end
    local function each(n, f)
      local list = {}
      for i = 1, n do list[i] = i end
      return skein.map(list, f)
    end
    skein.run(function()
  ]] .. body .. " print('all is well') end)"
end

--- A spec whose client does that.
local function talking(body)
  return function()
    need_network()
    local code, said = run(7, server, client(body))
    assert.matches("all is well", said)
    assert.equal(0, code)
    assert.is_true(tonumber(said:match("(%d+) lost")) > 0, said)
  end
end

describe("where packets are late and lost", function()
  it("many talk at once", talking [[
    each(20, function(i)
      local conn <close> = connect(4000)
      local text = ("%d "):format(i):rep(8000) .. "\n"
      skein.task(conn.write, conn, text)
      assert(conn:read("L", 30) == text)
    end)
  ]])

  it("all formats give what was sent", talking [[
    each(10, function(i)
      local conn <close> = connect(4002)
      for k = 1, 10 do
        local body, name = ("\r\n%d"):format(k):rep(i * 40), ("name %d\r\n\r\n"):format(k)
        assert(conn:write(("%d\n%s%s"):format(#body, body, name)))
        assert(conn:read("l", 30) == tostring(#body))
        assert(conn:read(#body, 30) == body)
        assert(conn:read_until("\r\n\r\n", nil, 30) == name)
      end
    end)
  ]])

  it("reads that give up and selects that lose take nothing", talking [[
    each(10, function(i)
      local conn <close> = connect(4001)
      local event, pieces, timeouts, size = skein.event(), {}, 0, 200000
      while size > 0 do
        local data, why
        if i % 2 == 0 then
          data, why = conn:read(math.min(size, 1000), 0.001)
        else
          local n, text = skein.select({ event, { conn, "read", math.min(size, 1000) } }, 0.001)
          data, why = n and text, n == nil and text
        end
        if data then
          pieces[#pieces + 1] = data
          size = size - #data
        else
          assert(why == "timeout", why)
          timeouts = timeouts + 1
        end
      end
      assert(table.concat(pieces) == ("0123456789"):rep(20000))
      assert(timeouts > 0)
      assert(select(2, conn:read(nil, 30)) == "closed")
    end)
  ]])

  it("a datagram comes once, whole, or not at all", talking [[
    connect(4000):close()
    local u = assert(net.udp("10.9.0.2", 0))
    local seen, count = {}, 0
    for i = 1, 300 do
      local text = i .. (" and so on"):rep(i)
      assert(u:send(text, HOST, 4003))
      local data, host, port = u:recv(0.004)
      while data do
        local n = tonumber(data:match("^%d+"))
        assert(data == n .. (" and so on"):rep(n) and host == HOST and port == 4003)
        assert(not seen[n])
        seen[n], count = true, count + 1
        data, host, port = u:recv(0)
      end
    end
    assert(count > 200, count)
  ]])

  it("an address that nobody has is an error, or silent", talking [[
    connect(4000):close()
    local conn, why, code = net.connect("10.9.0.77", 4000, 5)
    assert(not conn and (why == "timeout" or code == 113), why)
    conn, why, code = net.connect(HOST, 9, 20)
    assert(not conn and code == 111, why)
    conn, why, code = net.connect("10.10.0.1", 4000, 5)
    assert(not conn and code == 101, why)
    for _ = 1, 40 do connect(4000):close() end
  ]])
end)
