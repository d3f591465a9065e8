local skein = require("skein")
local support = require("spec.support")
local net, task = skein.net, support.task

--- A server on a free port, and the port.
local function listen(opts)
  local server = assert(net.listen("127.0.0.1", 0, opts))
  return server, select(2, server:sockname())
end

--- A test with a server and its port.
local function with_server(body)
  return task(function()
    local server <close>, port = listen()
    body(server, port)
  end)
end

--- The two ends of a connection.
local function connection(server, port)
  local client = assert(net.connect("127.0.0.1", port))
  return client, assert(server:accept())
end

local function echo(conn)
  for line in conn:lines("L") do conn:write(line) end
end

describe("net", function()
  describe("tcp", function()
    it("connects and accepts", with_server(function(server, port)
      local client, conn = connection(server, port)
      local _ <close> = client
      local _ <close> = conn
      assert.same({ "127.0.0.1", port }, { client:peername() })
      assert.same({ client:sockname() }, { conn:peername() })
      client:write("ping")
      assert.equal("ping", conn:read())
      conn:write("pong")
      conn:close()
      assert.equal("pong", client:read("a"))
    end))

    it("finds a host by its name", with_server(function(server, port)
      local client <close> = assert(net.connect("localhost", port))
      local conn <close> = assert(server:accept())
      assert.equal(port, select(2, client:peername()))
      assert.is_truthy(conn)
    end))

    it("goes from address to address until one answers", function()
      local resolve = require("skein.core").net.resolve
      local core = require("skein.core")
      local body = with_server(function(server, port)
        local good = resolve("127.0.0.1", port)[1]
        local refused = resolve("127.0.0.2", 1)[1]
        core.net.resolve = function() return { refused, refused, good } end
        local client <close> = assert(net.connect("somewhere", port))
        local conn <close> = assert(server:accept())
        assert.equal(port, select(2, client:peername()))
        assert.is_truthy(conn)
        core.net.resolve = function() return { refused, refused } end
        assert.same({ nil, "Connection refused", 111 }, { net.connect("x", 1) })
      end)
      local ok, err = pcall(body)
      core.net.resolve = resolve
      assert(ok, err)
    end)

    it("does not wait for an address that is silent", function()
      local core = require("skein.core")
      local resolve = core.net.resolve
      local body = with_server(function(server, port)
        -- a backlog of 0 that is full answers nobody
        local full <close> = assert(net.listen("127.0.0.1", 0, { backlog = 0 }))
        local silent = resolve("127.0.0.1", select(2, full:sockname()))[1]
        local held = {}
        repeat
          local c, why = net.connect("127.0.0.1", select(2, full:sockname()), 0.05)
          held[#held + 1] = c
        until why == "timeout"
        core.net.resolve = function()
          return { silent, resolve("127.0.0.1", port)[1] }
        end
        local start = skein.now()
        local client <close> = assert(net.connect("somewhere", port, 5))
        assert.equal(port, select(2, client:peername()))
        local took = skein.now() - start
        assert.is_true(took > 0.2 and took < 2, took)
        server:accept():close()
        for _, c in ipairs(held) do c:close() end
      end)
      local ok, err = pcall(body)
      core.net.resolve = resolve
      assert(ok, err)
    end)

    it("gives up in time", task(function()
      local full <close>, port = listen { backlog = 0 }
      local held = {}
      repeat
        local c, why = net.connect("127.0.0.1", port, 0.05)
        held[#held + 1] = c
      until why == "timeout"
      local start = skein.now()
      assert.same({ nil, "timeout" }, { net.connect("127.0.0.1", port, { timeout = 0.1 }) })
      assert.is_true(skein.now() - start < 1)
      local t = skein.task(net.connect, "127.0.0.1", port)
      skein.sleep(0.01)
      t:cancel()
      t:join()
      assert.equal("cancelled", t:status())
      for _, c in ipairs(held) do c:close() end
      assert.is_false(full:closed())
    end))

    it("listens for everybody, where there is a port alone", task(function()
      local server <close> = assert(net.listen(0, { backlog = 3 }))
      local _, port = server:sockname()
      local conn <close> = assert(net.connect("localhost", port))
      local taken <close> = assert(server:accept(10))
      assert.is_true(conn:write("x") and taken:read(1) == "x")
    end))

    it("says what is wrong with an address", task(function()
      assert.same({ nil, "Connection refused", 111 }, { net.connect("127.0.0.1", 1) })
      local _, message, code = net.connect("name.invalid", 80)
      assert.matches("^name%.invalid: ", message)
      assert.is_true(code < 0)
      assert.is_nil((net.connect(("x"):rep(300), 80)))
      assert.same({ nil, "Cannot assign requested address", 99 },
        { net.listen("192.0.2.1", 0) })
      assert.matches("bad argument #2 to 'connect' %(port: whole number from 0 to " ..
        "65535 expected, got 65536%)", support.failure(net.connect, "127.0.0.1", 65536))
      for _, port in ipairs { -1, 1.5, "http", {}, 0 / 0 } do
        assert.matches("port: whole number", support.failure(net.connect, "127.0.0.1", port))
      end
      assert.matches("port: whole number", support.failure(net.listen, "127.0.0.1"))
      assert.matches("host expected, got nil", support.failure(net.connect, nil, 80))
      assert.matches("host or \"unix:path\" expected, got table",
        support.failure(net.connect, {}, 80))
      assert.matches("host with a zero", support.failure(net.connect, "a\0b", 80))
      assert.matches("unknown option 'nodely' %(options: timeout, nodelay%)",
        support.failure(net.connect, "127.0.0.1", 80, { nodely = true }))
      assert.matches("timeout: number expected, got string",
        support.failure(net.connect, "127.0.0.1", 80, { timeout = "1" }))
      assert.matches("net_spec.lua:%d+: bad argument", support.failure(function()
        net.listen("127.0.0.1", 0, { backlog = "many" })
      end))
    end))

    it("does not share a port unless it is asked to", with_server(function(_, port)
      assert.same({ nil, "Address already in use", 98 }, { net.listen("127.0.0.1", port) })
      local a <close>, shared = listen { reuseport = true }
      local b <close> = assert(net.listen("127.0.0.1", shared, { reuseport = true }))
      assert.equal(select(2, a:sockname()), select(2, b:sockname()))
    end))

    it("listens on IPv6", task(function()
      -- asked of the system, not of what is tested
      local addresses <close> = io.open("/proc/net/if_inet6")
      if not (addresses and addresses:read("a"):find(("0"):rep(31) .. "1 ", 1, true)) then
        return pending("the system has no address ::1")
      end
      local server <close> = assert(net.listen("::1", 0))
      local host, port = server:sockname()
      assert.equal("::1", host)
      local client <close> = assert(net.connect("::1", port))
      assert.same({ "::1", port }, { client:peername() })
    end))

    it("tells a reset from an end", with_server(function(server, port)
      local client, conn = connection(server, port)
      conn:write("unread")
      client:write("unread, too")
      skein.sleep(0.01)
      conn:close() -- with bytes that were not read: a reset
      assert.equal("unread", client:read())
      assert.same({ nil, "Connection reset by peer", 104 }, { client:read() })
      assert.same({ nil, "closed" }, { client:write("x") })
      client:close()
    end))

    it("notices a half-open peer by its silence only", with_server(function(server, port)
      local client, conn = connection(server, port)
      assert.is_true(client:shutdown())
      assert.equal("", conn:read("a"))
      assert.is_true(conn:write("the other way works"))
      assert.equal("the other way works", client:read())
      assert.same({ nil, "timeout" }, { client:read(1, 0.02) })
      client:close()
      conn:close()
    end))

    it("puts partial lines and single bytes together", with_server(function(server, port)
      local client, conn = connection(server, port)
      local text = ("a line of words\n"):rep(40)
      skein.task(function()
        for c in text:gmatch(".") do
          client:write(c)
          skein.yield()
        end
        client:close()
      end)
      local got = {}
      for line in conn:lines("L") do got[#got + 1] = line end
      assert.equal(40, #got)
      assert.equal(text, table.concat(got))
      conn:close()
    end))

    it("holds a writer back while the reader is slow", with_server(function(server, port)
      local client, conn = connection(server, port)
      local written = 0
      local writer = skein.task(function()
        for _ = 1, 400 do
          client:write(("x"):rep(65536))
          written = written + 65536
        end
        client:shutdown()
      end)
      skein.sleep(0.05)
      local before = written
      assert.is_true(before < 400 * 65536)
      skein.sleep(0.05)
      assert.equal(before, written) -- it waits for room, and nothing piles up
      local n = 0
      for data in function() return conn:read() end do n = n + #data end
      writer:get()
      assert.equal(400 * 65536, n)
      client:close()
      conn:close()
    end))
  end)

  describe("accept", function()
    it("is a wait like any other", with_server(function(server, port)
      assert.same({ nil, "timeout" }, { server:accept(0) })
      assert.same({ nil, "timeout" }, { server:accept(0.01) })
      local t = skein.task(server.accept, server)
      skein.yield()
      t:cancel()
      t:join()
      local client <close> = assert(net.connect("127.0.0.1", port))
      local conn <close> = assert(server:accept(1)) -- nobody took it away
      assert.same({ conn:peername() }, { client:sockname() })
    end))

    it("serves several who wait, each with one", with_server(function(server, port)
      local waiting = {}
      for i = 1, 5 do waiting[i] = skein.task(server.accept, server) end
      skein.yield()
      local clients = {}
      for i = 1, 5 do clients[i] = assert(net.connect("127.0.0.1", port)) end
      for i = 1, 5 do waiting[i]:get(1):close() end
      for i = 1, 5 do clients[i]:close() end
    end))

    it("ends when the server is closed", with_server(function(server)
      local t = skein.task(server.accept, server)
      skein.yield()
      server:close()
      assert.same({ nil, "closed" }, { t:get() })
      assert.same({ nil, "closed" }, { server:accept() })
      assert.same({ nil, "closed" }, { server:sockname() })
      assert.equal("skein.Server (closed)", tostring(server))
      server:close()
    end))
  end)

  describe("serve", function()
    it("runs a task for each connection", with_server(function(server, port)
      local serving = skein.task(server.serve, server, echo)
      local answers = skein.map({ "a\n", "b\n", "c\n" }, function(text)
        local client <close> = assert(net.connect("127.0.0.1", port))
        client:write(text)
        return client:read("L")
      end)
      assert.same({ "a\n", "b\n", "c\n", n = 3 }, answers)
      server:close()
      assert.is_true(serving:get())
    end))

    it("serves no more than its limit at once", with_server(function(server, port)
      local now, most = 0, 0
      local serving = skein.task(server.serve, server, function(conn)
        now = now + 1
        most = math.max(most, now)
        echo(conn)
        now = now - 1
      end, { limit = 3 })
      skein.map({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, function(i)
        local client <close> = assert(net.connect("127.0.0.1", port))
        client:write(i .. "\n")
        assert.equal(tostring(i), client:read("l"))
      end)
      assert.equal(3, most)
      server:close()
      serving:get()
    end))

    it("lets those who are served finish when it is closed", with_server(function(server, port)
      local serving = skein.task(server.serve, server, echo)
      local client <close> = assert(net.connect("127.0.0.1", port))
      client:write("1\n")
      assert.equal("1", client:read("l"))
      server:close()
      assert.same({ nil, "timeout" }, { serving:join(0.02) })
      client:write("2\n")
      assert.equal("2", client:read("l"))
      client:close()
      assert.is_true(serving:get())
    end))

    it("waits no longer for them than it may", with_server(function(server, port)
      local cleaned = false
      local serving = skein.task(server.serve, server, function(conn)
        local _ <close> = setmetatable({}, { __close = function() cleaned = true end })
        conn:read()
      end, { grace = 0.02 })
      local client <close> = assert(net.connect("127.0.0.1", port))
      skein.sleep(0.01)
      server:close()
      assert.is_true(serving:get(1))
      assert.is_true(cleaned)
      assert.same({ nil, "closed" }, { client:read() })
    end))

    it("takes its connections along when it is cancelled", with_server(function(server, port)
      local serving = skein.task(server.serve, server, echo)
      local client <close> = assert(net.connect("127.0.0.1", port))
      client:write("1\n")
      client:read("l")
      serving:cancel()
      serving:join()
      assert.equal("cancelled", serving:status())
      assert.same({ nil, "closed" }, { client:read() })
    end))

    it("goes on when a connection fails", with_server(function(server, port)
      local reports = {}
      skein.on_error(function(r) reports[#reports + 1] = r end)
      local serving = skein.task(server.serve, server, function(conn)
        error("no luck with " .. conn:read("l"))
      end)
      for i = 1, 3 do
        local client <close> = assert(net.connect("127.0.0.1", port))
        client:write(i .. "\n")
        assert.same({ nil, "closed" }, { client:read() })
      end
      server:close()
      assert.is_true(serving:get())
      serving = nil -- luacheck: ignore
      collectgarbage()
      collectgarbage()
      skein.sleep(0.01)
      skein.on_error(nil)
      assert.equal(3, #reports)
      assert.matches("no luck with", tostring(reports[1]))
    end))

    it("backs off where descriptors are short", function()
      local output, how, code = support.program([[
        local skein = require("skein")
        local net = skein.net
        skein.run(function()
          local server = assert(net.listen("127.0.0.1", 0))
          local _, port = server:sockname()
          skein.task(server.serve, server, function(conn)
            for line in conn:lines("L") do conn:write(line) end
          end)
          local worker = skein.process({ method = "spawn" }, function(to)
            local skein = require("skein")
            local list = {}
            for i = 1, 30 do list[i] = i end
            return #skein.map(list, function(i)
              local c <close> = assert(skein.net.connect("127.0.0.1", to))
              c:write(i .. "\n")
              local line = c:read("l")
              skein.sleep(0.05)
              return line
            end, 10)
          end, port)
          skein.sleep(0.3) -- the worker has its own by now; six are left here
          local held = {}
          for file in function() return (io.open("/dev/null")) end do held[#held + 1] = file end
          for _ = 1, 6 do table.remove(held):close() end
          local cpu = os.clock()
          print(worker:get(), os.clock() - cpu < 0.5)
        end)
      ]], "ulimit -n 100; ")
      assert.same({ "30\ttrue\n", "exit", 0 }, { output, how, code })
    end)

    it("refuses what it does not know", with_server(function(server)
      assert.matches("bad argument #1 to 'serve' %(function expected, got nil%)",
        support.failure(server.serve, server))
      assert.matches("limit: whole number of at least 1 expected, got 0",
        support.failure(server.serve, server, echo, { limit = 0 }))
    end))
  end)

  describe("unix", function()
    it("connects by a path, which goes with the server", task(function()
      local path = os.tmpname()
      os.remove(path)
      local name = "unix:" .. path
      assert.same({ nil, "No such file or directory", 2 }, { net.connect(name) })
      local server = assert(net.listen(name))
      assert.equal(name, (server:sockname()))
      local client <close> = assert(net.connect(name))
      local conn <close> = assert(server:accept())
      assert.equal(name, (client:peername()))
      assert.equal("unix:", (conn:peername()))
      client:write("x")
      assert.equal("x", conn:read())
      assert.equal(98, select(3, net.listen(name)))
      server:close()
      assert.is_nil(io.open(path))
      assert.equal(2, select(3, net.connect(name)))
    end))

    it("takes the path of one who has died", task(function()
      local path = os.tmpname()
      os.remove(path)
      local name = "unix:" .. path
      skein.process(function()
        net.listen(name)
        os.execute("kill -9 " .. skein.self().pid)
      end):join()
      local server <close> = assert(net.listen(name))
      assert.equal(name, (server:sockname()))
      local client <close> = assert(net.connect(name))
      assert.equal(name, (client:peername()))
    end))

    it("has abstract names", task(function()
      local name = "unix:@skein-" .. skein.self().pid
      local server <close> = assert(net.listen(name))
      assert.equal(name, (server:sockname()))
      local client <close> = assert(net.connect(name))
      assert.equal(name, (client:peername()))
      assert.equal("skein.Server: " .. name, tostring(server))
    end))

    it("waits for a peer that is busy", task(function()
      local name = "unix:@skein-busy-" .. skein.self().pid
      local server <close> = assert(net.listen(name, { backlog = 0 }))
      local clients = {}
      repeat
        local c, why = net.connect(name, 0.02)
        clients[#clients + 1] = c
      until why == "timeout"
      local late = skein.task(net.connect, name)
      skein.sleep(0.01)
      for _ = 1, #clients do server:accept():close() end
      local c <close> = assert(late:get(1))
      assert.equal(name, (c:peername()))
      for _, other in ipairs(clients) do other:close() end
    end))

    it("says what is wrong with a name", task(function()
      assert.same({ nil, "File name too long", 36 }, { net.connect("unix:" .. ("x"):rep(120)) })
      assert.same({ nil, "No such file or directory", 2 }, { net.listen("unix:/no/such/dir") })
      assert.equal(22, select(3, net.connect("unix:")))
    end))
  end)

  describe("udp", function()
    it("sends and receives", task(function()
      local a <close> = assert(net.udp("127.0.0.1", 0))
      local b <close> = assert(net.udp("127.0.0.1", 0))
      local host, port = a:sockname()
      local t = skein.task(a.recv, a)
      skein.yield()
      assert.is_true(b:send("hello", host, port))
      assert.same({ "hello", b:sockname() }, { t:get() })
      assert.same({ nil, "timeout" }, { a:recv(0) })
      assert.same({ nil, "timeout" }, { a:recv(0.01) })
      assert.is_true(b:send("", host, port))
      assert.equal("", (a:recv()))
    end))

    it("keeps to its peer", task(function()
      local a <close> = assert(net.udp("127.0.0.1", 0))
      local b <close> = assert(net.udp("127.0.0.1", 0))
      local c <close> = assert(net.udp("127.0.0.1", 0))
      assert.is_true(b:connect(a:sockname()))
      assert.same({ a:sockname() }, { b:peername() })
      assert.is_true(b:send("to a"))
      assert.equal("to a", (a:recv()))
      c:send("stranger", b:sockname())
      a:send("friend", b:sockname())
      assert.equal("friend", (b:recv(1)))
      a:close()
      b:send("nobody there")
      assert.same({ nil, "Connection refused", 111 }, { b:recv(1) })
    end))

    it("closes under those who wait", task(function()
      local a = assert(net.udp("127.0.0.1", 0))
      local readers = {}
      for i = 1, 3 do readers[i] = skein.task(a.recv, a) end
      skein.yield()
      a:close()
      for i = 1, 3 do assert.same({ nil, "closed" }, { readers[i]:get() }) end
      assert.same({ nil, "closed" }, { a:send("x", "127.0.0.1", 9) })
    end))

    it("shares its datagrams among those who wait", task(function()
      local name = "unix:@skein-udp-" .. skein.self().pid
      local a <close> = assert(net.udp(name))
      local b <close> = assert(net.udp(name .. "b"))
      local got, readers = {}, {}
      for i = 1, 3 do
        readers[i] = skein.task(function()
          for data in function() return (a:recv()) end do
            if data == "end" then return end
            got[#got + 1] = data
          end
        end)
      end
      skein.yield()
      for i = 1, 300 do assert.is_true(b:send(tostring(i), name)) end
      for _ = 1, 3 do assert.is_true(b:send("end", name)) end
      for i = 1, 3 do readers[i]:get() end
      for i = 1, 300 do assert.equal(tostring(i), got[i]) end
    end))

    it("waits in the program until there is room, without haste", function()
      local said = support.program([[
        local skein = require("skein")
        local name = "unix:@skein-udp-" .. skein.self().pid
        local a <close> = skein.net.udp(name)
        local b <close> = skein.net.udp(name .. "b")
        local sent, began = 0, os.clock()
        print(pcall(skein.timeout, 0.3, function()
          while true do sent = sent + 1 assert(b:send(tostring(sent), name)) end
        end))
        print(os.clock() - began < 0.2)
        local c <close> = skein.net.udp(name .. "c")
        print(c:send("late", name, 0.02), select(2, c:send("late", name, 0)))
        local first = skein.task(b.send, b, "first", name)
        local given_up = skein.task(b.send, b, "x", name, 0.01)
        local second = skein.task(b.send, b, "second", name)
        print(select(2, given_up:get()))
        local cancelled = skein.task(b.send, b, "y", name)
        skein.sleep(0.01)
        cancelled:cancel()
        for i = 1, sent - 1 do assert(a:recv(5) == tostring(i)) end
        print((a:recv(5)), (a:recv(5)), first:get(), second:get(), a:recv(0))
      ]], "ulimit -s 512;")
      assert.equal(table.concat({ "false\ttimeout", "true", "nil\ttimeout", "timeout",
        "first\tsecond\ttrue\ttrue\tnil\ttimeout", "" }, "\n"), said)
    end)

    it("says what is wrong", task(function()
      local a <close> = assert(net.udp("127.0.0.1", 0))
      assert.equal(90, select(3, a:send(("x"):rep(70000), a:sockname())))
      assert.equal(89, select(3, a:send("x")))
      assert.matches("bad argument #3 to 'send' %(port", support.failure(function()
        a:send("x", "127.0.0.1", "nine")
      end))
      assert.matches("bad argument #1 to 'send' %(string expected, got nil%)",
        support.failure(a.send, a))
    end))
  end)
end)
