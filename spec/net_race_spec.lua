--- What comes at the same instant, of servers, streams and files.

local skein = require("skein")
local support = require("spec.support")

local test = support.task

describe("a cancel that comes between news and who waits for it", function()
  --- Waits in a task for what `server` brings, and takes that away as soon as
  --- the task was woken, which is cancelled then. False: the task was faster,
  --- since now and then others are given a turn.
  local function robbed(server, wait, send, take)
    local here <close>, there = skein.net.pair()
    assert.same({ nil, "timeout" }, { there:read(1, 0.001) }) -- from now on it is watched
    local t = skein.task(wait, server)
    skein.sleep(0.001)
    here:write("x") -- is seen first: we run before the task does
    send()
    assert.equal("x", there:read(1))
    there:close()
    if not take() then return t:join(1) and false end
    t:cancel()
    assert.is_true(t:join(1))
    assert.equal("cancelled", t:status())
    return true
  end

  local function once(...)
    for _ = 1, 5 do
      if robbed(...) then return end
    end
    error("the task was always faster")
  end

  it("is not lost by accept", test(function()
    local name = ("unix:@skein-race-%d"):format(skein.self().pid)
    local server <close> = assert(skein.net.listen(name))
    local streams = {}
    local function keep(stream)
      streams[#streams + 1] = stream
      return stream
    end
    once(server, function(s) return keep(s:accept()) end,
      function() assert(keep(skein.net.connect(name))) end,
      function() return keep(server:accept(0)) end)
    for _, stream in ipairs(streams) do stream:close() end
  end))

  it("is not lost by recv", test(function()
    local u = assert(skein.net.udp("127.0.0.1", 0))
    local _, port = u:sockname()
    local from = assert(skein.net.udp())
    once(u, u.recv,
      function() assert(from:send("data", "127.0.0.1", port)) end,
      function() return u:recv(0) end)
    u:close()
    from:close()
  end))
end)

describe("a server that is closed while it serves as many as it may", function()
  it("gives them their grace, and not more", test(function()
    local server = assert(skein.net.listen("127.0.0.1", 0))
    local _, port = server:sockname()
    local serving = skein.task(server.serve, server, function(conn) conn:read("a") end,
      { limit = 1, grace = 0.02 })
    local conn <close> = assert(skein.net.connect("127.0.0.1", port))
    conn:write("x")
    skein.sleep(0.01)
    server:close()
    assert.is_true(serving:get(2))
    assert.same({ nil, "closed" }, { conn:read() })
  end))
end)

describe("a file that is read", function()
  it("cannot be written by another task meanwhile", test(function()
    local name = os.tmpname()
    local size = 16 << 20
    local file <close> = assert(skein.open(name, "w+"))
    assert.is_true(file:write(("x"):rep(size)))
    file:seek("set")
    local reader = skein.task(function() return #file:read("a") end)
    while not reader:done() do
      skein.yield() -- it reads, or waits for another thread that does
      if reader:done() then break end
      assert.same({ nil, "Device or resource busy", 16 }, { file:write("y", 0) })
    end
    assert.equal(size, reader:get(5))
    assert.is_true(file:write("y"))
    os.remove(name)
  end))
end)
