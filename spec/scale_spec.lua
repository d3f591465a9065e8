--- Many tasks, many timers, deep scopes: nothing grows that should not.

local core = require("skein.core")
local skein = require("skein")
local support = require("spec.support")
local task, still = support.task, support.still

local MANY = 100000

--- How many bytes of Lua memory are in use.
local function memory()
  collectgarbage()
  collectgarbage()
  return collectgarbage("count") * 1024
end

describe("a hundred thousand", function()
  it("sleepers wake in the order of their deadlines", still(function()
    local before = memory()
    local start, last, woken = skein.now(), 0, 0
    local seed = 12345
    for _ = 1, MANY do
      seed = (seed * 1103515245 + 12345) % 2147483648
      skein.task(function(seconds)
        skein.sleep(seconds)
        local now = skein.now()
        assert(now >= last and now - start >= seconds - 1e-9, "woken too early")
        last, woken = now, woken + 1
      end, seed % 1000 / 100 + 0.1)
    end
    skein.test.settle()
    assert.equal(MANY, core.live())
    assert.is_true((memory() - before) / MANY < 2000, "bytes for a sleeper")
    skein.sleep(11)
    assert.equal(MANY, woken)
  end))

  it("timers are armed and disarmed", task(function()
    local function quick() return 1 end
    for _ = 1, MANY do assert(skein.timeout(1000, quick) == 1) end
    local before = memory()
    for _ = 1, MANY do skein.timeout(1000, skein.yield) end
    assert.is_true(memory() - before < 100000)
  end))

  it("waits that are cancelled leave nothing behind", task(function()
    local c, tasks = skein.channel(), {}
    for i = 1, MANY do tasks[i] = skein.task(c.get, c, 1000 + i) end
    skein.yield()
    for i = MANY, 1, -1 do tasks[i]:cancel() end
    for i = 1, MANY do tasks[i]:join() end
    for i = 1, MANY do assert(tasks[i]:status() == "cancelled") end
    assert.is_true(c:put(1, 0)) -- nobody takes it
    assert.equal(1, c:size())
  end))

  it("tasks that start one another for ever take no more memory", task(function()
    local count, half = 0, nil
    local done = skein.channel()
    local function relay()
      count = count + 1
      if count == MANY // 2 then half = memory() end
      if count == MANY then return done:put(memory()) end
      skein.task(relay)
    end
    skein.task(relay)
    assert.is_true(done:get() - half < 100000)
    assert.equal(MANY, count)
  end))
end)

describe("a million", function()
  it("sleepers wake, each in its time", function() -- in a program of its own: for the memory
    local output = support.program([[
      local core, skein = require("skein.core"), require("skein")
      local n, woken, early = 1000000, 0, 0
      skein.test.run(function()
        local start = skein.now()
        for i = 1, n do
          skein.task(function(seconds)
            skein.sleep(seconds)
            woken = woken + 1
            if skein.now() - start < seconds then early = early + 1 end
          end, i % 1000 + 1)
        end
        skein.test.settle()
        print(core.live(), woken)
        skein.sleep(500.5)
        print(core.live(), woken)
        skein.sleep(500)
      end)
      print(core.live(), woken, early)
    ]])
    assert.equal("1000000\t0\n500000\t500000\n0\t1000000\t0\n", output)
  end)
end)

describe("ten thousand busy tasks", function()
  it("all get their turns", task(function()
    local n, turns, running = 10000, {}, true
    for i = 1, n do
      turns[i] = 0
      skein.task(function()
        while running do
          turns[i] = turns[i] + 1
          skein.yield()
        end
      end)
    end
    local ticks = 0
    for tick in skein.every(0.01) do -- timers fire all the same
      ticks = tick
      if tick == 10 then break end
    end
    local least, most = math.huge, 0
    for i = 1, n do least, most = math.min(least, turns[i]), math.max(most, turns[i]) end
    running = false
    assert.equal(10, ticks)
    assert.is_true(least > 0 and most - least <= 1, ("%d to %d"):format(least, most))
    skein.test.settle()
  end))

  it("that never have to wait do as well", task(function()
    local n, turns = 10000, {}
    local c = skein.channel()
    for _ = 1, n do c:put(0) end
    local running = true
    for i = 1, n do
      turns[i] = 0
      skein.task(function()
        while running do
          c:put(c:get())
          turns[i] = turns[i] + 1
        end
      end)
    end
    skein.sleep(0.2)
    running = false
    skein.test.settle()
    for i = 1, n do assert(turns[i] > 0, "starved") end
  end))
end)

describe("timeouts inside of each other", function()
  local function nest(depth, fn)
    if depth == 0 then return fn() end
    return skein.timeout(1000, nest, depth - 1, fn)
  end

  --- How deep calls by 'call' can be inside of each other.
  local function deepest(call)
    local depth = 0
    local function deeper()
      depth = depth + 1
      call(deeper)
    end
    pcall(deeper)
    return depth
  end

  --- Scopes work, and nothing is left of those before.
  local function check_intact()
    assert.equal("timeout", support.kind(skein.timeout, 0.001, skein.sleep, 10))
    assert.equal(1, skein.shield(function() return 1 end))
    assert.same({ nil, "timeout" }, { skein.channel():get(0.001) })
  end

  for where, way in pairs {
    ["at top level"] = function(body) return body end,
    ["in a task"] = function(body)
      return function() skein.task(body):get() end
    end,
  } do
    it("may be as deep as calls of pcall " .. where, way(function()
      local floor = deepest(function(fn) assert(pcall(fn)) end)
      assert.is_true(deepest(function(fn) skein.timeout(1000, fn) end) >= floor)
      check_intact()
    end))

    it("may be 150 deep " .. where, still(way(function()
      local reached
      nest(150, function()
        skein.sleep(1)
        reached = true
      end)
      assert.is_true(reached)
      assert.equal("timeout", support.kind(skein.timeout, 1, nest, 150, function()
        skein.sleep(10)
      end))
      check_intact()
    end)))

    it("end in an error of Lua's when they are too deep " .. where, still(way(function()
      local err = support.failure(nest, 1000, print)
      assert.matches("stack overflow", tostring(err))
      check_intact()
    end)))
  end
end)
