--- skein.debug: who keeps the thread too long is told of.

local skein = require("skein")
local support = require("spec.support")

local prelude = [[
  local skein = require("skein")
  skein.debug { slow = 0.02 }
  local function burn(seconds)
    local limit = os.clock() + seconds
    while os.clock() < limit do end
  end
]]

--- What a program prints, and how many reports there are in it.
local function reports(body)
  local output = support.program(prelude .. body)
  return output, select(2, output:gsub("has kept the thread", ""))
end

describe("debug", function()
  it("tells of a task that keeps the thread, while it does", function()
    local output, n = reports([[
      skein.task({ name = "hog" }, function()
        skein.sleep(0.001)
        burn(0.2)
        io.stderr:write("over\n")
        skein.sleep(0.001)
      end):join()
    ]])
    assert.equal(1, n, output) -- once for one turn
    assert.matches("^skein: task 'hog' has kept the thread for 0%.%d+ s so far\n", output)
    assert.matches("traceback.*'burn'.*over\n$", output)
  end)

  it("tells of a C function that blocks, when it is over", function()
    local output, n = reports([[
      skein.task({ name = "blocker" }, os.execute, "sleep 0.1"):join()
      skein.task({ name = "caller" }, function() os.execute("sleep 0.1") end):join()
    ]])
    assert.is_true(n >= 1, output)
    assert.matches("task 'caller'.*os.execute", output)
  end)

  it("tells of the top level if it keeps others waiting", function()
    local output, n = reports([[
      burn(0.1)
      local t = skein.task(function() end)
      burn(0.1)
      t:join()
    ]])
    assert.equal(1, n, output)
    assert.matches("the top level of the process has kept", output)
  end)

  it("is silent where nobody keeps the thread", function()
    local output = reports([[
      skein.debug { slow = 0.4 } -- on a busy machine a turn takes longer than it works
      skein.task(skein.sleep, 0.5):join()
      local t = skein.task(function()
        for _ = 1, 20 do
          burn(0.03)
          skein.yield()
        end
      end)
      t:join()
      burn(0.5)
      local pipe = io.popen("sleep 0.5; echo read")
      io.write(pipe:read("a"))
    ]])
    assert.equal("read\n", output) -- and reading was not cut short
  end)

  it("goes on in a forked child, and stops when told to", function()
    local output, n = reports([[
      local function hog() skein.task({ name = "hog" }, burn, 0.1):join() end
      skein.process(hog):join()
      skein.debug { slow = false }
      hog()
      skein.process(hog):join()
    ]])
    assert.equal(1, n, output)
  end)

  it("leaves the hooks of others in place", function()
    local output, n = reports([[
      local calls = 0
      local t = skein.task(function()
        debug.sethook(function() calls = calls + 1 end, "l")
        burn(0.1)
        local before = calls
        burn(0.001)
        debug.sethook()
        assert(calls > before)
        print("hooked")
      end)
      t:get()
    ]])
    assert.equal(1, n)
    assert.matches("hooked\n$", output)
  end)

  it("works in a thread", function()
    local output, n = reports([[
      skein.debug { slow = false }
      skein.thread(function()
        local inner = require("skein")
        inner.debug { slow = 0.02 }
        inner.task({ name = "hog" }, burn, 0.1):join()
      end):get()
    ]])
    assert.equal(1, n, output)
  end)

  it("rejects wrong use", function()
    local function wrong(text, value)
      local err = support.failure(function() skein.debug(value) end)
      assert.matches("debug_spec.lua:%d+: bad argument #1 to '.*debug'", err)
      assert.matches(text, err)
    end
    wrong("got 0", { slow = 0 })
    wrong("got %-1", { slow = -1 })
    wrong("got string", { slow = "1" })
    wrong("unknown option 'fast'", { fast = 1 })
    wrong("table expected", 1)
  end)
end)
