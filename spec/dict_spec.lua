local skein = require("skein")
local family = require("spec.family")
local peers = require("spec.peers")
local support = require("spec.support")
local task = support.task

--- What is in a dict, as a table.
local function all(d)
  local t = {}
  for k, v in d:pairs() do
    assert.is_nil(t[k])
    t[k] = v
  end
  return t
end

describe("dict", function()
  setup(peers.warm)

  describe("in one thread", function()
    it("keeps what it is given", task(function()
      local d = skein.dict()
      local t = {
        a = 1, [""] = "empty", [("k"):rep(1000)] = ("v"):rep(100000),
        [1] = 2.0, [-1] = true, [2.5] = false, [math.huge] = { 1, { x = "y" } },
        [true] = "yes", [false] = "no", [math.mininteger] = math.maxinteger,
        ["1"] = "a string", ["a\0b"] = -0.0,
      }
      local n = 0
      for k, v in pairs(t) do
        assert.is_nil(d:get(k))
        d:set(k, v)
        n = n + 1
        assert.equal(n, #d)
      end
      for k, v in pairs(t) do assert.same(v, d:get(k)) end
      assert.same(t, all(d))
      assert.equal("float", math.type(d:get(1)))
      assert.equal(2.0, d:get(1.0)) -- keys are those of Lua
      d:set(1.0, "one")
      assert.equal("one", d:get(1))
      assert.equal(n, #d)
    end))

    it("keeps a copy", task(function()
      local d, t = skein.dict({}), { 1 }
      d:set("t", t)
      t[1] = 2
      assert.same({ 1 }, d:get("t"))
      d:get("t")[1] = 3
      assert.same({ 1 }, d:get("t"))
    end))

    it("forgets", task(function()
      local d = skein.dict()
      d:set("a", 1)
      d:set("b", { 2 })
      d:delete("a")
      d:delete("never")
      assert.same({ b = { 2 } }, all(d))
      d:set("b", nil)
      d:set("c", nil)
      assert.equal(0, #d)
      assert.same({}, all(d))
    end))

    it("adds", task(function()
      local d = skein.dict()
      assert.equal(5, d:add("n", 5))
      assert.equal("integer", math.type(d:add("n", -2)))
      assert.equal(3.5, d:add("n", 0.5))
      assert.equal("float", math.type(d:add("n", 1)))
      assert.equal(4.5, d:get("n"))
      assert.equal(0.5, d:add(true, 0.5))
      d:set("max", math.maxinteger)
      assert.equal(math.mininteger, d:add("max", 1))
      d:set("x", "1")
      assert.matches("dict_spec.lua:%d+:.*not a number",
        support.failure(function() d:add("x", 1) end))
      assert.equal("1", d:get("x"))
      assert.matches("number expected", support.failure(d.add, d, "n", "1"))
      support.failure(d.add, d, "n")
    end))

    it("has keys that are strings, numbers and booleans", task(function()
      local d = skein.dict()
      for _, k in ipairs({ {}, print, io.stdout, 0 / 0, d }) do
        for _, name in ipairs({ "get", "set", "delete", "add", "update" }) do
          assert.matches("dict_spec.lua:%d+:.*string, number or boolean",
            support.failure(function() d[name](d, k, 1) end))
        end
      end
      assert.matches("as key expected, got nil", support.failure(d.get, d, nil))
      assert.matches("as key expected, got nil", support.failure(d.set, d, nil, 1))
      assert.matches("as key expected, got nil", support.failure(d.update, d, nil, all))
      support.failure(d.set, d, "k")
      assert.equal(0, #d)
    end))

    it("has values that can cross, and are not shared", task(function()
      local d = skein.dict()
      d:set("k", 1)
      assert.matches("file handle",
        tostring(support.failure(d.set, d, "k", { io.stdout })))
      assert.matches("queue",
        tostring(support.failure(d.set, d, "k", { skein.queue() })))
      assert.matches("dict", tostring(support.failure(d.set, d, "k", d)))
      assert.equal(1, d:get("k"))
      local up = 5
      d:set("f", function(x) return x + up end)
      assert.equal(7, d:get("f")(2))
    end))

    it("grows and shrinks", task(function()
      local d = skein.dict()
      for i = 1, 5000 do d:set(i, { i }) end
      for i = 1, 5000 do d:set("s" .. i, i) end
      assert.equal(10000, #d)
      for i = 1, 5000 do
        assert.equal(i, d:get(i)[1])
        assert.equal(i, d:get("s" .. i))
        d:delete(i)
      end
      assert.equal(5000, #d)
      for i = 1, 4990 do d:delete("s" .. i) end
      local sum = 0
      for _, v in pairs(d) do sum = sum + v end
      assert.equal(10 * (4991 + 5000) / 2, sum)
    end))

    it("grows while it shrinks", task(peers.clean(function()
      local d, present, n = skein.dict(), {}, 0
      math.randomseed(7)
      for round = 1, 40 do
        local grows = round % 2 == 1
        for _ = 1, math.random(50, 900) do
          local k = math.random(2000)
          if grows then
            n = n + (present[k] and 0 or 1)
            present[k] = round
            d:set(k, round)
          else
            for near = k, k + 9 do
              n = n - (present[near] and 1 or 0)
              present[near] = nil
              d:delete(near)
            end
          end
        end
        assert.equal(n, #d)
        local same = 0
        for k = 1, 2010 do
          if present[k] == d:get(k) then same = same + 1 end
        end
        assert.equal(2010, same)
        for k in d:pairs() do if present[k] then same = same - 1 end end
        assert.equal(2010 - n, same)
      end
    end)))

    it("never stops to grow or to shrink", task(function()
      --- Of `n` calls of `change`, the most time of 64, as a part of all.
      local function longest(change, n)
        local begun, worst = os.clock(), 0
        for first = 1, n, 64 do
          local start = os.clock()
          for i = first, first + 63 do change(i) end
          worst = math.max(worst, os.clock() - start)
        end
        return worst / (os.clock() - begun)
      end
      local tries, most = 0
      repeat -- the system may be slow, but not each time
        local d, n = skein.dict(), (1 << 17) + 64
        tries = tries + 1
        most = math.max(longest(function(i) d:set(i, i) end, n),
          longest(function(i) d:delete(i) end, n))
        assert.equal(0, #d)
      until most < 0.02 or tries == 4
      assert.is_true(most < 0.02)
    end))

    it("tells large keys apart", task(peers.clean(function()
      local d = skein.dict()
      --- A step of the hash in dict.c, so that two keys have the same.
      local function mix(hash, word)
        hash = (hash ~ word) * 0x9e3779b97f4a7c15
        return hash ~ hash >> 32
      end
      local start = 4 + 0xcbf29ce484222325
      for _, size in ipairs({ 1, 1000, 100000 }) do
        local tail = ("x"):rep(size)
        local other = 2 ~ mix(start, 1) ~ mix(start, 3)
        local a = ("<i8i8"):pack(1, 2) .. tail
        local b = ("<i8i8"):pack(3, other) .. tail
        for round = 1, 2 do
          d:set(a, 1)
          assert.is_nil(d:get(b))
          d:set(b, { "b" })
          assert.equal(round + 1, d:add(a, round))
          assert.same({ "b" }, d:get(b))
          d:set(b, ("y"):rep(10000))
          assert.equal(2, #d)
          d:delete(a)
          assert.is_nil(d:get(a))
          assert.equal(("y"):rep(10000), d:get(b))
          assert.equal("new", d:update(a, function() return "new" end))
          assert.matches("not a number", support.failure(d.add, d, a, 1))
          assert.same({ [a] = "new", [b] = ("y"):rep(10000) }, all(d))
          d:delete(b)
          d:delete(a)
        end
        assert.equal(0, #d)
      end
    end)))

    it("gives its memory back", task(peers.clean(function()
      local d = skein.dict()
      for i = 1, 500 do d:set(i, ("x"):rep(i)) end
      for i = 1, 500 do d:delete(i) end
      for i = 1, 50 do d:set(i, { i }) end
      pcall(d.set, d, 1, io.stdout)
      pcall(d.add, d, 1, 1)
      d:add("n", 1)
    end)))

    it("gives memory back while it lives", task(function()
      local d = skein.dict()
      local core = require("skein.core")
      local function used() return select(2, core.arena()) end
      local before = used()
      for _ = 1, 3 do
        for i = 1, 300 do d:set(i, ("x"):rep(1000)) end
        assert.is_true(used() - before > 300000)
        for i = 1, 300 do d:delete(i) end
      end
      assert.is_true(used() - before < 2000)
    end))

    it("shows a snapshot", task(function()
      local d = skein.dict()
      for i = 1, 100 do d:set(i, { i }) end
      local seen = 0
      for k, v in d:pairs() do
        seen = seen + 1
        assert.equal(k, v[1])
        d:delete(k)
        d:set(1000 + k, 1)
      end
      assert.equal(100, seen)
      assert.equal(100, #d)
    end))

    it("is computed under its lock", task(function()
      local d = skein.dict()
      d:set("k", 1)
      local inside = skein.task(d.update, d, "k", function(old)
        skein.sleep(0.005)
        return old * 10
      end)
      skein.yield()
      assert.equal(1, d:get("k")) -- looking does not wait
      assert.same({ k = 1 }, all(d))
      local adder = skein.task(d.add, d, "k", 1)
      local other = skein.task(d.set, d, "other", { 1 })
      local gone = skein.task(d.delete, d, "other")
      skein.yield()
      assert.is_false(other:done())
      assert.equal(10, inside:get())
      assert.equal(11, adder:get())
      other:get()
      gone:get()
      assert.same({ k = 11 }, all(d))
      assert.is_nil(d:update("k", function() return nil end))
      assert.equal(0, #d)
      assert.equal("new", d:update("n", function(old)
        assert.is_nil(old)
        return "new"
      end))
    end))

    it("is as it was when computing fails", task(function()
      local d, err = skein.dict(), {}
      d:set("k", { 1 })
      assert.equal(err,
        support.failure(d.update, d, "k", function() error(err) end))
      assert.matches("file handle", tostring(support.failure(d.update, d, "k",
        function() return io.stdout end)))
      local t = skein.task(d.update, d, "k", function() skein.sleep(100) end)
      skein.yield()
      local waits = skein.task(d.set, d, "k", 3)
      skein.yield()
      waits:cancel()
      waits:join()
      t:cancel()
      d:add("n", 2) -- waits until it has left
      assert.same({ k = { 1 }, n = 2 }, all(d))
      assert.matches("dict_spec.lua:%d+:.*#2.*function expected",
        support.failure(function() d:update("k", 1) end))
      assert.equal("deadlock", support.kind(d.update, d, 1, function()
        d:update(2, function() end)
      end))
      d:update(1, function()
        d:set("inside", true)
        return d:add("n", 1)
      end)
      assert.same({ k = { 1 }, n = 3, inside = true, [1] = 3 }, all(d))
    end))

    it("is let go if what waited cannot be changed any more", task(function()
      local d, calls = skein.dict(), 0
      local odd = setmetatable({}, {
        __transfer = function()
          calls = calls + 1
          if calls > 1 then error("not again") end
          return "string.rep", "x", 2
        end,
      })
      local holder = skein.task(d.update, d, 1, function()
        skein.sleep(0.005)
        return 1
      end)
      skein.yield()
      local setter = skein.task(d.set, d, 1, odd)
      holder:get()
      assert.is_false(pcall(setter.get, setter))
      d:set(2, 2)
      assert.same({ 1, 2 }, all(d))
    end))

    it("has no options", task(function()
      assert.matches("unknown option 'size'",
        support.failure(skein.dict, { size = 1 }))
      support.failure(skein.dict, 1)
      assert.matches("skein.Dict", tostring(skein.dict()))
    end))
  end)

  describe("between", function()
    peers.each({ "task", "fork", "spawn", "thread" }, it, "many: %s", task,
      function(kind)
        local d, started = skein.dict(), {}
        for i = 1, 3 do
          started[i] = peers.start(kind, function(shared, me)
            for n = 1, 100 do
              shared:add("sum", 1)
              shared:update("list", function(old)
                old = old or {}
                old[#old + 1] = me
                return old
              end)
              shared:set(me .. " " .. n, { n })
              if n > 10 then shared:delete(me .. " " .. n - 10) end
            end
            return shared
          end, d, "peer " .. i)
        end
        for i = 1, 3 do assert.equal(d, started[i]:get(20)) end
        assert.equal(300, d:get("sum"))
        assert.equal(300, #d:get("list"))
        assert.equal(2 + 3 * 10, #d)
        assert.same({ 95 }, d:get("peer 2 95"))
      end)

    peers.each(peers.apart, it, "what carries it: %s", family.test,
      function(kind)
        local q = skein.queue()
        local near, far = skein.pipe()
        local d = skein.dict()
        local p = peers.start(kind, function(theirs)
          local got = q:get(10).dict
          got:set("x", { "y" })
          theirs:send({ got })
          local own = skein.dict()
          own:set("mine", true)
          return own
        end, far)
        q:put({ dict = d })
        assert.equal(d, near:recv(10)[1])
        assert.same({ x = { "y" } }, all(d))
        assert.same({ mine = true }, all(p:get(10)))
      end)
  end)

  it("compares large keys while they are replaced", family.test(peers.clean(function()
    local d, keys = skein.dict(), {}
    for i = 1, 2 do keys[i] = ("k"):rep(200000 + i) end
    local started = {}
    for i = 1, 3 do
      started[i] = skein.process(function()
        for n = 1, 150 do
          local k = keys[n % 2 + 1]
          d:add("sum", 1)
          if n % 5 == i then d:delete(k) else d:set(k, { i, n }) end
          local got = d:get(k)
          assert(got == nil or #got == 2)
          d:update("of " .. n % 2, function(old) return (old or 0) + 1 end)
          if n % 50 == 0 then d:update(k, function(old) return old or { i, n } end) end
        end
      end)
    end
    for i = 1, 3 do started[i]:get() end
    assert.equal(450, d:get("sum"))
    assert.equal(450, d:get("of 0") + d:get("of 1"))
    for i = 1, 2 do d:delete(keys[i]) end
    assert.equal(3, #d)
  end)))

  it("is as it was when who computes is killed", task(function()
    local d, ready = skein.dict(), skein.queue()
    d:set("k", "old")
    local p = skein.process(d.update, d, "k", function()
      ready:put(true)
      skein.sleep(100)
      return "new"
    end)
    ready:get(10)
    local setter = skein.task(d.set, d, "other", 1)
    skein.yield()
    p:kill()
    setter:get(10)
    assert.same({ k = "old", other = 1 }, all(d))
    p:join()
  end))

  it("survives those that are killed at any time", task(peers.clean(function()
    local d = skein.dict()
    d:set("stays", { "here" })
    for i = 1, 20 do
      local p = skein.process(function()
        for n = 1, math.huge do
          local k = n * 7 % 100
          d:set(k, { ("x"):rep(n % 300) })
          d:add("n" .. k, 1)
          if n % 300 > 150 then
            d:delete(k)
            d:delete("n" .. k)
          end
          d:update("u", function(old) return (old or "") == "" and "x" or "" end)
        end
      end)
      skein.sleep(0.002 + i % 5 * 0.0003)
      p:kill()
      p:join()
      local n = 0
      for k, v in d:pairs() do
        n = n + 1
        if math.type(k) then assert.matches("^x*$", v[1]) end
      end
      assert.equal(n, #d)
      assert.same({ "here" }, d:get("stays"))
      d:set("mine", i)
      assert.equal(i, d:get("mine"))
    end
  end)))
end)
