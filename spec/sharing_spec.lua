--- What is shared lives as long as somebody refers to it, and no longer.

local core = require("skein.core")
local skein = require("skein")
local family = require("spec.family")
local peers = require("spec.peers")
local support = require("spec.support")
local task = support.task

--- One of each.
local function one_of_each()
  local a, b = skein.pipe()
  return { skein.queue(), skein.lock(), skein.value({ "x" }), a, b }
end

local function clean(body)
  return task(peers.clean(body))
end

describe("what is shared", function()
  setup(function()
    family.server()
    peers.warm()
  end)

  it("goes with its last handle", clean(function()
    local objects = core.arena()
    local all = one_of_each()
    assert.equal(objects + 4, (core.arena()))
    all[1]:put({ all[2], all[4] })
    all[1]:get()
    assert.equal(5, #all)
  end))

  it("is one handle in a state, wherever it has been", clean(function()
    local all = one_of_each()
    local q = all[1]
    for _, o in ipairs(all) do
      q:put(o)
      assert.is_true(rawequal(o, q:get()))
    end
    local p = skein.process(function(...) return ... end,
      table.unpack(all))
    local back = table.pack(p:get(10))
    for i, o in ipairs(all) do assert.is_true(rawequal(o, back[i])) end
    assert.matches("^skein.Queue", tostring(q))
    assert.matches("^skein.Lock", tostring(all[2]))
    assert.matches("^skein.Value", tostring(all[3]))
    assert.matches("^skein.End", tostring(all[4]))
  end))

  it("lives in a message", clean(function()
    local q = skein.queue()
    do
      local inner = skein.queue()
      inner:put("x")
      q:put({ inner, inner })
    end
    collectgarbage()
    collectgarbage()
    local both = q:get()
    assert.equal(both[1], both[2])
    assert.equal("x", both[1]:get(0))
  end))

  it("goes with the message that nobody got", clean(function()
    local q = skein.queue()
    local chain = skein.queue()
    chain:put(skein.lock())
    q:put({ chain, skein.value(1), skein.pipe() })
    q:put(skein.queue())
  end))

  it("goes with a message that was not put", clean(function()
    local q = skein.queue(1)
    q:put(1)
    assert.same({ nil, "timeout" }, { q:put(skein.lock(), 0) })
    assert.same({ nil, "timeout" }, { q:put(skein.lock(), 0.001) })
    local t = skein.task(q.put, q, { skein.lock() })
    skein.yield()
    t:cancel()
    t:join()
    local u = skein.task(q.put, q, { skein.lock() })
    skein.yield()
    q:close()
    assert.same({ nil, "closed" }, { u:get() })
    assert.same({ nil, "closed" }, { q:put(skein.lock()) })
    support.failure(q.put, q, { skein.lock(), io.stdout })
  end))

  it("goes with an upvalue, an argument, a result", clean(function()
    for _, kind in ipairs(peers.apart) do
      local l, q = skein.lock(), skein.queue()
      local p = peers.start(kind, function(arg)
        l:acquire()
        arg:put(l)
        return require("skein").value(5), arg
      end, q)
      local value, same = p:get(10)
      assert.equal(5, value:get())
      assert.equal(q, same)
      assert.equal(l, q:get(0))
    end
  end))

  it("outlives the process that made it", clean(function()
    local q = skein.queue()
    local p = skein.process(function()
      local all = one_of_each()
      all[1]:put("from the dead")
      q:put(all)
      skein.sleep(100)
    end)
    local all = q:get(10)
    p:kill()
    p:join()
    assert.equal("from the dead", all[1]:get(0))
    assert.is_true(all[2]:acquire(0))
    all[2]:release()
    assert.same({ "x" }, all[3]:get())
    all[4]:send(1)
    assert.equal(1, all[5]:recv(0))
  end))

  it("goes with the process that was killed", clean(function()
    local ready = skein.queue()
    local all = {}
    for i = 1, 3 do
      all[i] = skein.process(function()
        local mine = {}
        for n = 1, 100 do mine[n] = skein.queue() end
        mine[1]:put(mine[2])
        mine[3]:put(("x"):rep(100000))
        ready:put(true)
        skein.sleep(100)
        return mine
      end)
    end
    for _ = 1, 3 do ready:get(10) end
    assert.is_true(core.arena() > 300)
    for i = 1, 3 do all[i]:kill() end
    for i = 1, 3 do all[i]:join() end
  end))

  it("goes with a process that is killed as it begins", clean(function()
    for _, kind in ipairs({ "fork", "spawn" }) do
      for i = 1, 5 do
        local p = peers.start(kind, function(q, ...) q:put({ ... }) end,
          table.unpack(one_of_each()))
        skein.sleep(i * 0.0003)
        p:kill()
        p:join()
      end
    end
  end))

  it("goes with a process that never starts", clean(function()
    local p = skein.process({ start = false }, print, skein.queue())
    assert.equal("new", p:status())
    local t = skein.thread({ start = false }, print, skein.queue())
    assert.equal("new", t:status())
  end))

  it("is passed on by grandchildren", clean(function()
    local q = skein.queue()
    local p = skein.process(function()
      local child = skein.process(function()
        q:put(skein.lock())
        return skein.value("deep")
      end)
      return child:get(10):get()
    end)
    assert.equal("deep", p:get(10))
    assert.is_true(q:get(0):acquire(0))
  end))

  it("is given up by grandchildren of the killed", clean(function()
    local l, ready = skein.lock(), skein.queue()
    local p = skein.process(function()
      local child = skein.process(function()
        l:acquire()
        ready:put(true)
        skein.sleep(100)
      end)
      child:join()
    end)
    ready:get(10)
    p:kill()
    assert.same({ true, "abandoned" }, { l:acquire(10) })
    l:release()
    p:join()
  end))

  it("is given up by a process that fails", clean(function()
    local l = skein.lock()
    local p = skein.process(function()
      l:acquire()
      os.exit(1)
    end)
    p:join()
    assert.same({ true, "abandoned" }, { l:acquire(10) })
    l:release()
  end))

  it("comes in any number", clean(function()
    local list = {}
    for i = 1, 2000 do list[i] = skein.queue() end
    list[1]:put(list)
    list[2000]:put("last")
    local back = list[1]:get()
    assert.equal("last", back[2000]:get(0))
  end))

  it("may be waited for by any number", clean(function()
    local q = skein.queue()
    local all = {}
    for i = 1, 500 do all[i] = skein.task(q.get, q) end
    skein.yield()
    for i = 1, 500 do q:put(i) end
    for i = 1, 500 do assert.equal(i, all[i]:get()) end
  end))

  it("leaves no trace in the file system", clean(function()
    local function files()
      local list = io.popen("ls -A /dev/shm /tmp | grep -i skein")
      local text = list:read("a")
      list:close()
      return text
    end
    local before = files()
    local p = skein.process(function() return one_of_each() end)
    p:get(10)
    assert.equal(before, files())
  end))

  it("does not hold up a program that ends", function()
    local output, how, code = support.program([[
      local skein = require("skein")
      local q, l = skein.queue(), skein.lock()
      local a, b = skein.pipe()
      for _ = 1, 3 do
        skein.task(q.get, q)
        skein.task(function() l:acquire() a:recv() end)
      end
      skein.sleep(0.001)
      setmetatable({}, { __gc = function()
        print(pcall(q.put, q, 1))
        print(pcall(l.acquire, l, 0))
      end })
      print("end")
    ]])
    assert.equal("exit", how)
    assert.equal(0, code, output)
    assert.matches("^end\n", output)
  end)

  it("is said to be gone to a finalizer that comes late", function()
    local output, _, code = support.program([[
      local skein = require("skein")
      local late
      kept = setmetatable({}, { __gc = function()
        print(pcall(late.put, late, 1))
        print(pcall(late.size, late))
      end })
      late = skein.queue()
    ]])
    assert.equal(0, code, output)
    assert.matches("false%s+.*closed already.*false%s+.*closed already", output)
  end)

  it("tells of a deadlock, once nobody else is left", function()
    local output, _, code = support.program([[
      local skein = require("skein")
      local q = skein.queue()
      local p = skein.process(function() skein.sleep(0.05) end)
      local ok, err = pcall(q.get, q)
      print(ok, err.kind, p:done())
    ]])
    assert.equal(0, code, output)
    assert.matches("^false\tdeadlock\ttrue", output)
  end)
end)
