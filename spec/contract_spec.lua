--- What holds for all kinds of things alike.

local skein = require("skein")
local support = require("spec.support")
local task = support.task

describe("the reason of a cancel", function()
  local kinds = {
    task = function()
      local t = skein.task(skein.sleep, 10)
      skein.yield()
      return t
    end,
    ["new task"] = function() return skein.task({ start = false }, skein.sleep, 10) end,
    thread = function() return skein.thread(skein.sleep, 10) end,
    process = function() return skein.process({ method = "spawn" }, skein.sleep, 10) end,
    command = function() return skein.command { "sleep", 10 } end,
    job = function(pool)
      local job = pool:submit(skein.sleep, 10)
      while job:status() ~= "running" do skein.sleep(0.001) end
      return job
    end,
    ["job that waits"] = function(pool)
      pool:submit(skein.sleep, 10)
      return pool:submit(skein.sleep, 10)
    end,
  }

  for kind, start in pairs(kinds) do
    it("of a " .. kind .. " is given as it is, and in the message if it is text", task(function()
      for _, reason in ipairs { "enough", 42, 1.5, false } do
        local pool = skein.pool { workers = 1, kind = "thread" }
        local handle = start(pool)
        assert.is_true(handle:cancel(reason))
        assert.is_true(handle:join(30))
        local err = handle:error()
        assert.equal("cancelled", err.kind)
        assert.equal(reason, err.reason)
        assert.equal(math.type(reason), math.type(err.reason))
        local told = err.message:find(": " .. tostring(reason), 1, true) ~= nil
        assert.equal(reason ~= false, told, err.message)
        pool:terminate()
        pool:join()
      end
    end))
  end
end)

describe("a number", function()
  it("is not accepted as a string", function()
    local c = skein.channel { order = "priority" }
    for _, priority in ipairs { "1", "x", {}, 0 / 0 } do
      assert.matches("number expected", support.failure(c.put, c, "item", 0, priority))
      assert.matches("case 1: priority: number expected, got ",
        support.failure(skein.select, { { c, "put", "item", nil, priority } }, 0))
    end
    assert.is_true(c:empty())
  end)

  it("that is none is called NaN in every message", function()
    local nan = 0 / 0
    local dict, array = skein.dict(), skein.array("int8", 3)
    for what, misuse in pairs {
      capacity = function() skein.channel(nan) end,
      permits = function() skein.semaphore(nan) end,
      step = function() skein.value("int8", 1):add(nan) end,
      item = function() array[1] = nan end,
      ["at:"] = function() array:write({}, nan) end,
      key = function() dict:set(nan, 1) end,
      ["'update'"] = function() dict:update(nan, print) end,
      workers = function() skein.pool(nan) end,
    } do
      assert.matches("got NaN", support.failure(misuse), 1, true, what)
    end
    assert.matches("at: whole number", support.failure(array.write, array, {}, nan), 1, true)
    assert.matches("(options: none)", support.failure(skein.dict, { size = 1 }), 1, true)
  end)
end)
