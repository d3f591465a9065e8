--- A process dies at each step of what it does with semaphores, events,
--- barriers, conditions and selects. See death_spec.lua.

local core = require("skein.core")
local skein = require("skein")
local peers = require("spec.peers")
local at_each_step = peers.at_each_step

if not core.doom(0) then return end

--- Tasks that call `object[method](object, ...)`, and wait there by now.
local function crowd(n, object, method, ...)
  local tasks = {}
  for i = 1, n do tasks[i] = skein.task(object[method], object, ...) end
  skein.yield()
  return tasks
end

describe("a death at any step", function()
  setup(peers.warm)

  it("of taking a permit", peers.clean(function()
    at_each_step(function() return { s = skein.semaphore(1) } end,
      function(scene) scene.s:acquire() end,
      function(scene, died)
        local left = scene.s:value()
        assert.is_true(left == 0 or died and left == 1)
        assert.equal(left == 1 or nil, (scene.s:acquire(0)))
        scene.s:release()
        assert.equal(1, scene.s:value())
      end)
  end))

  it("of releasing permits to those who wait", peers.clean(function()
    at_each_step(
      function()
        local s = skein.semaphore(0)
        return { s = s, tasks = crowd(2, s, "acquire", 0.03) }
      end,
      function(scene) scene.s:release(3) end,
      function(scene, died)
        local count = 0
        for _, t in ipairs(scene.tasks) do
          if t:get() then count = count + 1 end
        end
        count = count + scene.s:value()
        assert.is_true(count == 3 or died and count == 0)
      end)
  end))

  it("of waiting for a permit", peers.clean(function()
    at_each_step(function() return { s = skein.semaphore(0), stays = true } end,
      function(scene) scene.s:acquire(0.002) end,
      function(scene)
        assert.equal(0, scene.s:value())
        scene.s:release()
        assert.is_true(scene.s:acquire(0))
      end)
  end))

  it("of a waiter that is given a permit", peers.clean(function()
    at_each_step(
      function()
        local s = skein.semaphore(0)
        skein.task(function()
          skein.sleep(0.01)
          s:release()
        end)
        return { s = s, stays = true }
      end,
      function(scene) scene.s:acquire(0.05) end,
      function(scene) -- it has it, or it is there
        local left = scene.s:value()
        assert.is_true(left == 0 or left == 1)
        if left == 1 then assert.is_true(scene.s:acquire(0)) end
        assert.is_nil(scene.s:acquire(0))
      end)
  end))

  it("of setting an event", peers.clean(function()
    at_each_step(
      function()
        local e = skein.event()
        return { e = e, tasks = crowd(3, e, "wait", 0.03) }
      end,
      function(scene) scene.e:set() end,
      function(scene, died)
        for _, t in ipairs(scene.tasks) do
          assert.equal(scene.e:is_set() or nil, (t:get()))
        end
        assert.is_true(died or scene.e:is_set())
      end)
  end))

  it("of the last to come to a barrier", peers.clean(function()
    at_each_step(
      function()
        local b = skein.barrier(4)
        return { b = b, tasks = crowd(3, b, "wait") }
      end,
      function(scene) scene.b:wait() end,
      function(scene, died)
        local t = scene.tasks
        if not t[1]:join(0.01) then -- it had not come
          assert.is_true(died)
          assert.equal(4, scene.b:wait(1))
        end
        assert.equal(6, t[1]:get() + t[2]:get() + t[3]:get())
      end)
  end))

  it("of one who waits at a barrier", peers.clean(function()
    at_each_step(
      function()
        local b = skein.barrier(3)
        return { b = b, tasks = crowd(1, b, "wait"), stays = true }
      end,
      function(scene) scene.b:wait(0.002) end,
      function(scene)
        scene.b:abort()
        assert.same({ nil, "broken" }, { scene.tasks[1]:get() })
        scene.b:reset()
        local tasks = crowd(2, scene.b, "wait")
        assert.equal(3, scene.b:wait(1))
        assert.equal(3, tasks[1]:get() + tasks[2]:get())
      end)
  end))

  it("of aborting and resetting a barrier", peers.clean(function()
    at_each_step(
      function()
        local b = skein.barrier(4)
        return { b = b, tasks = crowd(2, b, "wait") }
      end,
      function(scene)
        scene.b:abort()
        scene.b:reset()
      end,
      function(scene)
        if not scene.tasks[1]:join(0.01) then scene.b:abort() end
        for _, t in ipairs(scene.tasks) do
          assert.same({ nil, "broken" }, { t:get() })
        end
      end)
  end))

  --- A condition, and tasks that wait for it.
  local function waiting(n, stays)
    local c, tasks = skein.condition(), {}
    for i = 1, n do
      tasks[i] = skein.task(function()
        c:acquire()
        local r = c:wait()
        c:release()
        return r
      end)
    end
    skein.yield()
    return { c = c, tasks = tasks, stays = stays }
  end

  --- All who wait can be notified, and the lock is to be had.
  local function notifiable(scene)
    local c = scene.c
    assert.is_true(c:acquire(5))
    c:notify_all()
    c:release()
    for _, t in ipairs(scene.tasks) do assert.is_true(t:get(5)) end
    assert.is_true(c:acquire(0))
    assert.same({ nil, "timeout" }, { c:wait(0) })
    c:release()
  end

  it("of waiting for a condition", peers.clean(function()
    at_each_step(function() return waiting(2, true) end,
      function(scene)
        scene.c:acquire()
        scene.c:wait(0.002)
        scene.c:release()
      end, notifiable)
  end))

  it("of notifying", peers.clean(function()
    at_each_step(function() return waiting(3) end,
      function(scene)
        scene.c:acquire()
        scene.c:notify(2)
        scene.c:release()
      end, notifiable)
  end))

  it("of one who is notified", peers.clean(function()
    at_each_step(
      function()
        local scene = waiting(0, true)
        local c, told = scene.c, skein.event()
        scene.told = told
        skein.task(function()
          skein.sleep(0.006)
          c:acquire()
          c:notify()
          c:release()
          told:set()
        end)
        return scene
      end,
      function(scene)
        scene.c:acquire()
        scene.c:wait(0.1)
        scene.c:release()
      end,
      function(scene)
        assert.is_true(scene.told:wait(5))
        notifiable(scene)
      end)
  end))

  it("of making and dropping a condition", peers.clean(function()
    at_each_step(function() return { l = skein.lock() } end,
      function(scene)
        do
          local c = skein.condition(scene.l)
          c:acquire()
          c:wait(0)
          c:release()
        end
        collectgarbage()
        collectgarbage()
      end,
      function(scene)
        assert.is_true(scene.l:acquire(1))
        scene.l:release()
        local c = skein.condition(scene.l)
        c:acquire()
        assert.same({ nil, "timeout" }, { c:wait(0) })
        c:release()
      end)
  end))

  it("of a select that waits for all sorts", peers.clean(function()
    at_each_step(
      function()
        local l = skein.lock()
        l:acquire()
        return { q = skein.queue(1), s = skein.semaphore(0), e = skein.event(),
                 l = l, stays = true }
      end,
      function(scene)
        skein.select({ scene.q, scene.s, scene.e, scene.l }, 0.002)
      end,
      function(scene)
        assert.same({ nil, "timeout" }, { scene.s:acquire(0) })
        scene.q:put("x")
        local t = skein.task(skein.select, { { scene.q, "put", "y" } })
        skein.yield()
        assert.equal("x", scene.q:get(0))
        assert.same({ 1, true }, { t:get(5) })
        scene.s:release()
        assert.is_true(scene.s:acquire(0))
        scene.l:release()
        assert.is_true(scene.l:acquire(0))
        scene.l:release()
      end)
  end))
end)
