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

describe("wrong use", function()
  --- Raised where `fn` has the one call that is wrong: in its first line.
  local function blames(fn, what)
    local line = debug.getinfo(fn, "S").linedefined
    local err = tostring(support.failure(fn))
    assert.equal(("spec/contract_spec.lua:%d: %s"):format(line, what), (err:gsub("^%./", "")))
  end

  --- What it raises in a coroutine of Lua's.
  local function within(fn) return select(2, coroutine.resume(coroutine.create(fn))) end

  it("is blamed on the user's line, not on one of ours", function()
    local value, lock, new = skein.value("int8", 7), skein.lock(), skein.task({ start = false },
      function() return "begun" end)
    blames(function() local _ = skein.timeout(1, new) end,
      "cannot wait for a task that was not started")
    blames(function() local _ = skein.all { new } end,
      "cannot wait for a task that was not started")
    blames(function() local _ = skein.race { new } end,
      "cannot wait for a task that was not started")
    blames(function() local _ = lock:with(lock.release, lock) end, "the lock is not acquired")
    blames(function() local _ = value:with(function() end) end,
      "bad result of the function given to 'with' (int8 expected, got nil)")
    blames(function() local _ = value:with(function() value:with(print) end) end,
      "this task is inside 'with' of the value already")
    blames(function() error(within(function() skein.map({ 0 }, skein.sleep) end), 0) end,
      "cannot wait inside a coroutine that is not skein's: use skein.coroutine")
    blames(function() local _ = skein.coroutine.close(print) end,
      "bad argument #1 to 'close' (coroutine expected, got function)")
    blames(function() local _ = value.with(lock, print) end,
      "calling a method on bad self (shared object expected, got skein.Lock)")
    local pool <close> = skein.pool { workers = 1, kind = "thread" }
    blames(function() local _ = pool.map(math.abs, { 1 }) end,
      "calling a method on bad self (skein.Pool expected, got function)")
    assert.equal(7, value:get())
    assert.equal("new", new:status()) -- and nothing was cancelled
    assert.equal("begun", new:start():get())
  end)

  it("is to wait for oneself, in whatever way", task(function()
    for how, wait in pairs {
      get = function(self) return self:get() end,
      timeout = function(self) return skein.timeout(1, self) end,
      all = function(self) return skein.all { self } end,
      race = function(self) return skein.race { self, function() end } end,
      select = function(self) return skein.select { self } end,
    } do
      local itself
      itself = skein.task(function() return support.failure(wait, itself) end)
      assert.matches("a task cannot wait for itself", itself:get(), 1, true, how)
    end
  end))
end)

describe("an iterator", function()
  local function filled(c)
    for i = 1, 3 do c:put(i) end
    c:close()
    return c:items()
  end
  local list = {}

  for kind, make in pairs {
    channel = function() return filled(skein.channel()) end,
    queue = function() return filled(skein.queue()) end,
    stream = function()
      local here, there = skein.net.pair()
      there:write("1\n2\n3\n")
      there:close()
      list.stream = here
      return here:lines()
    end,
    every = function() return skein.every(1e-6) end,
  } do
    it("(" .. kind .. ") is one function, which can be called alone", task(function()
      local iterator = table.pack(make())
      collectgarbage()
      assert.equal(1, iterator.n)
      for i = 1, 3 do assert.equal(i, tonumber(iterator[1]())) end
      if kind ~= "every" then assert.same({ nil, "closed" }, { iterator[1]() }) end
      if list.stream then list.stream:close() end
    end))
  end

  it("may be the source of a pool", task(function()
    local pool <close> = skein.pool { workers = 1, kind = "thread" }
    local results = {}
    for i, ok, v in pool:imap(math.sqrt, filled(skein.channel())) do
      results[i] = ok and v
    end
    assert.same({ 1.0, math.sqrt(2), math.sqrt(3) }, results)
  end))
end)

describe("an error", function()
  local function fail()
    skein.group(function(group)
      group:task(function()
        pcall(skein.sleep, 10)
        error("first", 0)
      end)
      skein.yield()
      error("second\nin two lines", 0)
    end)
  end

  local function relay(fn)
    return skein.thread(fn):get()
  end

  it("tells of all that it is about, from wherever it came", task(function()
    local told = "2 tasks failed.*\n%[1%] second\n  in two lines\n%[2%] first$"
    assert.matches(told, tostring(support.failure(fail)))
    assert.matches(told, tostring(support.failure(relay, fail)))
    assert.matches(told, tostring(support.failure(relay, function() relay(fail) end)))
  end))
end)
