--- Functions that are started in a fresh state, with all that they need.

local skein = require("skein")
local support = require("spec.support")
local family = require("spec.family")

local failure, test = support.failure, family.test

setup(family.server)

local function fact(n) return n < 2 and 1 or n * fact(n - 1) end

local even, odd
function even(n) return n == 0 or odd(n - 1) end
function odd(n) return n ~= 0 and even(n - 1) end

for _, kind in ipairs { "spawn", "server", "thread" } do
  local function start(...)
    if kind == "thread" then return skein.thread(...) end
    return skein.process({ method = kind }, ...)
  end

  local function result(...) return start(...):get(10) end

  describe("a function that crosses (" .. kind .. ")", function()
    it("calls itself, and others that call it", test(function()
      assert.equal(3628800, result(fact, 10))
      assert.is_true(result(even, 10))
      assert.is_false(result(function(n) return odd(n) end, 10))
    end))

    it("may be a method of what is shared", test(function()
      local q, done, value = skein.queue(), skein.event(), skein.value(1)
      local here, there <close> = skein.pipe()
      start(q.put, q, "by put"):get(10)
      assert.equal("by put", result(q.get, q))
      start(done.set, done):get(10)
      assert.is_true(result(done.wait, done))
      assert.equal(5, result(value.add, value, 4))
      assert.is_true(result(there.send, there, "by send"))
      assert.equal("by send", here:recv())
      local put = q.put
      assert.is_true(result(function(f) return f == put end, put))
    end))

    it("shares upvalues with what crosses along, and no more with its sender", test(function()
      local n = 10
      local function add(k) n = n + k end
      local function look() return n end
      local function both(f, g)
        f(5)
        add(7)
        return n, g(), look()
      end
      assert.same({ 22, 22, 22 }, { result(both, add, look) })
      assert.equal(10, n)
      add(1)
      assert.equal(11, result(look))
    end))

    it("has closures over closures", test(function()
      local function counter(from)
        local n = from
        return { up = function() n = n + 1 return n end, now = function() return n end }
      end
      local a, b = counter(5), counter(50)
      a.up()
      local function use(c)
        c.up()
        b.up()
        return c.now(), b.now(), a == c
      end
      assert.same({ 7, 51, true }, { result(use, a) })
      assert.same({ 6, 50 }, { a.now(), b.now() })
    end))

    it("has the globals of where it runs", test(function()
      rawset(_G, "only_here", 1)
      local there, sum = result(function()
        local before = rawget(_G, "only_here")
        only_there = 2 -- luacheck: ignore
        return before, only_there + _ENV._G.only_there -- luacheck: ignore
      end)
      rawset(_G, "only_here", nil)
      assert.is_nil(there)
      assert.equal(4, sum)
      assert.is_nil(rawget(_G, "only_there"))
    end))

    it("finds modules and C functions by their names", test(function()
      local upper, lib, fmt = string.upper, skein, ("").format
      assert.equal("HERE", result(string.upper, "here"))
      assert.equal("A 1 task 3", result(function(concat)
        local who = lib.task(function() return lib.self().kind end):get()
        return concat({ upper("a"), fmt("%d", 1), who, #lib.all {} + 3 }, " ")
      end, table.concat))
      assert.is_true(result(function(a, b)
        return a == string and b == require("skein.many")
      end, string, require("skein.many")))
    end))

    it("may be a module itself", test(function()
      local hold = require("skein.hold")
      assert.is_function(hold)
      assert.is_true(result(function(a, loaded)
        return loaded["skein.hold"] == a and a == require("skein.hold")
      end, hold, { ["skein.hold"] = hold }))
      assert.is_true(result(function() return hold == require("skein.hold") end))
    end))

    it("may be a name itself", test(function()
      assert.equal("HERE", result("string.upper", "here"))
      assert.equal(2, result("skein.many.map", { 1, 2 }, tostring).n)
      assert.match("no.such", failure(result, "no.such.function").message)
      assert.match("nothing", failure(result, "string.nothing").message)
    end))

    it("keeps the lines and names that errors tell of", test(function()
      local function inner() error("deep down") end
      local function outer() inner() return 1 end
      local err = failure(result, outer)
      assert.match("functions_spec.lua:%d+: deep down", err.message)
      assert.match("in upvalue 'inner'", err.traceback)
    end))

    it("may be large, again and again", test(function()
      local parts = { "local t = {}\n" }
      for i = 1, 5000 do parts[#parts + 1] = ("t[%d] = %d\n"):format(i, i * 7) end
      parts[#parts + 1] = "return #t, t[5000]"
      local big = assert(load(table.concat(parts)))
      for _ = 1, 3 do assert.same({ 5000, 35000 }, { result(big) }) end
    end))

    it("that cannot cross starts nothing, and says where it failed", test(function()
      local conn = { sock = io.stdout }
      local co = coroutine.create(print)
      local function use() return conn end
      local function message(...) return failure(start, ...).message end
      assert.match("^cannot send upvalue 'conn' of function <.*functions_spec.lua:%d+>: "
        .. "field 'sock': file handle$", message(use))
      assert.match("^cannot send argument 2: upvalue 'co' of function <.*>: coroutine",
        message(print, 1, function() return co end))
      assert.match("^cannot send argument 1: field 'deep'.*: coroutine",
        message(print, { deep = { co } }))
      assert.same({}, skein.children())
    end))
  end)
end
