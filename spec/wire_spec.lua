--- What crosses, and as what it arrives. Packing and unpacking are the wire
--- without a transport; 'functions' makes it believe what the family sends.
local skein = require("skein")
local shapes = require("spec.wire_shapes")

local function cross(...)
  return skein.unpack(skein.pack(...), { functions = true })
end

--- Are the values the same, types of numbers and sharing included?
local function alike(a, b, seen)
  if type(a) ~= type(b) or math.type(a) ~= math.type(b) then return false end
  if a ~= a then return b ~= b end
  if type(a) ~= "table" then return a == b end
  seen = seen or {}
  if seen[a] then return seen[a] == b end
  seen[a] = b
  local extra = 0
  for k, v in next, a do
    extra = extra + 1
    if type(k) ~= "table" and not alike(v, rawget(b, k), seen) then
      return false
    end
  end
  for _ in next, b do extra = extra - 1 end
  local x, y = getmetatable(a), getmetatable(b)
  return extra == 0 and (x == y or alike(x, y, seen))
end

local function assert_crosses(v)
  local w = cross(v)
  assert(alike(v, w), "it arrived as something else")
  return w
end

--- A random value; 'made' collects the tables, for some to be shared.
local function random_value(made, depth)
  local pick = math.random(depth > 4 and 8 or 12)
  if pick == 1 then return math.random(0, 100) end
  if pick == 2 then return math.random(0) >> math.random(0, 63) end
  if pick == 3 then return (math.random() - 0.5) * 10 ^ math.random(-9, 9) end
  if pick == 4 then return ("x"):rep(math.random(0, 90)) end
  if pick <= 6 then return "key" .. math.random(8) end
  if pick == 7 then return math.random(2) == 1 end
  if pick == 8 then return made[math.random(#made + 1)] or 0 end
  local t = {}
  made[#made + 1] = t
  for _ = 1, math.random(0, 7) do
    local k = random_value(made, depth + 1)
    if math.random(2) == 1 then k = #t + 1 end
    t[k] = random_value(made, depth + 1)
  end
  local meta = math.random(6)
  if meta == 1 then setmetatable(t, shapes.Point) end
  if meta == 2 then setmetatable(t, made[math.random(#made)]) end
  return t
end

describe("values", function()
  it("cross as they are", function()
    local values = { true, false, "", "text", "\0\255\n", ("long"):rep(99),
      1.5, -0.0, 0.0, 2^53, 1e308, 5e-324, math.huge, -math.huge }
    for _, v in ipairs(values) do assert_crosses(v) end
    assert.equal(-math.huge, 1 / cross(-0.0))
    local nan = cross(0 / 0)
    assert.is_true(nan ~= nan)
  end)

  it("keep integers and floats apart", function()
    assert.equal("integer", math.type(cross(3)))
    assert.equal("float", math.type(cross(3.0)))
  end)

  it("are integers of all sizes", function()
    for bits = 0, 63 do
      for delta = -2, 2 do
        assert_crosses((1 << bits) + delta)
        assert_crosses(-(1 << bits) + delta)
      end
    end
  end)

  it("are strings of all lengths, once and again", function()
    for n = 0, 300 do
      local s = ("s"):rep(n)
      assert.same({ s, s, s, { [s] = s } }, cross({ s, s, s, { [s] = s } }))
    end
    local big = ("big"):rep(1 << 20)
    assert.is_true(cross(big) == big)
    local list = cross({ big, big })
    assert.is_true(list[1] == big and list[2] == big)
  end)

  it("come with nils between and after", function()
    local t = table.pack(cross(nil, 1, nil, false, nil))
    assert.same({ n = 5, nil, 1, nil, false, nil }, t)
    assert.equal(0, select("#", cross()))
  end)

  it("are many", function()
    local t = {}
    for i = 1, 200 do t[i] = i end
    assert.same(t, { cross(table.unpack(t)) })
  end)

  it("are anything at all", function()
    for seed = 1, 300 do
      math.randomseed(seed)
      assert_crosses(random_value({}, 0))
    end
  end)
end)

describe("tables", function()
  it("have holes", function()
    assert_crosses({ 1, nil, 3, nil, nil, 6 })
    assert_crosses({ nil, nil, 3 })
    assert_crosses({ [-1] = 1, [0] = 2, [1] = 3, [1 << 40] = 4 })
  end)

  it("have items that are not in their array part", function()
    local t = { name = "t" }
    for i = 20, 1, -1 do t[i] = i end
    assert_crosses(t)
    t[7] = nil
    assert_crosses(t)
  end)

  it("have keys of every kind", function()
    assert_crosses({ [1.5] = 1, [true] = 2, [false] = 3, [""] = 4 })
    local key = { "key" }
    local t = cross({ key = key, [key] = "value" })
    assert.equal("value", t[t.key])
    local again = cross({ [print] = 1 })
    assert.equal(1, again[print])
  end)

  it("of a list have the same keys, or others, in the same places or others", function()
    local function record()
      local t = {}
      for _ = 1, math.random(0, 24) do
        local kind = math.random(20)
        local key = "key" .. math.random(30)
        if kind == 1 then key = math.random(-3, 300) end
        if kind == 2 then key = ("long"):rep(math.random(9, 30)) end
        if kind == 3 then key = math.random() end
        t[key] = math.random(3) == 1 and key or math.random(9)
      end
      if math.random(30) == 1 then t.key1 = shapes.Circle.new(1, "key2") end
      return t
    end
    for seed = 1, 40 do
      math.randomseed(seed)
      local list = {}
      for i = 1, math.random(60) do list[i] = i > 1 and list[math.random(4 * i)] or record() end
      local bytes = skein.pack(list)
      skein.unpack(skein.pack { { key3 = "key4" }, { key3 = "key4" } }) -- by the same coder
      local copy = skein.unpack(bytes, { functions = true })
      for i, item in ipairs(list) do
        for key, value in pairs(item) do
          local came = copy[i][key]
          if type(value) == "table" then value, came = value.label, came.label end
          assert.equal(value, came)
          assert.equal(math.type(value), math.type(came))
        end
      end
      assert.equal(#list, #copy)
    end
  end)

  it("have any number of pairs", function()
    for _, n in ipairs({ 1, 253, 254, 255, 256, 257, 600, 5000 }) do
      local t, mixed = {}, { 1, 2, 3 }
      for i = 1, n do
        t["k" .. i] = i
        mixed[-i] = { i }
      end
      assert_crosses(t)
      assert_crosses(mixed)
    end
  end)

  it("are shared, also between arguments", function()
    local t = {}
    local a, b = cross({ t, t }, t)
    assert.is_true(a[1] == a[2] and a[1] == b)
  end)

  it("contain themselves", function()
    local t = { list = {} }
    t.self, t.list[1], t[t] = t, t.list, t
    local u = cross(t)
    assert.is_true(u.self == u and u.list[1] == u.list and u[u] == u)
  end)

  it("are nested as deeply as memory lasts", function()
    local deep = {}
    for i = 1, 100000 do deep = i % 2 == 0 and { deep } or { next = deep } end
    local depth, at = 0, cross(deep)
    while at do
      at, depth = at[1] or at.next, depth + 1
    end
    assert.equal(100001, depth)
  end)

  it("are refused if they are nested too deeply", function()
    local deep = {}
    for _ = 1, 600000 do deep = { deep } end
    local ok, err = pcall(skein.pack, deep)
    assert.is_false(ok)
    assert.matches("nested too deeply$", err.message)
  end)

  it("are read without metamethods", function()
    local t = setmetatable({ 1, 2 }, {
      __index = function() return "made up" end,
      __len = function() return 100 end,
      __pairs = function() error("not this way") end,
    })
    local u = cross(t)
    assert.equal(2, rawlen(u))
    assert.equal("made up", u[3])
  end)
end)

describe("metatables", function()
  it("travel by name if a module holds them", function()
    local p = cross(shapes.Point.new(1, 2))
    assert.equal(shapes.Point, getmetatable(p))
    assert.equal(3, p:sum())
    assert.equal(shapes.tag, getmetatable(cross(setmetatable({}, shapes.tag))))
  end)

  it("may lie at any depth", function()
    local deep = {}
    for _ = 1, 4200 do deep = { deep } end
    deep = skein.pack(deep)
    for depth = 0, 70 do
      local t = setmetatable({ depth }, { __name = { "opened", {} } })
      for _ = 1, depth do t = { t } end
      local bytes = skein.pack(t)
      skein.unpack(deep) -- after which it begins anew, with as little room as at first
      local got = skein.unpack(bytes)
      for _ = 1, depth do got = got[1] end
      assert.same({ depth }, { got[1] })
      assert.same({ "opened", {} }, getmetatable(got).__name)
    end
  end)

  it("are copied if none does, once for all who share them", function()
    local meta = { __index = function(_, k) return "no " .. k end }
    meta.self = meta
    local t = cross({ setmetatable({}, meta), setmetatable({}, meta) })
    assert.equal("no x", t[1].x)
    assert.equal(getmetatable(t[1]), getmetatable(t[2]))
    assert.are_not_equal(meta, getmetatable(t[1]))
    assert.equal(getmetatable(t[1]), getmetatable(t[1]).self)
  end)

  it("may be the tables themselves", function()
    local t = setmetatable({ x = 1 }, nil)
    t.__index = t
    setmetatable(t, t)
    local u = cross(t)
    assert.equal(u, getmetatable(u))
  end)

  it("belong to error objects, too", function()
    local _, err = pcall(skein.unpack, "nonsense")
    local copy = cross(err)
    assert.equal(getmetatable(err), getmetatable(copy))
    assert.equal("transfer", copy.kind)
  end)
end)

describe("__transfer", function()
  it("rebuilds the object by the call it names", function()
    local before = shapes.built()
    local circle = cross(shapes.Circle.new(2, "disc"))
    assert.equal(shapes.Circle, getmetatable(circle))
    assert.equal("disc", circle.label)
    assert.near(math.pi * 4, circle.area(), 1e-9)
    assert.equal(before + 2, shapes.built())
  end)

  it("rebuilds one object once", function()
    local circle = shapes.Circle.new(1)
    local before = shapes.built()
    local t = cross({ circle, circle, [circle] = circle })
    assert.is_true(t[1] == t[2] and t[t[1]] == t[1])
    assert.equal(before + 1, shapes.built())
  end)

  it("has arguments that share with the rest", function()
    local label = { "label" }
    local t = cross({ label, shapes.Circle.new(1, label), label })
    assert.is_true(t[1] == t[2].label and t[2].label == t[3])
  end)

  it("may itself use the wire", function()
    local meta = {}
    meta.__transfer = function(self)
      return "spec.wire_shapes.Circle.new", #skein.pack({ self.text, self.text })
    end
    local list = { "before", setmetatable({ text = "abc" }, meta), "after" }
    local t = cross(list)
    assert.equal(#skein.pack({ "abc", "abc" }), t[2].radius)
    assert.equal("after", t[3])
  end)

  it("is not called for classes, but for objects", function()
    assert.equal(shapes.Circle, cross(shapes.Circle))
  end)
end)

describe("functions", function()
  it("cross with their upvalues", function()
    local list, n = { 1 }, 10
    local function f(x) return list[1] + n + x end
    assert.equal(16, cross(f)(5))
  end)

  it("share their upvalues as before", function()
    local n = 0
    local function up() n = n + 1 return n end
    local function get() return n end
    local up2, t = cross(up, { get })
    up2()
    assert.equal(2, up2())
    assert.equal(2, t[1]())
    assert.equal(0, n)
  end)

  it("call themselves and each other", function()
    local even, odd
    function even(n) return n == 0 or odd(n - 1) end
    function odd(n) return n ~= 0 and even(n - 1) end
    assert.is_true(cross(even)(10))
    local function fact(n) return n < 2 and 1 or n * fact(n - 1) end
    assert.equal(3628800, cross(fact)(10))
  end)

  it("are one function if they were", function()
    local function f() end
    local t = cross({ f, f, [f] = f })
    assert.is_true(t[1] == t[2] and t[t[1]] == t[1] and t[1] ~= f)
  end)

  it("see the globals of where they arrive", function()
    local f = cross(load("wire_global = ... return wire_global", "@f"))
    assert.equal(5, f(5))
    assert.equal(5, rawget(_G, "wire_global"))
    rawset(_G, "wire_global", nil)
    assert.equal(_G, cross(_G))
  end)

  it("do not take an _ENV of their own along", function()
    local env = { wire_global = 1, file = io.stdout }
    local f = load("return wire_global", "@env", "t", env)
    assert.equal(1, f())
    assert.is_nil(cross(f)())
  end)

  it("keep their names and lines", function()
    local function f() error("here") end
    local _, err = pcall(cross(f))
    local line = debug.getinfo(f, "S").linedefined
    assert.matches("wire_spec.lua:" .. line .. ": here$", err)
  end)

  it("have up to 255 upvalues", function()
    local names = {}
    for i = 1, 190 do names[i] = "a" .. i end
    local code = ("local %s = ... return function() return %s end")
      :format(table.concat(names, ","), table.concat(names, "+"))
    local ones = {}
    for i = 1, 190 do ones[i] = i end
    assert.equal(190 * 191 // 2, cross(load(code)(table.unpack(ones)))())
  end)

  it("of C and of modules travel by name", function()
    assert.equal(print, cross(print))
    assert.equal(string.format, cross(string.format))
    assert.equal(os, cross(os))
    assert.equal(skein, cross(skein))
    assert.equal(skein.pack, cross(skein.pack))
    assert.equal(shapes, cross(shapes))
    assert.equal(shapes.built, cross(shapes.built))
    assert.equal(shapes.Point, cross(shapes.Point))
    assert.equal(shapes.Point.sum, cross(shapes.Point.sum))
    assert.equal(shapes.built, cross(function() return shapes.built end)())
  end)

  it("do not take along the data of modules by name", function()
    local list = cross(shapes.list)
    assert.same(shapes.list, list)
    assert.are_not_equal(shapes.list, list)
  end)

  it("find modules that were loaded later", function()
    skein.pack(print)
    package.loaded["spec.late"] = { name = "late", tell = function() end }
    local late = package.loaded["spec.late"]
    assert.equal(late.tell, cross(late.tell))
    assert.equal(late, cross(function() return late end)())
    late.byte, late.chars = string.gmatch("", ""), { "data" }
    assert.equal(late.byte, cross(late.byte))
    assert.are_not_equal(late.chars, cross(late.chars))
    package.loaded["spec.late"] = nil
    assert.are_not_equal(late.tell, cross(late.tell))
  end)
end)
