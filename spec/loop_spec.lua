--- skein.loop: the scheduler as a guest of another event loop.

local core = require("skein.core")
local skein = require("skein")
local support = require("spec.support")

--- The other loop: poll(2) until `done()`; how often did it run?
local function host(done)
  local fd, turns = skein.loop.fd(), 0
  while not done() do
    local due = skein.loop.deadline()
    core.readable(fd, due and math.ceil(due * 1000) or 5000)
    skein.loop.step()
    turns = turns + 1
  end
  return turns
end

describe("loop", function()
  it("runs tasks whose time has come, and sleeps in between", function()
    local log = {}
    local start = skein.now()
    for _, ms in ipairs { 15, 5 } do
      skein.task(function()
        skein.sleep(ms / 1000)
        log[#log + 1] = ms
      end)
    end
    local turns = host(function() return #log == 2 end)
    assert.same({ 5, 15 }, log)
    assert.is_true(skein.now() - start >= 0.015)
    assert.is_true(turns < 10)
  end)

  it("knows the next deadline", function()
    skein.loop.step()
    assert.is_nil(skein.loop.deadline())
    local t = skein.task(skein.sleep, 10)
    assert.equal(0, skein.loop.deadline()) -- its first step
    skein.loop.step()
    local due = skein.loop.deadline()
    assert.is_true(due > 9 and due <= 10)
    t:cancel()
    assert.equal(0, skein.loop.deadline())
    skein.loop.step()
    assert.equal("cancelled", t:status())
    assert.is_nil(skein.loop.deadline())
  end)

  it("runs what is ready once, however long that goes on", function()
    local n = 0
    local t = skein.task(function()
      while true do
        n = n + 1
        skein.yield()
      end
    end)
    for i = 1, 5 do
      assert.equal(0, skein.loop.deadline())
      skein.loop.step()
      assert.equal(i, n)
    end
    t:cancel()
    t:join()
  end)

  it("hears of processes, threads and queues by the descriptor", function()
    local q, got = skein.queue(), {}
    local t = skein.task(function()
      local p = skein.process(function(to)
        require("skein").sleep(0.01)
        to:put("process")
      end, q)
      got[1] = q:get()
      p:join()
      local thread = skein.thread(function()
        require("skein").sleep(0.01)
        q:put("thread")
      end)
      got[2] = q:get()
      thread:join()
    end)
    local turns = host(function() return t:done() end)
    assert.same({ "process", "thread" }, got)
    assert.is_true(turns < 60)
  end)

  it("hears of signals", function()
    local signals = skein.signal("USR1")
    local t = skein.task(function() return signals:get() end)
    skein.loop.step()
    assert.is_nil(skein.loop.deadline())
    assert.is_false(core.readable(skein.loop.fd(), 0))
    os.execute(("kill -USR1 %d"):format(skein.self().pid))
    assert.is_true(core.readable(skein.loop.fd(), 5000))
    skein.loop.step()
    assert.equal("USR1", t:get())
    signals:close()
  end)

  it("is quiet once everything is dealt with", function()
    local t = skein.task(function() end)
    host(function() return t:done() end)
    skein.loop.step()
    assert.is_false(core.readable(skein.loop.fd(), 0))
  end)

  it("lets a wait of the top level drive as ever", function()
    assert.is_nil(skein.loop.deadline())
    assert.equal(1, skein.task(function()
      skein.sleep(0.001)
      return 1
    end):get())
    local q = skein.queue()
    local p = skein.process(q.put, q, 2)
    assert.equal(2, q:get())
    p:join()
  end)

  it("is for the top level", function()
    for _, name in ipairs { "step", "deadline" } do
      local err = support.failure(function()
        skein.task(function() skein.loop[name]() end):get()
      end)
      assert.matches("loop_spec.lua:%d+: skein.loop." .. name .. " is for the top level", err)
    end
  end)
end)
