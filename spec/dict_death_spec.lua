--- A process dies at each step of what it does with dicts and arrays. See
--- death_spec.lua.

local core = require("skein.core")
local skein = require("skein")
local family = require("spec.family")
local peers = require("spec.peers")
local at_each_step = peers.at_each_step

if not core.doom(0) then return end

--- What is in the dict; it is sane, and can be used.
local function content(d)
  local t, n = {}, 0
  for k, v in d:pairs() do
    n = n + 1
    t[k] = v
    assert.same(v, d:get(k))
  end
  assert.equal(n, #d)
  d:set("probe", { "x" })
  assert.same({ "x" }, d:get("probe"))
  d:delete("probe")
  assert.equal(n, #d)
  return t
end

local function dict(t)
  local d = skein.dict()
  for k, v in pairs(t) do d:set(k, v) end
  return d
end

--- After a death in `change` the dict is as `before`, or as `after`.
local function dies_in(change, before, after)
  return peers.clean(function()
    at_each_step(function() return { d = dict(before) } end,
      function(scene) change(scene.d) end,
      function(scene, died)
        local now = content(scene.d)
        if died and pcall(assert.same, before, now) then return end
        assert.same(after, now)
      end)
  end)
end

local full = {}
for i = 1, 8 do full[i] = { i } end
local fuller = { table.unpack(full) }
fuller[9] = "x"

describe("a death at any step", function()
  setup(peers.warm)

  it("of setting what is new", dies_in(function(d) d:set("k", { 1 }) end,
    { a = 1 }, { a = 1, k = { 1 } }))

  it("of setting what there is", dies_in(function(d) d:set("k", "new") end,
    { k = { "old" }, a = 1 }, { k = "new", a = 1 }))

  it("of deleting", dies_in(function(d) d:delete("k") end,
    { k = { "old" }, a = 1 }, { a = 1 }))

  it("of adding", dies_in(function(d) d:add("k", 2) end,
    { k = 1 }, { k = 3 }))

  it("of adding to nothing", dies_in(function(d) d:add("k", 2) end,
    {}, { k = 2 }))

  it("of adding a float", dies_in(function(d) d:add("k", 0.5) end,
    { k = 1 }, { k = 1.5 }))

  local large = ("k"):rep(20000)

  it("of setting what has a large key", dies_in(
    function(d) d:set(large, "new") end,
    { [large] = { "old" }, a = 1 }, { [large] = "new", a = 1 }))

  it("of adding to what has a large key", dies_in(
    function(d) d:add(large, 0.5) end,
    { [large] = 1, a = 1 }, { [large] = 1.5, a = 1 }))

  it("of deleting what has a large key", dies_in(
    function(d) d:delete(large) end,
    { [large] = { "old" }, a = 1 }, { a = 1 }))

  it("of growing", dies_in(function(d) d:set(9, "x") end, full, fuller))

  it("of shrinking", peers.clean(function()
    at_each_step(
      function()
        local d = skein.dict()
        for i = 1, 40 do d:set(i, i) end
        for i = 9, 40 do d:delete(i) end -- eight, and 64 marks
        return { d = d }
      end,
      function(scene)
        scene.d:delete(8)
        scene.d:set(9, 9)
        scene.d:delete(7)
      end,
      function(scene)
        local d, now = scene.d, content(scene.d)
        for i = 1, 6 do assert.equal(i, now[i]) end
        assert.is_true(now[9] == nil or now[8] == nil)
        assert.is_true(now[7] == 7 or now[9] == 9)
        for i = 1, 40 do d:set(i, -i) end
        for i = 1, 40 do assert.equal(-i, d:get(i)) end
        for i = 1, 40 do d:delete(i) end
        assert.equal(0, #d)
      end)
  end))

  it("of updating", dies_in(
    function(d) d:update("k", function(old) return { old } end) end,
    { k = 1 }, { k = { 1 } }))

  --- What `get` reads is replaced when its reader is dead, and not swept yet.
  local function dies_reading(make)
    return peers.clean(function()
      local n, died = 0, true
      while died do
        n = n + 1
        local set, get = make()
        set(("x"):rep(20000))
        local p = skein.process(function()
          core.doom(n)
          get()
          core.doom(0)
        end)
        while family.runs(p.pid) do end
        set(("y"):rep(20000))
        set("z")
        p:join()
        died = p:exitcode() ~= 0
        assert.equal("z", get())
      end
      assert.is_true(n > 3)
    end)
  end

  it("of reading a large value", dies_reading(function()
    local v = skein.value("")
    return function(s) v:set(s) end, function() return v:get() end
  end))

  it("of reading what is large in a dict", dies_reading(function()
    local d = skein.dict()
    return function(s) d:set("k", s) end, function() return d:get("k") end
  end))

  it("of looking for a large key", dies_reading(function()
    local d = skein.dict()
    return function(s) d:set(large, #s) end, function()
      return ({ [20000] = "many", [1] = "z" })[d:get(large)]
    end
  end))

  it("of reading all that is in a dict", dies_reading(function()
    local d = skein.dict()
    return function(s)
      d:set("k", s)
      d:set("l", s)
    end, function()
      local last
      for _, s in d:pairs() do last = s end
      return last
    end
  end))

  it("of making one, and of being the last to have one", peers.clean(function()
    at_each_step(function() return {} end,
      function()
        local d = dict({ 1, "x", { 2 }, a = true })
        local a = skein.array("int32", 100)
        a:with(function() a:add(1, d:get(1)) end)
        d, a = nil, nil
        collectgarbage()
        return d, a
      end,
      function() collectgarbage() end)
  end))
end)
