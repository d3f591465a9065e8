--- A process dies at each step of each operation in turn, and the others go
--- on. In a build for that only: make steps.

local core = require("skein.core")
local skein = require("skein")
local peers = require("spec.peers")

if not core.doom(0) then return end

local at_each_step = peers.at_each_step

--- The scene's queue is sane: `count` items at most, and it can be used.
local function sane(q, limit)
  local n = 0
  while true do
    local v = q:get(0)
    if v == nil then break end
    n = n + 1
    assert.equal("item", v.name)
    q:task_done()
  end
  assert.is_true(n <= limit, n .. " items")
  assert.is_true(q:join(0))
  assert.is_true(q:put({ name = "item" }, 1))
  assert.equal("item", q:get(1).name)
  q:task_done()
  assert.is_true(q:join(0))
  return n
end

local item = { name = "item" }

describe("a death at any step", function()
  setup(peers.warm)

  it("of a put", peers.clean(function()
    at_each_step(function() return { q = skein.queue() } end,
      function(scene) scene.q:put(item) end,
      function(scene, died)
        local n = sane(scene.q, 1)
        if not died then assert.equal(1, n) end
      end)
  end))

  it("of many puts and gets, which keep blocks at hand", peers.clean(function()
    at_each_step(
      function()
        local q = skein.queue()
        for _ = 1, 40 do q:put(item) end
        return { q = q }
      end,
      function(scene)
        for _ = 1, 34 do scene.q:get() end -- the first ones come to be too many
        for _ = 1, 3 do scene.q:put(item) end
      end,
      function(scene, died)
        local n = 0
        while scene.q:get(0) do n = n + 1 end
        if not died then assert.equal(9, n) end
        assert.is_true(n >= 6 and n <= 40)
      end)
  end))

  it("of puts that get their blocks in batches", peers.clean(function()
    at_each_step(function() return { q = skein.queue() } end,
      function(scene) for _ = 1, 8 do scene.q:put(item) end end,
      function(scene, died)
        local n = 0
        while scene.q:get(0) do n = n + 1 end
        assert.is_true(died and n <= 8 or n == 8)
      end)
  end))

  it("of a put of what has references", peers.clean(function()
    at_each_step(
      function() return { q = skein.queue(), o = skein.lock() } end,
      function(scene) scene.q:put({ name = "item", o = scene.o }) end,
      function(scene, died)
        local n = sane(scene.q, 1)
        if not died then assert.equal(1, n) end
      end)
  end))

  it("of a get", peers.clean(function()
    at_each_step(
      function()
        local q = skein.queue()
        for _ = 1, 3 do q:put(item) end
        return { q = q }
      end,
      function(scene)
        scene.q:get()
        scene.q:task_done()
      end,
      function(scene)
        local n = 0
        while scene.q:get(0) do n = n + 1 end
        assert.is_true(n >= 2)
        assert.is_true(scene.q:put(item, 1))
        assert.equal("item", scene.q:get(1).name)
      end)
  end))

  it("of a put to one who waits", peers.clean(function()
    at_each_step(
      function()
        local q = skein.queue()
        local getter = skein.task(q.get, q, 0.05)
        skein.yield()
        return { q = q, getter = getter }
      end,
      function(scene) scene.q:put(item) end,
      function(scene, died)
        local v = scene.getter:get()
        if v then scene.q:task_done() end
        if not died then assert.same(item, v) end
        sane(scene.q, 1)
      end)
  end))

  it("of a get from one who waits", peers.clean(function()
    at_each_step(
      function()
        local q = skein.queue(1)
        q:put(item)
        local putter = skein.task(q.put, q, item)
        skein.yield()
        return { q = q, putter = putter }
      end,
      function(scene) scene.q:get() end,
      function(scene)
        local first = scene.q:get(0) -- if it died too early, it took none
        assert.is_true(scene.putter:get(5))
        assert.same(item, first)
        assert.is_true(scene.q:get(0) ~= nil or scene.q:empty())
        for _ = 1, 2 do scene.q:task_done() end
        assert.is_true(scene.q:join(0))
      end)
  end))

  it("of a getter that waits and is served", peers.clean(function()
    at_each_step(
      function() return { q = skein.queue(), stays = true } end,
      function(scene) scene.q:get(0.002) end,
      function(scene) sane(scene.q, 0) end)
  end))

  it("of a putter that waits", peers.clean(function()
    at_each_step(
      function()
        local q = skein.queue(1)
        q:put(item)
        return { q = q, stays = true }
      end,
      function(scene) scene.q:put(item, 0.002) end,
      function(scene)
        assert.equal("item", scene.q:get(1).name)
        scene.q:task_done()
        sane(scene.q, 0)
      end)
  end))

  it("of closing a queue", peers.clean(function()
    at_each_step(
      function()
        local q = skein.queue()
        local getter = skein.task(q.get, q)
        skein.yield()
        return { q = q, getter = getter }
      end,
      function(scene) scene.q:close() end,
      function(scene)
        if not scene.q:closed() then scene.q:close() end
        assert.same({ nil, "closed" }, { scene.getter:get(10) })
      end)
  end))

  it("of passing a lock to one who waits", peers.clean(function()
    local n, code = 0
    repeat
      n = n + 1
      local l, has = skein.lock(), skein.queue()
      local stands = skein.event()
      local owner = skein.process(function()
        l:acquire()
        has:put(true)
        stands:wait()
        core.doom(n)
        l:release()
        core.doom(0)
      end)
      has:get()
      local second = skein.task(l.acquire, l)
      skein.yield()
      stands:set()
      local ok, how = second:get(5)
      owner:join()
      code = owner:exitcode()
      assert.is_true(ok)
      assert.is_true(how == nil or how == "abandoned" and code ~= 0)
      assert.is_true(l:acquire(1)) -- that task has ended: it is abandoned
      l:release()
    until code == 0
    assert.is_true(n > 3)
  end))

  it("of waiting for a lock", peers.clean(function()
    at_each_step(
      function()
        local l = skein.lock()
        l:acquire()
        return { l = l, stays = true }
      end,
      function(scene) scene.l:acquire(0.002) end,
      function(scene)
        local second = skein.task(scene.l.acquire, scene.l)
        skein.yield()
        scene.l:release()
        assert.is_true(second:get(5))
        assert.is_true(scene.l:acquire(1))
        scene.l:release()
      end)
  end))

  it("of changing a value", peers.clean(function()
    at_each_step(
      function() return { v = skein.value({ "old" }) } end,
      function(scene) scene.v:set({ "new" }) end,
      function(scene, died)
        local now = scene.v:get()[1]
        assert.is_true(now == "old" and died or now == "new")
        scene.v:set({ "sane" })
        assert.same({ "sane" }, scene.v:get())
        assert.is_true(scene.v:cas({ "sane" }, 1))
      end)
  end))

  it("of changing a number", peers.clean(function()
    at_each_step(
      function() return { v = skein.value(1) } end,
      function(scene)
        scene.v:add(1) -- 2
        scene.v:add(0.5) -- 2.5
        scene.v:cas(2.5, 3) -- 3
        scene.v:set({ "old" })
        scene.v:set(4)
        scene.v:add(1) -- 5
      end,
      function(scene, died)
        local now = scene.v:get()
        local seen = { [1] = true, [2] = true, [2.5] = true, [3] = true,
          [4] = true, [5] = true }
        assert.is_true(seen[type(now) == "table" and 3 or now])
        if not died then assert.equal(5, now) end
        scene.v:set(1)
        assert.equal(3, scene.v:add(2)) -- it is nobody's
        assert.equal(3, scene.v:get())
        scene.v:set({ "sane" })
        assert.same({ "sane" }, scene.v:get())
      end)
  end))

  it("of comparing and changing a value", peers.clean(function()
    at_each_step(
      function() return { v = skein.value({ "old" }) } end,
      function(scene) scene.v:cas({ "old" }, { "new" }) end,
      function(scene, died)
        local now = scene.v:get()[1]
        assert.is_true(now == "old" and died or now == "new")
        scene.v:set(1)
        assert.equal(2, scene.v:add(1))
      end)
  end))

  it("of making and sending what is shared", peers.clean(function()
    at_each_step(
      function() return { q = skein.queue() } end,
      function(scene)
        do
          local inner = skein.queue()
          inner:put(skein.lock())
          scene.q:put({ name = "item", inner })
        end
        collectgarbage()
        collectgarbage()
      end,
      function(scene) sane(scene.q, 1) end)
  end))

  it("of getting what is shared", peers.clean(function()
    at_each_step(
      function()
        local q = skein.queue()
        q:put({ name = "item", skein.queue(), skein.pipe() })
        return { q = q }
      end,
      function(scene)
        scene.q:get()
        collectgarbage()
        collectgarbage()
      end,
      function(scene)
        local n = 0
        while scene.q:get(0) do n = n + 1 end
        assert.is_true(n <= 1)
      end)
  end))

  it("of talking through a pipe", peers.clean(function()
    at_each_step(
      function()
        local a, b = skein.pipe()
        a:send(1)
        return { a = a, b = b }
      end,
      function(scene)
        scene.b:recv()
        scene.b:send(2)
        scene.b:close()
      end,
      function(scene)
        local v, why = scene.a:recv(1)
        assert.is_true(v == 2 or why == "closed" or why == "timeout")
        scene.a:close()
      end)
  end))

  it("of sending a descriptor", peers.clean(function()
    at_each_step(
      function()
        local a, b = skein.net.pair()
        return { q = skein.queue(), a = a, b = b }
      end,
      function(scene)
        scene.a:close()
        scene.q:put({ scene.b, name = "item" })
        scene.b:close()
      end,
      function(scene, died)
        scene.b:close()
        local got = scene.q:get(0)
        if not died then assert.is_truthy(got) end
        if got then
          got[1]:write("it lives")
          got[1]:close()
          assert.equal("it lives", scene.a:read())
        end
        assert.same({ nil, "closed" }, { scene.a:read(nil, 1) }) -- no copy is left
        scene.a:close()
      end)
  end))

  it("of receiving a descriptor", peers.clean(function()
    at_each_step(
      function()
        local q, ends = skein.queue(), {}
        for i = 1, 3 do
          local a, b = skein.net.pair()
          ends[i] = a
          q:put(b)
          b:close()
        end
        return { q = q, ends = ends }
      end,
      function(scene)
        for i = 1, 3 do scene.ends[i]:close() end
        scene.q:get():close()
      end,
      function(scene)
        local n = 0
        while true do
          local b = scene.q:get(0)
          if not b then break end
          n = n + 1
          b:close()
        end
        assert.is_true(n >= 2)
        for i = 1, 3 do
          assert.same({ nil, "closed" }, { scene.ends[i]:read(nil, 1) })
          scene.ends[i]:close()
        end
      end)
  end))
end)
