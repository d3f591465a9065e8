--- skein.pack and skein.unpack: errors, what is refused, hostile strings.
local skein = require("skein")
local shapes = require("spec.wire_shapes")

local file = io.stdout

--- The message with which packing the values fails.
local function why(...)
  local ok, err = pcall(skein.pack, ...)
  assert.is_false(ok)
  assert.equal("transfer", err.kind)
  return err.message
end

--- The message with which unpacking fails.
local function refusal(s, opts)
  local ok, err = pcall(skein.unpack, s, opts)
  assert.is_false(ok)
  assert.equal("transfer", err.kind)
  return err.message
end

describe("pack", function()
  it("names what cannot cross", function()
    assert.equal("cannot pack argument 1: file handle", why(file))
    assert.equal("cannot pack argument 2: coroutine",
      why(1, coroutine.create(print)))
    assert.equal("cannot pack argument 1: C function",
      why(string.gmatch("a", "a")))
  end)

  it("names where it is", function()
    assert.equal("cannot pack argument 1: field 'a': field 'b c': index 3: "
      .. "file handle", why({ a = { ["b c"] = { 1, 2, file } } }))
    assert.equal("cannot pack argument 1: index 2: file handle",
      why({ 1, file, 3 }))
    assert.equal("cannot pack argument 1: index -7: file handle",
      why({ [-7] = file }))
    assert.equal("cannot pack argument 1: key true: file handle",
      why({ [true] = file }))
    assert.equal("cannot pack argument 1: key 1.5: file handle",
      why({ [1.5] = file }))
    assert.equal("cannot pack argument 1: a key: file handle",
      why({ [file] = 1 }))
    assert.equal("cannot pack argument 1: metatable: field '__index': "
      .. "file handle", why(setmetatable({}, { __index = file })))
  end)

  it("names upvalues", function()
    local conn = { sock = file }
    local function use() return conn end
    local line = debug.getinfo(use, "S").linedefined
    local source = debug.getinfo(use, "S").short_src
    local f = ("function <%s:%d>"):format(source, line)
    assert.equal("cannot pack argument 2: upvalue 'conn' of " .. f
      .. ": field 'sock': file handle", why(print, use))
    assert.equal("cannot pack argument 1: field 'cb': upvalue 'conn' of " .. f
      .. ": field 'sock': file handle", why({ cb = use }))
  end)

  it("names the results of __transfer", function()
    local function object(transfer)
      return { setmetatable({}, { __transfer = transfer }) }
    end
    assert.equal("cannot pack argument 1: index 1: __transfer result 2: "
      .. "file handle", why(object(function() return "a.b", file end)))
    assert.matches("^cannot pack argument 1: index 1: __transfer: .*: oops$",
      why(object(function() error("oops") end)))
    assert.equal("cannot pack argument 1: index 1: __transfer did not return "
      .. '"module.function"', why(object(function() return {} end)))
    assert.matches("an object in its own __transfer$",
      why(object(function(self) return "a.b", { self } end)))
  end)

  it("shortens long paths and names", function()
    local deep = { file }
    for _ = 1, 1000 do deep = { deep } end
    local text = why(deep)
    assert.is_true(#text < 1000)
    assert.matches("index 1: %.%.%.: index 1", text)
    assert.matches("field 'k+%.%.%.': file handle$",
      why({ [("k"):rep(500)] = file }))
  end)

  it("refuses what lives in the family only", function()
    assert.equal("cannot pack argument 1: field 'q': queue "
      .. "(it crosses to threads and processes only)",
      why({ q = skein.queue() }))
  end)

  it("works after an error as before", function()
    for _ = 1, 10 do
      why({ { {} }, "text", file })
      assert.same({ { {} }, "text" },
        skein.unpack(skein.pack({ { {} }, "text" })))
    end
  end)

  it("gives the same bytes for the same value", function()
    local t = { 1, "two", { 3.5 }, x = true }
    assert.equal(skein.pack(t), skein.pack(t))
  end)
end)

describe("unpack", function()
  it("checks its arguments", function()
    assert.has_error(function() skein.unpack(5) end)
    assert.has_error(function() skein.unpack() end)
    assert.has_error(function() skein.unpack(skein.pack(1), 5) end)
    local code = skein.pack(function() end)
    assert.error_matches(function() skein.unpack(code, { functions = 1 }) end,
      "functions: boolean expected, got number")
    assert.error_matches(function() skein.unpack(code, { fucntions = true }) end,
      "unknown option 'fucntions'")
  end)

  it("refuses functions unless told", function()
    local s = skein.pack({ f = function() return 5 end })
    assert.matches("function", refusal(s))
    assert.matches("function", refusal(s, { functions = false }))
    assert.equal(5, skein.unpack(s, { functions = true }).f())
    assert.matches("function", refusal(skein.pack(print)))
  end)

  it("takes objects from this process", function()
    local point = skein.unpack(skein.pack(shapes.Point.new(1, 2)))
    assert.equal(3, point:sum())
    local circle = skein.unpack(skein.pack(shapes.Circle.new(3)))
    assert.equal(3, circle.radius)
  end)

  it("makes no calls for strangers", function()
    local s = skein.pack(shapes.Circle.new(3, "stranger"))
    local before = shapes.built()
    for i = 1, #s do
      local byte = string.char(s:byte(i) ~ 1)
      pcall(skein.unpack, s:sub(1, i - 1) .. byte .. s:sub(i + 1))
    end
    assert.equal(before, shapes.built())
    local forged = s:gsub("stranger", "intruder")
    assert.matches("built by 'spec.wire_shapes.Circle.new'", refusal(forged))
  end)

  it("reports a constructor that fails", function()
    local object = setmetatable({}, {
      __transfer = function() return "spec.wire_shapes.fail" end
    })
    assert.matches("cannot be made", refusal(skein.pack(object)))
    getmetatable(object).__transfer = function() return "spec.nowhere.new" end
    assert.matches("spec.nowhere", refusal(skein.pack(object)))
    getmetatable(object).__transfer = function()
      return "spec.wire_shapes.list"
    end
    assert.matches("not a function", refusal(skein.pack(object)))
  end)

  it("answers what is no message with an error", function()
    assert.matches("^malformed message", refusal(""))
    assert.matches("^malformed message", refusal("hello"))
    assert.matches("^malformed message", refusal(skein.pack(1) .. "x"))
    assert.matches("^malformed message", refusal(("\255"):rep(1000)))
  end)
end)

describe("a hostile string", function()
  local shared = { "shared" }
  local messages = {
    skein.pack(1, -2, 3.5, nil, true, "x", ("y"):rep(100)),
    skein.pack({ 1, 2, { shared, shared, k = { 300, 70000, 1 << 40 } } }),
    skein.pack(setmetatable({ a = 1 }, { __index = { b = 2 } })),
    skein.pack({ "abc", "abc", "abc", [{}] = ("z"):rep(50), s = ("z"):rep(50) }),
    skein.pack(shapes.Point.new(1, { shapes.Point.new(2, 3) })),
    skein.pack(shapes.Circle.new(1, { "label" })),
  }

  it("is an error if it is cut off anywhere", function()
    for _, s in ipairs(messages) do
      for n = 0, #s - 1 do refusal(s:sub(1, n)) end
    end
  end)

  it("is an error or a value if bytes are changed", function()
    math.randomseed(12345)
    for _, s in ipairs(messages) do
      for _ = 1, 3000 do
        local bytes = { s:byte(1, -1) }
        for _ = 1, math.random(3) do
          bytes[math.random(#bytes)] = math.random(0, 255)
        end
        local ok, v = pcall(skein.unpack, string.char(table.unpack(bytes)))
        if ok then
          pcall(skein.pack, v)
        else
          assert.equal("transfer", v.kind)
        end
      end
    end
  end)

  it("is an error or a value if it is noise", function()
    math.randomseed(54321)
    for _ = 1, 20000 do
      local bytes = { 0xA4 + math.random(0, 3) }
      for i = 2, math.random(2, 40) do
        bytes[i] = math.random(3) > 1 and math.random(0x9E, 0xC8)
          or math.random(0, 255)
      end
      local ok, err = pcall(skein.unpack, string.char(table.unpack(bytes)))
      assert(ok or err.kind == "transfer")
    end
  end)

  it("does not make us allocate more than it has bytes for", function()
    collectgarbage()
    local before = collectgarbage("count")
    collectgarbage("stop")
    local nested = ("\xC2\xFF\x7F\x00"):rep(4000) -- each claims the rest
    for _, s in ipairs({
      "\xA4\x01\xC2\xFF\xFF\xFF\xFF\x07\x00",
      "\xA4\x01\xC2\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F\x00",
      "\xA4\x01\xB0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F",
      "\xA4\xFF\xFF\xFF\xFF\x07", "\xA4\x01" .. nested,
    }) do
      refusal(s)
    end
    local used = collectgarbage("count") - before
    collectgarbage("restart")
    assert.is_true(used < 2000)
  end)

  it("may be nested very deeply", function()
    refusal("\xA4\x01" .. ("\xC2\x01\x00"):rep(300000))
    refusal("\xA4\x01" .. ("\xC2\x01\x00"):rep(1000000) .. "\xA0")
  end)
end)
