--- Large contents of dicts and values are read where they are, while others
--- replace them.

local skein = require("skein")
local support = require("spec.support")
local family = require("spec.family")
local peers = require("spec.peers")

local MIB = 1 << 20

--- What it is of one character all through, or nil.
local function uniform(s)
  return s == s:sub(1, 1):rep(#s) and s:sub(1, 1)
end

local function letter(i)
  return string.char(97 + i % 26)
end

--- What has a large content: a function that sets it, and one that gets it.
local kinds = {
  value = function()
    local v = skein.value("a")
    return function(s) v:set(s) end, function() return v:get() end
  end,
  dict = function()
    local d = skein.dict()
    d:set("k", "a")
    return function(s) d:set("k", s) end, function() return d:get("k") end
  end,
  pairs = function()
    local d = skein.dict()
    d:set("k", "a")
    return function(s)
      d:set("k", s)
      d:set(#s % 7, s)
    end, function()
      local got
      for k, s in d:pairs() do
        assert(uniform(s))
        if k == "k" then got = s end
      end
      return got
    end
  end,
}

--- A test that leaves neither a process nor a byte of the family's memory behind.
local function clean(body) return family.test(peers.clean(body)) end

describe("a large content", function()
  for kind, make in pairs(kinds) do
    it("is read whole while it is replaced: " .. kind, clean(function()
      local set, get = make()
      local stop = skein.event()
      local readers = {}
      for i = 1, 2 do
        readers[i] = skein.process(function()
          local n = 0
          repeat
            assert(uniform(get()))
            n = n + 1
          until stop:is_set()
          return n
        end)
      end
      for i = 1, 150 do set(letter(i):rep(i * 7919 % 300000 + 1)) end
      stop:set()
      for i = 1, 2 do assert.is_true(readers[i]:get() > 0) end
      assert.equal(letter(150), uniform(get()))
    end))

    it("is given back when readers are killed: " .. kind, clean(function()
      local set, get = make()
      set(("x"):rep(MIB))
      for i = 1, 8 do
        local begun = skein.event()
        local p = skein.process(function()
          get()
          begun:set()
          while true do get() end
        end)
        begun:wait()
        for n = 1, 5 do set(letter(n):rep(MIB // 2 + i)) end
        p:kill()
        set(letter(i):rep(MIB))
        p:join()
        set(("x"):rep(MIB))
      end
      assert.equal("x", uniform(get()))
    end))
  end

  --- While `read` stands still, somewhere, others change what is small.
  local function holds_up_nobody(d, read) return family.test(function()
    local changes = skein.value("int64", 0)
    local reader = skein.process(read)
    local writer = skein.process(function()
      while true do
        d:set("small", { 1 })
        changes:add(1)
      end
    end)
    --- Did the writer get on?
    local function gets_on()
      local before, due = changes:get(), skein.now() + 5
      repeat skein.sleep(0.002) until changes:get() > before + 2
        or skein.now() > due
      return changes:get() > before + 2
    end
    assert.is_true(gets_on())
    local stuck = 0 -- it may once stand still in one of the short changes
    for i = 1, 60 do
      if stuck > 1 then break end
      skein.sleep((i % 13 + 1) / 1700)
      reader:signal("STOP")
      family.sleeps(reader.pid)
      if not gets_on() then stuck = stuck + 1 end
      reader:signal("CONT")
    end
    reader:kill()
    writer:kill()
    reader:join()
    writer:join()
    assert.is_true(stuck <= 1)
  end) end

  it("does not hold up who changes another key", function()
    local d = skein.dict()
    d:set("large", ("x"):rep(64 * MIB))
    holds_up_nobody(d, function()
      while true do assert(#d:get("large") == 64 * MIB) end
    end)()
  end)

  it("does not hold up who changes another key as a key itself", function()
    local d, key = skein.dict(), ("x"):rep(64 * MIB)
    d:set(key, 1)
    holds_up_nobody(d, function()
      while true do assert(d:get(key) == 1) end
    end)()
  end)

  it("of a dict can be replaced while one iterates", support.task(function()
    local d = skein.dict()
    for i = 1, 20 do d:set(i, letter(i):rep(10000)) end
    local seen = {}
    for k, s in d:pairs() do
      for i = 1, 20 do d:set(i, "new") end
      assert.equal(letter(k), uniform(s))
      seen[#seen + 1] = k
    end
    table.sort(seen)
    assert.equal(20, #seen)
    assert.same({ 1, 20 }, { seen[1], seen[20] })
  end))

  it("that calls back may be read inside of another one", support.task(function()
    local v, d = skein.value({ "a" }), skein.dict()
    package.loaded["spec.loaned"] = {
      make = function(s) return { d:get("k"), v:get()[1], s } end,
    }
    local meta = { __transfer = function(self)
      return "spec.loaned.make", self[1]
    end }
    d:set("k", ("y"):rep(MIB))
    local outer = skein.value(setmetatable({ ("z"):rep(MIB) }, meta))
    local got = outer:get()
    assert.same({ "y", "a", "z" }, { uniform(got[1]), got[2], uniform(got[3]) })
    package.loaded["spec.loaned"] = nil
  end))
end)
