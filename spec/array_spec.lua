local skein = require("skein")
local peers = require("spec.peers")
local family = require("spec.family")
local support = require("spec.support")
local task = support.task

local ranges = {
  int8 = { -128, 127 }, uint8 = { 0, 255 },
  int16 = { -32768, 32767 }, uint16 = { 0, 65535 },
  int32 = { -1 << 31, (1 << 31) - 1 }, uint32 = { 0, (1 << 32) - 1 },
  int64 = { math.mininteger, math.maxinteger },
}

describe("array", function()
  setup(peers.warm)

  describe("in one thread", function()
    it("is zeroed, in memory used before too", task(function()
      for _ = 1, 3 do
        for _, n in ipairs({ 1, 100, 300000 }) do
          local a = skein.array("int32", n)
          assert.equal(n, #a)
          assert.equal(0, a[1])
          assert.equal(0, a[n])
          local dirty = false
          for _, x in ipairs(a:slice()) do dirty = dirty or x ~= 0 end
          assert.is_false(dirty)
          a:fill(-1)
        end
        collectgarbage()
      end
      assert.equal("float", math.type(skein.array("double", 1)[1]))
    end))

    it("takes a list", task(function()
      local a = skein.array("double", { 1, 2.5, -0.0 })
      assert.same({ 1.0, 2.5, -0.0 }, a:slice())
      assert.equal("float", math.type(a[1]))
      assert.equal(0, #skein.array("int8", {}))
      assert.same({}, skein.array("int8", 0):slice())
      assert.matches("item 2: uint8 expected, got 256",
        support.failure(skein.array, "uint8", { 1, 256 }))
    end))

    it("keeps all that its type has, and no more", task(function()
      for name, range in pairs(ranges) do
        local a = skein.array(name, 3)
        a[1], a[2], a[3] = range[1], range[2], 7.0
        assert.same({ range[1], range[2], 7 }, a:slice())
        assert.equal("integer", math.type(a[3]))
        for _, bad in ipairs({ 7.5, "7", true, {}, 0 / 0, 2.0 ^ 63 }) do
          assert.matches("array_spec.lua:%d+:.*" .. name .. " expected",
            support.failure(function() a[2] = bad end))
        end
        support.failure(function() a[2] = nil end)
        assert.matches("range", support.failure(a.add, a, 2, 1))
        assert.matches("range", support.failure(a.add, a, 1, -1))
        if name ~= "int64" then
          support.failure(function() a[1] = range[1] - 1 end)
          support.failure(function() a[1] = range[2] + 1 end)
          support.failure(a.fill, a, range[2] + 1)
        end
        assert.same({ range[1], range[2], 7 }, a:slice())
        assert.equal(range[1] + 1, a:add(1, 1))
        assert.equal(range[2] - 1, a:add(2, -1))
      end
      local f = skein.array("float", { 0.1, 3.0e38, 1 / 0 })
      assert.equal(string.unpack("f", string.pack("f", 0.1)), f[1])
      assert.equal(1 / 0, f[3])
      assert.matches("float", support.failure(function() f[1] = 1e39 end))
      assert.matches("range", support.failure(f.add, f, 2, 3.0e38))
      f[1] = 0 / 0
      assert.are_not.equal(f[1], f[1])
    end))

    it("has no other index", task(function()
      local a = skein.array("int8", 3)
      for _, i in ipairs({ 0, 4, -1, math.maxinteger, math.mininteger }) do
        assert.matches("array_spec.lua:%d+: index %-?%d+ is out of range",
          support.failure(function() return a[i] end))
        assert.matches("array_spec.lua:%d+: index %-?%d+ is out of range",
          support.failure(function() a[i] = 1 end))
        assert.matches("out of range",
          support.failure(function() a:add(i, 1) end))
      end
      for _, i in ipairs({ 1.5, true, {} }) do
        assert.matches("whole number expected",
          support.failure(function() return a[i] end))
      end
      assert.matches("whole number expected",
        support.failure(function() a["1"] = 1 end))
      assert.matches("whole number expected",
        support.failure(function() a.slice = 1 end))
      assert.is_nil(a.nothing)
      a[2.0] = 5
      assert.equal(5, a[2])
      assert.same({ 0, 5, 0 }, a:slice())
    end))

    it("adds", task(function()
      local a = skein.array("int16", 2)
      assert.equal(5, a:add(2, 5))
      assert.equal(3, a:add(2, -2.0))
      assert.matches("array_spec.lua:%d+:.*whole number expected",
        support.failure(function() a:add(2, 0.5) end))
      assert.matches("number expected", support.failure(a.add, a, 2, "1"))
      support.failure(a.add, a, 2)
      assert.same({ 0, 3 }, a:slice())
      local d = skein.array("double", 1)
      assert.equal(1.5, d:add(1, 1.5))
      assert.equal("float", math.type(d:add(1, 1)))
    end))

    it("is read and written in parts", task(function()
      local a = skein.array("int64", 5)
      a:write({ 1, 2, 3 })
      a:write({ 8, 9 }, 4)
      assert.same({ 1, 2, 3, 8, 9 }, a:slice())
      assert.same({ 3, 8, 9 }, a:slice(3))
      assert.same({ 2, 3 }, a:slice(2, 3))
      assert.same({}, a:slice(3, 2))
      assert.same({}, a:slice(6))
      a:write({}, 6)
      assert.matches("out of range", support.failure(a.slice, a, 7))
      assert.matches("out of range", support.failure(a.slice, a, 1, 6))
      support.failure(a.slice, a, 0)
      support.failure(a.slice, a, 1.5)
      assert.matches("2 items do not fit",
        support.failure(a.write, a, { 1, 2 }, 5))
      support.failure(a.write, a, { 1 }, 0)
      support.failure(a.write, a, { 1 }, 7)
      support.failure(a.write, a, 1)
      assert.matches("array_spec.lua:%d+:.*item 3: int64 expected, got nil",
        support.failure(function()
          a:write(setmetatable({ 5, 6 }, { __len = function() return 4 end }))
        end))
      assert.same({ 1, 2, 3, 8, 9 }, a:slice())
      a:fill(4)
      assert.same({ 4, 4, 4, 4, 4 }, a:slice())
    end))

    it("refuses what it cannot be made of", task(function()
      assert.matches("unknown type 'int7'",
        support.failure(skein.array, "int7", 1))
      for _, n in ipairs({ -1, 1.5, "3", true }) do
        assert.matches("array_spec.lua:%d+:.*length or list expected",
          support.failure(function() skein.array("int8", n) end))
      end
      support.failure(skein.array, "int8")
      support.failure(skein.array)
      for _, n in ipairs({ 1 << 40, 1 << 60, math.maxinteger }) do
        assert.matches("not enough memory",
          support.failure(skein.array, "double", n))
      end
    end))

    it("keeps one 'with' from another", task(function()
      local a = skein.array("int32", 2)
      local first = skein.task(a.with, a, function(x, y)
        local before = a[1]
        skein.sleep(0.005)
        a[1] = before + x
        return y, nil, 3
      end, 1, "y")
      skein.yield()
      local second = skein.task(a.with, a, function() a:add(1, 10) end)
      a[2] = 7 -- a plain write does not wait
      assert.same({ "y", nil, 3, n = 3 }, table.pack(first:get()))
      second:get()
      assert.same({ 11, 7 }, a:slice())
      assert.equal("deadlock", support.kind(a.with, a, function()
        a:with(function() end)
      end))
      local err = {}
      assert.equal(err, support.failure(a.with, a, function() error(err) end))
      assert.matches("array_spec.lua:%d+:.*function expected",
        support.failure(function() a:with(1) end))
      assert.equal(1, a:with(function() return 1 end))
    end))

    it("is not mistaken for something else", task(function()
      local a, v = skein.array("int8", 1), skein.value(1)
      assert.matches("skein.Array", tostring(a))
      assert.matches("skein.Array expected", support.failure(a.slice, v))
      assert.matches("skein.Array expected", support.failure(a.add, {}, 1, 1))
    end))

    it("gives its memory back", task(peers.clean(function()
      for i = 0, 20 do skein.array("double", i * 1000) end
      pcall(skein.array, "int8", { "x" })
      pcall(skein.array, "int8", 1 << 50)
    end)))
  end)

  describe("between", function()
    peers.each({ "task", "fork", "spawn", "thread" }, it, "many: %s", task,
      function(kind)
        local a = skein.array("int32", 3)
        local d = skein.array("double", { 0.5 })
        local all = {}
        for i = 1, 3 do
          all[i] = peers.start(kind, function(x, n)
            for _ = 1, 200 do
              x:add(1, 1)
              d:add(1, 1)
              x:with(function() x[2] = x[2] + 1 end)
            end
            x[3] = x[3] + 0 * n
            return x
          end, a, i)
        end
        for i = 1, 3 do assert.equal(a, all[i]:get(20)) end
        assert.same({ 600, 600, 0 }, a:slice())
        assert.equal(600.5, d[1])
      end)

    peers.each(peers.apart, it, "what carries it: %s", family.test,
      function(kind)
        local q = skein.queue()
        local near, far = skein.pipe()
        local a = skein.array("uint8", 2)
        local p = peers.start(kind, function(theirs)
          local got = q:get(10).array
          got[1] = 1
          theirs:send({ got })
          return skein.array("int64", { 4, 5, 6 })
        end, far)
        q:put({ array = a })
        local back = near:recv(10)[1]
        assert.equal(a, back)
        assert.same({ 1, 0 }, a:slice())
        assert.same({ 4, 5, 6 }, p:get(10):slice())
      end)
  end)

  it("goes on when one inside 'with' is killed", task(function()
    local a, ready = skein.array("int32", 2), skein.queue()
    local p = skein.process(a.with, a, function()
      a[1] = 5
      ready:put(true)
      skein.sleep(100)
      a[2] = 5
    end)
    ready:get(10)
    local other = skein.task(a.with, a, function() return a[1], a[2] end)
    skein.yield()
    p:kill()
    assert.same({ 5, 0 }, { other:get(10) })
    p:join()
  end))

  it("is never seen torn, whoever is killed", task(function()
    local a = skein.array("int64", 4)
    local low, high = 0, -1 -- all bits of one, or of the other
    for i = 1, 10 do
      local p = skein.process(function()
        while true do
          for k = 1, 4 do a[k] = low end
          a:fill(high)
          a:with(function() a:write({ low, low, low, low }) end)
        end
      end)
      local due = skein.now() + 0.003 + i % 5 * 0.0003
      repeat
        for k = 1, 4 do
          local x = a[k]
          assert(x == low or x == high)
        end
      until skein.now() > due
      p:kill()
      p:join()
      a:with(function() a:fill(0) end)
    end
  end))

  it("goes nowhere outside of its family", task(function()
    assert.matches("array", tostring(support.failure(skein.pack,
      skein.array("int8", 1))))
    assert.matches("array", tostring(support.failure(skein.value,
      { skein.array("int8", 1) })))
  end))
end)
