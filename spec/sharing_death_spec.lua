--- A process dies at each step of pipes, values, arrays, results and messages
--- that are more than data. See death_spec.lua.

local core = require("skein.core")
local skein = require("skein")
local peers = require("spec.peers")
local at_each_step = peers.at_each_step

if not core.doom(0) then return end

--- What rebuilds an object in this file takes an item from a queue meanwhile.
local Nosy = {}
Nosy.__index = Nosy
function Nosy.__transfer(self) return "spec.nosy.new", self.q end

describe("a death at any step", function()
  setup(peers.warm)

  it("of sending to one who waits", peers.clean(function()
    at_each_step(
      function()
        local a, b = skein.pipe()
        local t = skein.task(b.recv, b, 0.05)
        skein.yield()
        return { a = a, b = b, t = t }
      end,
      function(scene) scene.a:send({ "x" }) end,
      function(scene, died)
        local v = scene.t:get()
        if not died then assert.same({ "x" }, v) end
        scene.a:close()
        scene.b:close()
      end)
  end))

  it("of receiving from one who waits", peers.clean(function()
    at_each_step(
      function()
        local a, b = skein.pipe({ bytes = 100 })
        a:send("first")
        local t = skein.task(a.send, a, ("x"):rep(1000))
        skein.yield()
        return { a = a, b = b, t = t }
      end,
      function(scene)
        scene.b:recv()
        scene.b:recv()
      end,
      function(scene)
        local ok, why = scene.t:get(5)
        assert.is_true(ok or why == "closed")
        scene.a:close()
        scene.b:close()
      end)
  end))

  it("of passing an end on", peers.clean(function()
    at_each_step(
      function()
        local a, b = skein.pipe()
        return { a = a, q = skein.queue(), b = b }
      end,
      function(scene)
        scene.b:send("mine")
        scene.q:put({ scene.b })
      end,
      function(scene)
        scene.b:close()
        local item = scene.q:get(0)
        if item then
          assert.is_true(item[1]:send("theirs"))
          item[1]:close()
        end
        local last
        for v in function() return scene.a:recv(1) end do last = v end
        assert.is_true(item == nil or last == "theirs")
        assert.same({ nil, "closed" }, { scene.a:recv(1) })
        scene.a:close()
      end)
  end))

  it("of adding to a value", peers.clean(function()
    at_each_step(function() return { v = skein.value(1) } end,
      function(scene) scene.v:add(1) end,
      function(scene, died)
        local now = scene.v:get()
        assert.is_true(now == 2 or died and now == 1)
        assert.equal(now + 1, scene.v:add(1))
      end)
  end))

  local contents = { integer = 1, float = 0.1, large = 1 << 61, table = { 5 } }
  for from, first in pairs(contents) do
    for to, second in pairs(contents) do
      it(("of a value that becomes another one: %s, %s"):format(from, to),
        peers.clean(function()
          at_each_step(function() return { v = skein.value(first) } end,
            function(scene)
              scene.v:set(second)
              scene.v:with(function() return first end)
              scene.v:cas(first, second)
            end,
            function(scene, died)
              local now = scene.v:get()
              if died and pcall(assert.same, first, now) then second = first
              else assert.same(second, now) end
              assert.is_true(scene.v:cas(now, 7))
              assert.equal(8, scene.v:add(1))
              scene.v:set(second)
              scene.v:set(first)
              assert.same(first, scene.v:get())
            end)
        end))
    end
  end

  it("of computing a value", peers.clean(function()
    at_each_step(function() return { v = skein.value({ 1 }) } end,
      function(scene)
        scene.v:with(function(old) return { old[1] + 1 } end)
      end,
      function(scene, died)
        local now = scene.v:get()[1]
        assert.is_true(now == 2 or died and now == 1)
        scene.v:with(function(old) return { old[1] + 1 } end)
        assert.same({ now + 1 }, scene.v:get())
      end)
  end))

  it("of working on an array", peers.clean(function()
    at_each_step(function() return { a = skein.array("int32", { 1, 2 }) } end,
      function(scene)
        scene.a:with(function()
          scene.a[1] = 7
          scene.a[2] = scene.a:add(1, 1)
        end)
      end,
      function(scene)
        scene.a:with(function() scene.a:fill(5) end)
        assert.same({ 5, 5 }, scene.a:slice())
      end)
  end))

  it("of sending results back", peers.clean(function()
    local n, code = 0
    repeat
      n = n + 1
      local p = skein.process(function()
        core.doom(n)
        return { "result", skein.queue() }, skein.pipe()
      end)
      local ok, r = pcall(p.get, p, 5)
      code = p:exitcode()
      if code == 0 then
        assert.is_true(ok)
      else
        assert.equal(-9, code)
        assert.is_true(not ok and r.kind == "killed")
      end
    until code == 0
    assert.is_true(n > 10)
  end))

  it("of getting what gets something itself", peers.clean(function()
    at_each_step(
      function()
        local q, inner = skein.queue(), skein.queue()
        for i = 1, 3 do inner:put({ i, skein.lock() }) end
        q:put({ setmetatable({ q = inner }, Nosy), "end" })
        return { q = q, inner = inner }
      end,
      function(scene)
        local item = scene.q:get()
        assert(item[1].item[1] == 1 and item[2] == "end")
      end,
      function(scene)
        local n = 0
        while scene.inner:get(0) do n = n + 1 end
        assert.is_true(n == 2 or n == 3)
        scene.q:get(0)
      end)
  end))

  it("of getting and saying that it is done", peers.clean(function()
    at_each_step(
      function()
        local q = skein.queue()
        for i = 1, 3 do q:put(i) end
        return { q = q }
      end,
      function(scene)
        scene.q:get()
        scene.q:get()
        scene.q:task_done()
      end,
      function(scene)
        while scene.q:get(0) do scene.q:task_done() end
        assert.is_true(scene.q:join(0))
      end)
  end))

  it("of getting from one who waits, and owing it", peers.clean(function()
    at_each_step(
      function()
        local q = skein.queue(0)
        local t = skein.task(q.put, q, "x")
        skein.yield()
        return { q = q, t = t }
      end,
      function(scene) scene.q:get() end,
      function(scene)
        if scene.q:get(0) then scene.q:task_done() end
        assert.is_true(scene.t:get(5))
        assert.is_true(scene.q:join(0))
      end)
  end))

  it("of one who is given an item, and owes it", peers.clean(function()
    at_each_step(
      function()
        local q = skein.queue()
        local t = skein.task(function()
          skein.sleep(0.01)
          q:put("x")
        end)
        return { q = q, t = t, stays = true }
      end,
      function(scene)
        scene.q:get(0.05)
      end,
      function(scene)
        scene.t:join()
        while scene.q:get(0) do scene.q:task_done() end
        assert.is_true(scene.q:join(0))
      end)
  end))

  it("of a select that meets another one", peers.clean(function()
    at_each_step(
      function()
        local q, never = skein.queue(0), skein.queue()
        local t = skein.task(skein.select, { { q, "put", "x" }, never }, 0.03)
        return { q = q, never = never, t = t }
      end,
      function(scene)
        skein.select({ { scene.q, "get" }, scene.never }, 0.5)
        scene.q:task_done()
      end,
      function(scene)
        local i = scene.t:get()
        if i == nil then assert.is_nil((scene.q:get(0))) end
        while scene.q:get(0) do scene.q:task_done() end
        assert.is_true(scene.q:join(0))
      end)
  end))
end)
