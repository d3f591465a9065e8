--- skein.test: a clock for tests, an order of chance, and settling.

local core = require("skein.core")
local skein = require("skein")
local support = require("spec.support")

local failure, kind = support.failure, support.kind

--- How many real seconds `fn(...)` takes.
local function real(fn, ...)
  local start = skein.now()
  fn(...)
  return skein.now() - start
end

describe("test.run", function()
  it("leaps to the next deadline when everything waits", function()
    local log = {}
    local took = real(skein.test.run, function()
      local start = skein.now()
      local function note(name) log[#log + 1] = { name, skein.now() - start } end
      skein.task(function() skein.sleep(3600) note("hour") end)
      skein.task(function() skein.sleep(60) note("minute") end)
      assert.equal("timeout", kind(skein.timeout, 86400, skein.sleep, math.huge))
      note("day")
    end)
    assert.is_true(took < 1)
    local names = {}
    for i, entry in ipairs(log) do names[i] = entry[1] end
    assert.same({ "minute", "hour", "day" }, names)
    for i, seconds in ipairs { 60, 3600, 86400 } do
      assert.is_true(math.abs(log[i][2] - seconds) < 1e-6)
    end
  end)

  it("holds the clock while anything can go on", function()
    skein.test.run(function()
      local start = skein.now()
      for _ = 1, 1000 do skein.yield() end
      assert.equal(start, skein.now())
    end)
  end)

  it("returns and raises as run does", function()
    assert.same({ n = 3, 1, nil, 3 }, table.pack(skein.test.run(function(...)
      return ...
    end, 1, nil, 3)))
    assert.equal("bad", failure(skein.test.run, { seed = 1 }, error, "bad", 0))
    assert.equal(0, core.live())
  end)

  it("gives time back as it was", function()
    local c = skein.channel()
    local before = skein.task(function()
      local start = skein.now()
      skein.sleep(0.02)
      return skein.now() - start
    end)
    skein.yield()
    local start = skein.now()
    skein.test.run(skein.sleep, 0.005)
    assert.is_false(before:done()) -- it has waited for 5 ms of its 20
    assert.is_true(skein.now() - start < 0.005)
    before:join()
    assert.is_true(skein.now() - start >= 0.014)
    assert.same({ nil, "timeout" }, { c:get(0.001) })
  end)

  it("still finds a deadlock, an endless sleep included", function()
    assert.equal("deadlock", kind(skein.test.run, function() skein.channel():get() end))
    assert.equal("deadlock", kind(skein.test.run, skein.sleep, math.huge))
    assert.equal(0, core.live())
  end)

  it("gives what is outside some real time before a leap", function()
    skein.test.run({ patience = 20 }, function()
      local start = skein.now()
      local p = skein.process(function()
        require("skein").sleep(0.01)
        return "answer"
      end)
      assert.equal("answer", p:get(100))
      assert.equal(start, skein.now())
    end)
    skein.test.run({ patience = 0.001 }, function()
      local start = skein.now()
      local p <close> = skein.process(function() require("skein").sleep(60) end)
      assert.same({ nil, "timeout" }, { p:join(100) })
      assert.is_true(math.abs(skein.now() - start - 100) < 1e-6)
    end)
  end)

  it("does not leap while something comes, however long that takes", function()
    skein.test.run({ patience = 1e-9 }, function()
      local start = skein.now()
      local a, b = core.net.pair()
      local _ <close> = a
      local _ <close> = b
      local writer = skein.task(a.write, a, ("x"):rep(4 << 20))
      assert.equal(4 << 20, #b:read(4 << 20, 100))
      assert.is_true(writer:get())
      assert.equal(start, skein.now())
    end)
  end)

  it("does not reach threads and processes", function()
    skein.test.run({ patience = 20 }, function()
      local ahead = skein.now() + 1000
      skein.sleep(1000)
      local function clock() return require("skein").now() end
      assert.is_true(skein.process(clock):get() < ahead)
      assert.is_true(skein.thread(clock):get() < ahead)
    end)
  end)

  it("can run ready tasks in an order of chance, by seed", function()
    local function order(seed)
      local list = {}
      skein.test.run({ seed = seed }, skein.group, function(g)
        for i = 1, 8 do
          g:task(function()
            skein.yield()
            list[#list + 1] = i
          end)
        end
      end)
      return table.concat(list)
    end
    local seen, n = {}, 0
    for seed = 1, 20 do
      local one = order(seed)
      assert.equal(one, order(seed))
      if not seen[one] then n = n + 1 end
      seen[one] = true
    end
    assert.is_true(n > 15)
    assert.equal("12345678", order(nil))
  end)

  it("rejects wrong use", function()
    local function wrong(text, ...)
      local args = table.pack(...)
      local err = failure(function() skein.test.run(table.unpack(args, 1, args.n)) end)
      assert.matches(text, err)
      assert.matches("^spec/test_spec.lua:%d+: ", err)
    end
    wrong("#1 to 'run' %(function expected, got nil")
    wrong("#2 to 'run' %(function expected, got number", {}, 1)
    wrong("unknown option 'speed'", { speed = 2 }, print)
    wrong("seed: whole number expected, got 1.5", { seed = 1.5 }, print)
    wrong("patience: number expected, got 'x'", { patience = "x" }, print)
    skein.run(wrong, "inside of a run", print)
    skein.test.run(wrong, "inside of a run", print)
  end)
end)

describe("test.settle", function()
  it("waits until all others wait, and no time passes", function()
    skein.test.run(function()
      local start, steps = skein.now(), 0
      skein.task(function()
        for _ = 1, 300 do
          skein.yield()
          steps = steps + 1
        end
        skein.sleep(1)
        steps = -1
      end)
      skein.test.settle()
      assert.equal(300, steps)
      assert.equal(start, skein.now())
    end)
  end)

  it("is of use on the real clock as well", support.task(function()
    local c, got = skein.channel(), {}
    local t = skein.task(function()
      for v in c:items() do got[#got + 1] = v end
    end)
    for i = 1, 3 do c:put(i) end
    skein.test.settle()
    assert.same({ 1, 2, 3 }, got)
    c:close()
    t:join()
  end))

  it("serves several at once, and can be cancelled", support.task(function()
    local a, b = skein.task(skein.test.settle), skein.task(skein.test.settle)
    assert.is_true(a:join(1))
    assert.is_true(b:join(1))
    local busy = skein.task(function() while true do skein.yield() end end)
    assert.equal("timeout", kind(skein.timeout, 0.002, skein.test.settle))
    busy:cancel()
  end))
end)
