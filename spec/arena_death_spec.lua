--- A process dies at each step of taking memory and of giving it back. See
--- death_spec.lua.

local core = require("skein.core")
local skein = require("skein")
local peers = require("spec.peers")

if not core.doom(0) then return end

local BIG = ("x"):rep(20000) -- three of them to a span of 64 KiB
local SPARES = 256 -- spans that may keep their pages
local SLACK = 17 << 20 -- bytes of them, and a MiB

local bare -- bytes of memory behind the family before it all

--- What is free has no memory, but for a little.
local function is_lean()
  local more = select(3, core.arena()) - bare
  assert.is_true(more <= SLACK, more)
end

local function fill(q, n)
  for i = 1, n do q:put({ i, BIG }) end
end

--- Takes all that is in the queue: it must be as it was put, and in order.
local function drain(q)
  local last, n = 0, 0
  for item in function() return q:get(0) end do
    assert.equal(BIG, item[2])
    assert.is_true(item[1] > last)
    last, n = item[1], n + 1
  end
  return n
end

--- As many spans as may be have nothing in use, and pages; others have none.
local function idle()
  local q = skein.queue({ bytes = 1 << 30 })
  fill(q, 3 * (SPARES + 40))
  drain(q)
end

--- Nothing is left behind.
local function test(body)
  local run = peers.clean(body)
  return function()
    run()
    is_lean()
  end
end

describe("a death at any step of memory", function()
  setup(function()
    peers.warm()
    bare = select(3, core.arena())
  end)

  it("that is new", test(function()
    local held = {}
    peers.at_each_step(
      function()
        local q = skein.queue({ bytes = 1 << 30 })
        held[#held + 1] = q
        return { q = q }
      end,
      function(scene) fill(scene.q, 4) end,
      function(scene, died)
        local n = scene.q:size()
        assert.is_true(n <= 4 and (died or n == 4))
      end)
    for i = 1, #held do drain(held[i]) end
  end))

  it("that had nothing in use", test(function()
    idle()
    peers.at_each_step(
      function() return { q = skein.queue() } end,
      function(scene)
        fill(scene.q, 7)
        for _ = 1, 7 do scene.q:get() end
      end,
      function(scene) drain(scene.q) end)
  end))

  it("that has no pages", test(function()
    idle()
    local all = skein.queue({ bytes = 1 << 30 })
    fill(all, 3 * (SPARES + 1))
    peers.at_each_step(
      function() return { q = skein.queue() } end,
      function(scene) fill(scene.q, 7) end,
      function(scene) drain(scene.q) end)
    assert.equal(3 * (SPARES + 1), drain(all))
  end))

  it("that loses its pages", test(function()
    peers.at_each_step(
      function()
        local q = skein.queue({ bytes = 1 << 30 })
        fill(q, 9)
        idle()
        return { q = q }
      end,
      function(scene)
        for _ = 1, 9 do scene.q:get() end
      end,
      function(scene)
        drain(scene.q)
        is_lean()
      end)
  end))

  it("that is large", test(function()
    local large = ("x"):rep(100000)
    peers.at_each_step(
      function() return { q = skein.queue() } end,
      function(scene)
        scene.q:put(large)
        scene.q:put(large)
        scene.q:get()
      end,
      function(scene)
        for item in function() return scene.q:get(0) end do
          assert.equal(large, item)
        end
      end)
  end))

  it("and of mending that", test(function()
    for k = 1, 60, 7 do
      local n, died = 0, true
      while died do
        n = n + 1
        local q = skein.queue()
        local sweeper = skein.process(function()
          local p = skein.process(function()
            core.doom(k)
            fill(q, 2)
            core.doom(0)
          end)
          core.doom(n)
          p:join()
          core.doom(0)
        end)
        sweeper:join()
        died = sweeper:exitcode() ~= 0
        assert.is_true(drain(q) <= 2)
      end
      assert.is_true(n > 5)
    end
  end))
end)
