local skein = require("skein")
local family = require("spec.family")
local peers = require("spec.peers")
local support = require("spec.support")
local task, kind = support.task, support.kind

local function pause() skein.sleep(0.01) end

describe("event", function()
  it("is a flag", task(function()
    local e = skein.event()
    assert.is_false(e:is_set())
    assert.same({ nil, "timeout" }, { e:wait(0) })
    assert.same({ nil, "timeout" }, { e:wait(0.002) })
    e:set()
    e:set()
    assert.is_true(e:is_set())
    assert.same({ true }, { e:wait() })
    assert.same({ true }, { e:wait(0) })
    e:clear()
    assert.is_false(e:is_set())
    assert.same({ nil, "timeout" }, { e:wait(0) })
  end))

  it("lets go all who wait, though it be cleared at once", task(function()
    local e, tasks = skein.event(), {}
    for i = 1, 40 do tasks[i] = skein.task(e.wait, e) end
    skein.yield()
    e:set()
    e:clear()
    for _, t in ipairs(tasks) do assert.is_true(t:get()) end
    assert.same({ nil, "timeout" }, { e:wait(0) })
  end))

  peers.each_crowd(it, "wakes %s", task, function(start)
    local e, here = skein.event(), skein.queue()
    local handles = start(function()
      here:put(true)
      return e:wait(10)
    end)
    for _ in ipairs(handles) do here:get() end
    pause()
    e:set()
    for _, h in ipairs(handles) do assert.is_true(h:get()) end
  end)

  it("is set by others, and crosses", task(function()
    local e, q = skein.event(), skein.queue()
    q:put { e }
    assert.equal(e, q:get()[1])
    local p = skein.process(function() e:set() return e end)
    assert.is_true(e:wait(5))
    assert.equal(e, p:get())
  end))

  it("forgets who gave up, was cancelled or was killed", task(function()
    local e, here = skein.event(), skein.queue()
    local a = skein.task(e.wait, e)
    local b = skein.task(e.wait, e, 0.002)
    local c = skein.task(e.wait, e)
    local p = skein.process(function()
      here:put(true)
      e:wait()
    end)
    here:get()
    family.waits(p)
    a:cancel()
    p:kill()
    p:join()
    assert.same({ nil, "timeout" }, { b:get() })
    e:set()
    assert.is_true(c:get())
    assert.equal("cancelled", a:status())
  end))

  it("survives who is killed while it sets", task(function()
    local e, handles = skein.event(), {}
    for round = 1, 5 do
      local p = skein.process(function()
        while true do
          e:set()
          e:clear()
        end
      end)
      for i = 1, 3 do handles[i] = skein.task(e.wait, e, 10) end
      skein.sleep(0.002 * round)
      p:kill()
      p:join()
      e:set()
      for _, h in ipairs(handles) do assert.is_true(h:get()) end
      e:clear()
    end
  end))

  it("says when it can never come", function()
    local e = skein.event()
    assert.equal("deadlock", kind(e.wait, e))
  end)

  it("raises for wrong use", task(function()
    local e = skein.event()
    assert.error_matches(function() e:wait("x") end, "number")
    assert.error_matches(function() e.set(skein.lock()) end, "skein.Event")
  end))
end)
