local skein = require("skein")
local support = require("spec.support")
local co = skein.coroutine
local task = support.task

-- Runs the test at top level and in a task.
local function both(body)
  return task(function()
    body()
    skein.task(body):get()
  end)
end

describe("skein.coroutine", function()
  it("lets a generator wait", both(function()
    local ticks = 0
    local other = skein.task(function()
      while true do
        ticks = ticks + 1
        skein.sleep(0.0005)
      end
    end)
    local got = {}
    for i in co.wrap(function()
      for i = 1, 3 do
        skein.sleep(0.002)
        co.yield(i)
      end
    end) do
      got[#got + 1] = i
    end
    assert.same({ 1, 2, 3 }, got)
    assert.is_true(ticks > 3)
    other:cancel()
  end))

  it("nests", both(function()
    local c = skein.channel(0)
    local outer = co.wrap(function(...)
      local inner = co.wrap(function(...)
        co.yield(c:get(), ...)
        skein.sleep(0.001)
        return c:get()
      end)
      co.yield(inner(...))
      skein.yield()
      return inner()
    end)
    skein.task(function()
      c:put("a")
      c:put("b")
    end)
    assert.same({ "a", 1, 2 }, { outer(1, 2) })
    assert.equal("b", outer())
  end))

  it("passes values and errors as Lua does", both(function()
    local c = co.create(function(...)
      skein.yield()
      local x = co.yield(...)
      skein.yield()
      error(x, 0)
    end)
    assert.same({ true, 1, nil, 3 }, { co.resume(c, 1, nil, 3) })
    assert.equal("suspended", co.status(c))
    assert.same({ false, "boom" }, { co.resume(c, "boom") })
    assert.equal("dead", co.status(c))
    assert.same({ false, "cannot resume dead coroutine" }, { co.resume(c) })
    local e = {}
    assert.equal(e, support.failure(co.wrap(function()
      skein.yield()
      error(e)
    end)))
  end))

  it("is cancelled inside", both(function()
    local closed
    assert.equal("timeout", support.kind(skein.timeout, 0.002, co.wrap(function()
      local _ <close> = setmetatable({}, { __close = function()
        closed = true
      end })
      skein.sleep(10)
    end)))
    assert.is_true(closed)
  end))

  it("keeps its own scopes while it is suspended", both(function()
    local g = co.wrap(function()
      skein.timeout(0.002, function()
        co.yield(1)
        skein.sleep(10)
      end)
    end)
    assert.equal(1, g())
    skein.sleep(0.005) -- not reached by the timeout inside of g
    assert.equal("timeout", support.kind(g))
    do -- never resumed
      local lost = co.wrap(function()
        skein.timeout(0.001, function() co.yield(1) end)
      end)
      lost()
    end
    collectgarbage()
    collectgarbage()
    skein.sleep(0.003)
  end))

  it("survives a group left in a suspended coroutine", task(function()
    local g
    local t = skein.task(function()
      local gen = co.wrap(function()
        skein.group(function(group)
          group:task(skein.sleep, 10)
          co.yield(group)
          skein.yield()
        end)
        return "over"
      end)
      g = gen
      return gen()
    end)
    local group = t:get()
    assert.error_matches(function() group:task(print) end, "has ended")
    assert.is_false((pcall(g)) and false)
  end))

  it("may be closed or forgotten inside of a group", both(function()
    local function inside(into)
      return skein.coroutine.create(function()
        skein.group(function(g)
          into[1] = g:task(skein.sleep, 100)
          skein.coroutine.yield()
        end)
      end)
    end
    local function clean()
      for _ = 1, 3 do collectgarbage() end
      local n = 0 -- others use the memory
      for i = 1, 100 do n = n + #{ i, {}, tostring(i) } end
      skein.group(function(g) g:task(skein.yield) end)
      return n
    end
    for _, how in ipairs { "closed", "forgotten", "both" } do
      local member = {}
      local stray = inside(member)
      assert.is_true(skein.coroutine.resume(stray))
      clean()
      assert.equal("running", member[1]:status())
      if how ~= "forgotten" then coroutine.close(stray) end
      clean()
      if how ~= "closed" then stray = nil end
      clean()
      skein.sleep(0.001)
      if how ~= "closed" then assert.equal("cancelled", member[1]:status()) end
      member[1]:cancel()
      member[1]:join()
      assert.is_true(how ~= "closed" or stray ~= nil)
    end
  end))

  it("takes a run along that it is suspended in", function()
    local out = support.program([[
      local skein = require("skein")
      local co = skein.coroutine
      local ends = skein.event()
      local function generator()
        return skein.run(function()
          local inner = skein.task(function() ends:wait() end)
          co.yield("inside")
          skein.yield()
          return inner:status(), inner
        end)
      end
      local first, second = co.wrap(generator), co.wrap(generator)
      print(first())
      local mine = skein.task(function() ends:wait() return "mine" end) -- is in no run
      print(skein.run(function() return "a run of its own" end))
      print(second()) -- is abandoned
      second = nil
      collectgarbage()
      collectgarbage()
      local status, inner = skein.run(function() -- in which the first goes on
        local here = skein.task(function() ends:wait() end)
        local status, inner = first()
        assert(here:status() == "running" and skein.task(print):status() == "pending")
        return status, inner
      end)
      print(status, inner:status(), mine:status())
      ends:set()
      print(mine:get())
    ]])
    assert.equal("inside\na run of its own\ninside\nrunning\tcancelled\trunning\nmine\n", out)
  end)

  it("cannot be resumed inside a wait", both(function()
    local c
    local t = skein.task(function()
      c = co.create(function() skein.sleep(10) end)
      co.resume(c)
    end)
    skein.yield()
    assert.same({ false, "cannot resume a coroutine that waits" },
      { co.resume(c) })
    assert.error_matches(function() co.close(c) end, "cannot close")
    t:cancel()
    t:join()
  end))

  it("can be the global one", function()
    local out = support.program([[
      local skein = require("skein")
      skein.coroutine.install()
      local wrap = coroutine.wrap
      print(wrap(function() skein.sleep(0.001) return "waited" end)())
    ]])
    assert.equal("waited\n", out)
  end)
end)
