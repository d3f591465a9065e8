local skein = require("skein")
local peers = require("spec.peers")
local support = require("spec.support")
local task = support.task

describe("value", function()
  setup(peers.warm)

  describe("in one thread", function()
    it("keeps what it is given", task(function()
      local v = skein.value(1)
      assert.equal("integer", math.type(v:get()))
      v:set(2.0)
      assert.equal("float", math.type(v:get()))
      for _, x in ipairs({ "text", true, false, { 1, { a = "b" } }, -0.0 }) do
        v:set(x)
        assert.same(x, v:get())
      end
      v:set(nil)
      assert.is_nil(v:get())
      assert.is_nil(skein.value(nil):get())
    end))

    it("keeps a copy", task(function()
      local t = { 1 }
      local v = skein.value(t)
      t[1] = 2
      assert.same({ 1 }, v:get())
      v:get()[1] = 3
      assert.same({ 1 }, v:get())
    end))

    it("adds", task(function()
      local v = skein.value(40)
      assert.equal(42, v:add(2))
      assert.equal(41, v:add(-1))
      assert.equal("integer", math.type(v:get()))
      assert.equal(41.5, v:add(0.5))
      assert.equal("float", math.type(v:get()))
      v:set(math.maxinteger)
      assert.equal(math.mininteger, v:add(1)) -- as Lua's integers
      v:set("x")
      assert.matches("value_spec.lua:%d+:.*not a number",
        support.failure(function() v:add(1) end))
      assert.matches("number expected", support.failure(v.add, v, "1"))
      assert.matches("number expected", support.failure(v.add, v))
    end))

    it("compares and sets", task(function()
      local v = skein.value("a")
      assert.is_false(v:cas("b", "c"))
      assert.is_true(v:cas("a", { 1 }))
      assert.is_true(v:cas({ 1 }, 5))
      assert.is_true(v:cas(5.0, 6))
      assert.is_false(v:cas("6", 7))
      assert.is_true(v:cas(6, nil))
      assert.is_true(v:cas(nil, false))
      assert.is_false(v:cas(nil, 1))
      assert.is_true(v:cas(false, 0 / 0))
      assert.is_false(v:cas(0 / 0, 1))
      support.failure(v.cas, v, 1)
      v:set(math.maxinteger)
      assert.is_false(v:cas(2.0 ^ 63, 1))
      v:set(2 ^ 53)
      assert.is_true(v:cas(1 << 53, 1))
    end))

    it("has a type if it is told to", task(function()
      local ranges = {
        int8 = { -128, 127 }, uint8 = { 0, 255 },
        int16 = { -32768, 32767 }, uint16 = { 0, 65535 },
        int32 = { -1 << 31, (1 << 31) - 1 }, uint32 = { 0, (1 << 32) - 1 },
        int64 = { math.mininteger, math.maxinteger },
      }
      for name, range in pairs(ranges) do
        local v = skein.value(name, range[1])
        assert.equal(range[1], v:get())
        v:set(range[2])
        assert.equal(range[2], v:get())
        assert.matches("range", support.failure(v.add, v, 1))
        assert.equal(range[2], v:get())
        if name ~= "int64" then
          assert.matches(name, support.failure(v.set, v, range[2] + 1))
          assert.matches(name,
            support.failure(skein.value, name, range[1] - 1))
        end
        v:set(7.0)
        assert.equal("integer", math.type(v:get()))
        assert.matches(name, support.failure(v.set, v, 7.5))
        assert.matches(name, support.failure(v.set, v, "7"))
        assert.matches(name, support.failure(v.set, v, nil))
        assert.equal(9, v:add(2.0))
        support.failure(v.add, v, 0.5)
        assert.is_false(v:cas("x", 1))
        assert.matches(name, support.failure(v.cas, v, 9, "x"))
        assert.equal(9, v:get())
      end
      local f = skein.value("float", 0.1)
      assert.equal(string.unpack("f", string.pack("f", 0.1)), f:get())
      local d = skein.value("double", 1)
      assert.equal("float", math.type(d:get()))
      assert.equal(1.5, d:add(0.5))
      assert.matches("unknown type 'int7'",
        support.failure(skein.value, "int7", 1))
      assert.matches("value expected", support.failure(skein.value))
    end))

    it("is looked at while another one is rebuilt", task(function()
      local shapes = require("spec.wire_shapes")
      local other = skein.value({ ("z"):rep(60) })
      function shapes.look(x)
        other:get()
        return x
      end
      local odd = setmetatable({}, {
        __transfer = function() return "spec.wire_shapes.look", "abc" end,
      })
      local v, d = skein.value({ odd, "after", odd }), skein.dict()
      d:set(1, { odd, "after", odd })
      assert.same({ "abc", "after", "abc" }, v:get())
      assert.same({ "abc", "after", "abc" }, d:get(1))
      shapes.look = nil
    end))

    it("holds nothing that is shared itself", task(function()
      assert.matches("queue", tostring(support.failure(skein.value,
        { skein.queue() })))
      local v = skein.value(1)
      assert.matches("file handle",
        tostring(support.failure(v.set, v, { io.stdout })))
      assert.equal(1, v:get())
    end))

    it("is computed under its lock", task(function()
      local v = skein.value(1)
      local inside = skein.task(v.with, v, function(old)
        skein.sleep(0.005)
        return old * 10
      end)
      skein.yield()
      assert.equal(1, v:get()) -- looking does not wait
      local adder = skein.task(v.add, v, 1)
      local setter = skein.task(function()
        skein.yield()
        return v:cas(11, { "x" })
      end)
      assert.equal(10, inside:get())
      assert.equal(11, adder:get())
      assert.is_true(setter:get())
      assert.same({ "x" }, v:get())
      assert.is_nil(v:with(function() return nil end))
      assert.is_nil(v:get())
    end))

    it("is any number, and becomes any other one", task(function()
      local numbers = {
        0, -0.0, 1, -1, 0.5, 0.1, -1e300, math.pi, math.huge,
        1 << 59, (1 << 60) - 1, 1 << 60, -(1 << 60), -(1 << 60) - 1,
        math.maxinteger, math.mininteger, 2.0 ^ 53, 2.0 ^ 53 - 1, 5e-324,
      }
      local v = skein.value(0)
      local function is(x)
        assert.equal(math.type(x), math.type(v:get()))
        assert.equal(("%a"):format(x), ("%a"):format(v:get()))
      end
      for _, a in ipairs(numbers) do
        for _, b in ipairs(numbers) do
          v:set(a)
          is(a)
          assert.equal(a + b, v:add(b))
          is(a + b)
          assert.is_true(v:cas(a + b, { a }) or a + b ~= a + b)
          v:set(b)
          is(b)
          assert.equal(a == b, v:cas(a, "other"))
          assert.is_true(v:cas(v:get(), a))
          is(a)
          assert.equal(b, v:with(function(old)
            assert.equal(a, old)
            assert.equal(a + 1, v:add(1))
            return b
          end))
          is(b)
        end
      end
    end))

    it("waits for its turn however it is changed", task(function()
      for _, first in ipairs({ 1, 0.1, 1 << 62, "text" }) do
        local v = skein.value(first)
        local order = {}
        local function change(name, fn, ...)
          return skein.task(function(...)
            fn(v, ...)
            order[#order + 1] = name
          end, ...)
        end
        local inside = change("with", v.with, function(old)
          assert.equal(first, old)
          v:set(9)
          skein.sleep(0.002)
          assert.equal(9, v:get())
          return 10
        end)
        skein.yield()
        local all = { inside, change("set", v.set, 20), change("add", v.add, 1),
          change("cas", v.cas, 21, { 1 }), change("last", v.set, 5) }
        skein.yield()
        assert.equal(9, v:get())
        skein.all(all)
        assert.same({ "with", "set", "add", "cas", "last" }, order)
        assert.equal(6, v:add(1))
      end
    end))

    it("is not changed by who had it before those in line", task(function()
      local v = skein.value(1)
      local again = skein.task(function()
        v:with(function()
          skein.sleep(0.002)
          return 10
        end)
        return v:add(100)
      end)
      skein.yield()
      local setter = skein.task(v.set, v, 20)
      assert.equal(120, again:get())
      setter:get()
    end))

    it("is as it was when computing fails", task(function()
      local v = skein.value({ 1 })
      local err = {}
      assert.equal(err, support.failure(v.with, v, function() error(err) end))
      assert.matches("file handle",
        tostring(support.failure(v.with, v, function() return io.stdout end)))
      assert.same({ 1 }, v:get())
      local t = skein.task(v.with, v, function() skein.sleep(100) end)
      skein.yield()
      t:cancel()
      v:set(2) -- waits until it has left
      assert.equal(2, v:get())
      assert.matches("value_spec.lua:%d+:.*function expected",
        support.failure(function() v:with(1) end))
      assert.equal(3, v:add(1))
    end))

    it("can be changed inside by who computes", task(function()
      local v = skein.value(1)
      assert.equal(5, v:with(function()
        v:set(3)
        return v:add(1) + 1
      end))
      assert.equal("deadlock", support.kind(v.with, v, function()
        v:with(function() return 0 end)
      end))
      assert.equal(5, v:get())
    end))

    it("is let go if what waited cannot be changed any more", task(function()
      local v = skein.value("int8", 1)
      local calls = 0
      local odd = setmetatable({}, {
        __transfer = function()
          calls = calls + 1
          if calls > 1 then error("not again") end
          return "string.rep", "x", 2
        end,
      })
      local any = skein.value(0)
      local holder = skein.task(any.with, any, function(old)
        skein.sleep(0.005)
        return old
      end)
      skein.yield()
      local setter = skein.task(any.set, any, odd)
      holder:get()
      assert.matches("not again", tostring(support.failure(setter.get, setter)))
      any:set(4)
      assert.equal(4, any:get())
      assert.equal(1, v:get())
    end))
  end)

  describe("between", function()
    peers.each({ "task", "fork", "spawn", "thread" }, it, "many: %s", task,
      function(kind)
        local n, sum, t = skein.value("int32", 0), skein.value(0.5),
          skein.value({ n = 0 })
        local all = {}
        for i = 1, 3 do
          all[i] = peers.start(kind, function(a, b, c)
            for _ = 1, 100 do
              a:add(1)
              b:with(function(old) return old + 1 end)
              local done
              repeat
                local now = c:get()
                done = c:cas(now, { n = now.n + 1 })
              until done
            end
          end, n, sum, t)
        end
        for i = 1, 3 do all[i]:get(20) end
        assert.equal(300, n:get())
        assert.equal(300.5, sum:get())
        assert.same({ n = 300 }, t:get())
      end)
  end)

  it("loses no change of any kind", task(function()
    local v, out = skein.value((1 << 60) - 150), skein.value("float", 0)
    local all = {}
    for i = 1, 3 do -- over the largest number that changes at once, and back
      all[i] = skein.process(function()
        for n = 1, 200 do
          v:add(1)
          if n % 10 == 0 then v:with(function(old) return old + 1 end) end
          out:add(0.5)
          if n % 7 == 0 then v:add(-1) end
        end
      end)
    end
    for i = 1, 3 do all[i]:get(20) end
    assert.equal((1 << 60) - 150 + 3 * (200 + 20 - 28), v:get())
    assert.equal(300.0, out:get())
  end))

  it("is as it was when who computes is killed", task(function()
    local v, ready = skein.value({ "old" }), skein.queue()
    local p = skein.process(v.with, v, function()
      ready:put(true)
      skein.sleep(100)
      return "new"
    end)
    ready:get(10)
    local setter = skein.task(v.cas, v, { "old" }, "next")
    skein.yield()
    p:kill()
    assert.is_true(setter:get(10))
    assert.equal("next", v:get())
    p:join()
  end))

  it("survives those that are killed at any time", task(function()
    local v = skein.value({ ("x"):rep(100) })
    for i = 1, 20 do
      local p = skein.process(function()
        for n = 1, math.huge do
          v:set({ ("x"):rep(n % 300) })
          v:with(function(old) return { old[1] .. "x" } end)
        end
      end)
      skein.sleep(0.002 + i % 5 * 0.0003)
      p:kill()
      p:join()
      assert.matches("^x*$", v:get()[1])
      v:set({ "x" })
      assert.same({ "x" }, v:get())
    end
  end))
end)
