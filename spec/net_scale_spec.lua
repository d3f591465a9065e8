--- Many connections, and much through one. In programs of their own, with limits of
--- their own.

local shell = require("spec.shell")
local support = require("spec.support")

--- The most descriptors that this process may ask for.
local function most_descriptors()
  return tonumber((select(2, shell.run("ulimit -Hn"))):match("%d+")) or math.huge
end

local server = [[
  local skein = require("skein")
  local net = skein.net
  local server = assert(net.listen("127.0.0.1", 0, { backlog = 4096 }))
  local port = select(2, server:sockname())
  local function echo(conn)
    for line in conn:lines("L") do conn:write(line) end
  end
  local function memory()
    collectgarbage()
    collectgarbage()
    local f <close> = io.open("/proc/self/statm")
    return select(2, f:read("n", "n")) * 4096
  end
  local function fds()
    local n = 0
    local p <close> = io.popen("ls /proc/" .. skein.self().pid .. "/fd")
    for _ in p:lines() do n = n + 1 end
    return n
  end
]]

describe("net", function()
  it("serves 100 busy connections among 10 000 idle ones", function()
    if most_descriptors() < 10200 then return pending("too few descriptors permitted") end
    local output, how, code = support.program(server .. [[
      skein.run(function()
        local serving = skein.task(server.serve, server, echo)
        local go = skein.event()
        local before = memory()
        local clients = skein.process({ method = "spawn" }, function(to, start)
          local skein = require("skein")
          local function connect() return assert(skein.net.connect("127.0.0.1", to)) end
          local idle, list = {}, {}
          for i = 1, 10000 do list[i] = i end
          skein.map(list, function(i) idle[i] = connect() end, 100)
          start:wait()
          local began = skein.now()
          local slowest = 0
          local busy = {}
          for i = 1, 100 do
            busy[i] = function()
              local conn <close> = connect()
              for k = 1, 50 do
                local sent = skein.now()
                conn:write(i .. " " .. k .. "\n")
                assert(conn:read("l") == i .. " " .. k)
                slowest = math.max(slowest, skein.now() - sent)
              end
            end
          end
          skein.all(busy)
          local took = skein.now() - began
          for k = 1, 10000, 100 do -- the idle ones are alive
            idle[k]:write("still here\n")
            assert(idle[k]:read("l") == "still here")
          end
          for _, conn in ipairs(idle) do conn:close() end
          return #idle, took, slowest
        end, port, go)
        while fds() < 10000 do skein.sleep(0.05) end
        local each = (memory() - before) / 10000
        go:set()
        local n, took, slowest = clients:get()
        server:close()
        serving:get()
        print(n, each < 4096, took < 10, slowest < 5)
      end)
    ]], "ulimit -n $(ulimit -Hn); ")
    assert.same({ "10000\ttrue\ttrue\ttrue\n", "exit", 0 }, { output, how, code })
  end)

  it("leaves nothing of 100 000 connections", function()
    -- in another light each one takes much longer
    local some = os.getenv("PRELOAD") and 1000 or 10000
    local output, how, code = support.program(server .. ("local SOME = %d"):format(some) .. [[
      skein.run(function()
        local serving = skein.task(server.serve, server, echo)
        local function talk(n)
          for i = 1, n do
            local conn <close> = assert(net.connect("127.0.0.1", port))
            conn:write("x\n")
            assert(conn:read("l") == "x")
            if i % 3 == 0 then conn:write("a partial line") end
            if i % 5 == 0 then conn:shutdown() end
          end
        end
        talk(SOME)
        skein.sleep(0.5)
        local open, used = fds(), memory()
        talk(9 * SOME)
        for _ = 1, 100 do -- the server has to see the last one go
          if fds() == open then break end
          skein.sleep(0.05)
        end
        print(fds() - open, memory() - used < 1 << 20)
        server:close()
        serving:get()
      end)
    ]], nil, 120)
    assert.same({ "0\ttrue\n", "exit", 0 }, { output, how, code })
  end)

  it("streams a GiB in flat memory, either way", function()
    local pieces = os.getenv("PRELOAD") and 1024 or 16384
    local output, how, code = support.program(server .. ("local PIECES = %d"):format(pieces) .. [[
      local function most() -- of the memory that was ever in use
        local f <close> = io.open("/proc/self/status")
        return tonumber(f:read("a"):match("VmHWM:%s*(%d+)")) * 1024
      end
      local piece = ("0123456789abcdef"):rep(4096)
      skein.run(function()
        local serving = skein.task(server.serve, server, function(conn)
          if conn:read("l") == "give" then
            for _ = 1, PIECES do assert(conn:write(piece)) end
          else
            local n = 0
            for data in function() return conn:read() end do n = n + #data end
            conn:write(n .. "\n")
          end
        end)
        local function give()
          local conn <close> = assert(net.connect("127.0.0.1", port))
          local n = 0
          conn:write("give\n")
          for data in function() return conn:read() end do n = n + #data end
          return n
        end
        local function take()
          local conn <close> = assert(net.connect("127.0.0.1", port))
          conn:write("take\n")
          for _ = 1, PIECES do assert(conn:write(piece)) end
          conn:shutdown()
          return math.tointeger(tonumber(conn:read("l")))
        end
        local whole = PIECES
        PIECES = 512
        give() take()
        local before = most()
        PIECES = whole
        print(give() == whole * #piece, take() == whole * #piece, most() - before < 4 << 20)
        server:close()
        serving:get()
      end)
    ]], nil, 120)
    assert.same({ "true\ttrue\ttrue\n", "exit", 0 }, { output, how, code })
  end)

  it("keeps time beside busy sockets", function()
    local output, how, code = support.program(server .. [[
      skein.run(function()
        local serving = skein.task(server.serve, server, echo)
        local done = false
        for _ = 1, 20 do
          skein.task(function()
            local conn <close> = assert(net.connect("127.0.0.1", port))
            while not done do
              conn:write("busy\n")
              conn:read("l")
            end
          end)
        end
        local late = {}
        for i = 1, 300 do
          local due = skein.now() + 0.0005
          skein.sleep(0.0005)
          late[i] = skein.now() - due
          assert(late[i] >= 0)
        end
        table.sort(late)
        done = true
        server:close()
        serving:get()
        print(late[150] < 0.0005)
      end)
    ]])
    assert.same({ "true\n", "exit", 0 }, { output, how, code })
  end)
end)
