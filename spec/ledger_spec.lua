--- Items that were got by who ended before it said that they are dealt with,
--- and items that are decoded while others are got.

local skein = require("skein")
local family = require("spec.family")
local peers = require("spec.peers")
local support = require("spec.support")
local failure = support.failure

describe("a queue whose items are owed", function()
  --- A peer that gets `n` items, says that `done` of them are dealt with, and
  --- then does `finally()`.
  local function consumer(kind, q, n, done, finally)
    local got = skein.event()
    local p = peers.start(kind, function(from, told)
      for i = 1, n do
        from:get()
        if i <= done then from:task_done() end
      end
      told:set()
      return finally()
    end, q, got)
    got:wait()
    return p
  end

  for _, kind in ipairs({ "fork", "server" }) do
    it("does not wait for one that was killed: " .. kind, function()
      if kind == "server" then family.server() end
      family.test(function()
        local q = skein.queue()
        for i = 1, 5 do q:put(i) end
        local p = consumer(kind, q, 3, 1, function()
          require("skein").sleep(100)
        end)
        assert.same({ nil, "timeout" }, { q:join(0) })
        local joined = skein.task(q.join, q)
        for _ = 1, 2 do
          q:get()
          q:task_done()
        end
        assert.is_false(joined:done())
        p:kill()
        assert.is_true(joined:get(5))
        p:join()
      end)()
    end)
  end

  it("does not wait for a thread that ended", family.test(function()
    local q = skein.queue()
    for i = 1, 2 do q:put(i) end
    local p = consumer("thread", q, 2, 0, function() end)
    p:join()
    assert.is_true(q:join(5))
  end))

  it("lets another one say that an item is done", family.test(function()
    local q = skein.queue()
    for i = 1, 3 do q:put(i) end
    local p = consumer("fork", q, 2, 0, function() skein.sleep(100) end)
    q:task_done()
    q:get()
    q:task_done()
    assert.same({ nil, "timeout" }, { q:join(0) })
    p:kill()
    p:join()
    assert.is_true(q:join(5))
    q:task_done() -- of what the other one had
    assert.matches("more often", failure(q.task_done, q))
  end))

  it("takes back what a dead one was given and never took", family.test(
    function()
      local q = skein.queue()
      local ready = skein.event()
      local p = skein.process(function()
        skein.task(q.get, q)
        skein.yield()
        ready:set()
        family.spin()
      end)
      ready:wait()
      q:put("x")
      p:kill()
      p:join()
      assert.equal("x", q:get(5))
      assert.same({ nil, "timeout" }, { q:join(0) })
      q:task_done()
      assert.is_true(q:join(0))
    end))
end)

local Nosy = {}
function Nosy.__transfer(self) return "spec.nosy.new", self.q end

describe("a message that is being decoded", function()
  it("survives that others are got meanwhile", family.test(function()
    local q, inner = skein.queue(), skein.queue()
    for i = 1, 3 do
      inner:put({ i, ("x"):rep(100) })
      q:put({ setmetatable({ q = inner }, Nosy), ("y"):rep(100) })
    end
    for i = 1, 3 do
      local item = q:get()
      assert.same({ i, ("x"):rep(100) }, item[1].item)
      assert.equal(("y"):rep(100), item[2])
    end
  end))

  it("survives several deep", family.test(function()
    local q = skein.queue()
    for i = 1, 5 do
      q:put({ setmetatable({ q = q }, Nosy), ("x"):rep(500), i })
    end
    local item = q:get()
    for i = 1, 5 do
      assert.equal(i, item[3])
      assert.equal(("x"):rep(500), item[2])
      item = item[1].item
    end
    assert.is_nil(item)
  end))

  it("survives what finalizers do", family.test(function()
    local q, d = skein.queue(), skein.dict()
    local list = {}
    for i = 1, 2000 do list[i] = { i, "text " .. i } end
    q:put(list)
    local ran = 0
    for _ = 1, 200 do
      setmetatable({}, { __gc = function()
        ran = ran + 1
        d:set("k", { ran })
        local other = skein.queue()
        other:put({ ran })
        other:get()
      end })
    end
    collectgarbage("incremental", 100, 1000) -- eagerly
    local got = q:get()
    collectgarbage("incremental", 200, 100) -- as a state begins
    assert.same(list, got)
    collectgarbage()
    assert.equal(200, ran)
  end))

  --- In a state of its own, which is so small that garbage is collected again and
  --- again in the midst of each call.
  it("survives finalizers that come at any time", function()
    local output = support.program([[
      local skein = require("skein")
      local q, v, d = skein.queue(), skein.value({ 0 }), skein.dict()
      local other = skein.value({ ("other"):rep(10) })
      local function list(n)
        local t = {}
        for i = 1, n do t[i] = { i, "text " .. i % 100 } end
        return t
      end
      local function sum(t)
        local n = 0
        for i, item in ipairs(t) do
          assert(item[1] == i and item[2] == "text " .. i % 100)
          n = n + 1
        end
        return n
      end
      local busy, ran = false, 0
      local function litter()
        setmetatable({}, { __gc = function()
          if busy then
            ran = ran + 1
            d:set("k", { ran })
            assert(d:get("k")[1] == ran)
            assert(other:get()[1] == ("other"):rep(10))
            local p = skein.queue()
            p:put({ ran, ("x"):rep(ran % 3000) })
            assert(p:get()[1] == ran)
            skein.pack(("y"):rep(5000))
          end
          litter()
        end })
      end
      litter()
      collectgarbage("incremental", 100, 1000)
      local data = list(300)
      for name, cross in pairs {
        queue = function(t) q:put(t) return q:get() end,
        value = function(t) v:set(t) return v:get() end,
        dict = function(t) d:set(1, t) return d:get(1) end,
        pack = function(t) return skein.unpack(skein.pack(t)) end,
        error = function(t)
          local ok = pcall(skein.pack, t, print, io.stdout) -- cannot be packed
          return not ok and t
        end,
      } do
        for round = 1, 3 do
          busy = true
          local t = cross(data)
          busy = false
          if sum(t) ~= 300 then print(name, round, sum(t)) end
        end
      end
      print(ran > 100)
    ]])
    assert.equal("true\n", output)
  end)
end)
