--- Signals that are nobody's business but the program's: what skein leaves alone,
--- and that none disturbs a wait.

local program = require("spec.program")
local support = require("spec.support")
local run = program.run

--- What programs here begin with, before skein is loaded: the signals that this
--- process catches, ignores and blocks, but those of the C library.
local masks = [[
  local function masks()
    local file <close> = io.open("/proc/self/status")
    local text, list = file:read("a"), {}
    for _, key in ipairs { "Cgt", "Ign", "Blk" } do
      local bits = tonumber(text:match("Sig" .. key .. ":%s*(%x+)"), 16) & ~(3 << 31)
      local set = {}
      for n = 1, 64 do if bits >> (n - 1) & 1 == 1 then set[#set + 1] = n end end
      list[#list + 1] = key .. " " .. table.concat(set, " ")
    end
    return table.concat(list, ", ")
  end
  local first = masks()
  local skein = require("skein")
]]

describe("signals", function()
  it("are as they were when skein is loaded, and used without waiting", function()
    local output = support.program(masks .. [[
      print(first == masks())
      local q = skein.queue()
      q:put(1)
      q:get()
      skein.value(1):add(1)
      skein.pack {}
      skein.task(print, "never")
      print(first == masks() or first .. " -> " .. masks())
    ]])
    assert.equal("true\ntrue\n", output)
  end)

  it("but Ctrl-C and one for threads are never caught or blocked", function()
    local output = support.program(masks .. [[
      skein.sleep(0)
      for _, method in ipairs { "fork", "spawn", "server" } do
        skein.process({ method = method }, function() end):join()
      end
      skein.run(function()
        local pool <close> = skein.pool(1)
        pool:apply(tostring, 1)
      end)
      local t = skein.thread(function() require("skein").sleep(0.01) end)
      t:join()
      local p = skein.process(function() require("skein").sleep(60) end)
      p:terminate()
      p:join()
      local now = masks()
      print(first)
      print(now)
      skein.signal("HUP", "CHLD"):close()
      print(now == masks())
    ]])
    local first, now, same = output:match("^(.-)\n(.-)\n(.-)\n$")
    -- lua itself catches Ctrl-C while it runs a script
    assert.match("^Cgt 2, Ign ?[%d ]*, Blk ?[%d ]*$", first)
    local number, rest = now:match("^Cgt 2 (%d+)(.*)$")
    assert.is_true(tonumber(number) >= 34, now)
    assert.equal(first:match("Cgt 2(.*)"), rest)
    assert.equal("true", same)
  end)

  it("are not those of the parent in a child", function()
    local output = support.program(masks .. [[
      local hup = skein.signal("HUP", "TERM")
      skein.sleep(0)
      for _, method in ipairs { "fork", "spawn", "server" } do
        print(skein.process({ method = method }, function(look)
          local file <close> = io.open("/proc/self/status")
          local text = file:read("a")
          local function bits(key)
            return tonumber(text:match(key .. ":%s*(%x+)"), 16) & ~(3 << 31)
          end
          return bits("SigCgt") & 1, bits("SigCgt") >> 14 & 1, bits("SigBlk")
        end):get())
      end
    ]])
    assert.equal(("0\t1\t0\n"):rep(3), output)
  end)

  it("that come every millisecond disturb nothing", function()
    local output, code = run [[
      local pid = skein.self().pid
      local signals, n = skein.signal("USR1", "CHLD"), 0
      skein.task(function()
        for name in signals:items() do n = n + (name == "USR1" and 1 or 0) end
      end)
      local storm = io.popen(([=[
        while kill -USR1 %d 2>/dev/null; do
          i=0; while [ $i -lt 300 ]; do i=$((i+1)); done
        done]=]):format(pid))
      local function check()
        local function lasts(s, f, ...)
          local begin = skein.now()
          f(...)
          return skein.now() - begin >= s
        end
        local q, l, e = skein.queue(), skein.lock(), skein.event()
        while n < 3 do skein.yield() end
        assert(lasts(0.1, skein.sleep, 0.1))
        assert(lasts(0.05, q.get, q, 0.05))
        assert(lasts(0.05, e.wait, e, 0.05))
        l:acquire()
        assert(lasts(0.05, function() skein.task(l.acquire, l, 0.05):get() end))
        l:release()
        for i = 1, 10 do
          for _, method in ipairs { "fork", "spawn", "server" } do
            assert(skein.process({ method = method }, function(k) return k end, i):get() == i)
          end
        end
        do
          local pool <close> = skein.pool(2)
          local list = {}
          for i = 1, 500 do list[i] = i end
          assert(#pool:map(function(i) return i + 1 end, list) == 500)
        end
        local t = skein.thread(function(queue)
          for i = 1, 200 do queue:put(i) require("skein").sleep(0.0001) end
        end, q)
        for i = 1, 200 do assert(q:get() == i) end
        t:join()
        local a, b = skein.pipe()
        local p = skein.process({ method = "server" }, function(far)
          for m in function() return far:recv() end do far:send(#m) end
        end, b)
        for i = 1, 20 do
          a:send(("x"):rep(i * 20000))
          assert(a:recv() == i * 20000)
        end
        p:kill()
        p:join()
        assert(select(2, a:recv()) == "closed")
        local seen = n
        skein.sleep(0.05)
        print(seen > 20, n > seen)
      end
      local ok, err = pcall(check)
      if not ok then print(err) end
      os.exit(ok and io.type(storm) == "file") -- to close it is to wait for it
    ]]
    assert.equal("true\ttrue\n", output)
    assert.equal(0, code)
  end)

  it("are not raised by a peer that is gone", function()
    local output, code = run [[
      for _, method in ipairs { "fork", "spawn", "server" } do
        local a, b = skein.pipe()
        local p = skein.process({ method = method }, function(far) far:recv() end, b)
        a:send(1)
        p:join()
        print(a:send(("x"):rep(1000000)))
      end
    ]]
    assert.equal(("nil\tclosed\n"):rep(3), output)
    assert.equal(0, code)
  end)
end)
