--- Processes that are killed while they begin.

local skein = require("skein")
local family = require("spec.family")
local shell = require("spec.shell")

--- Does nothing for about so long.
local function dawdle(seconds)
  local due = skein.now() + seconds
  while skein.now() < due do end
end

setup(family.server)

describe("a process that is killed at its birth", function()
  it("keeps nobody from being woken", family.test(function()
    local questions, answers = skein.queue(), skein.queue()
    local sleeper <close> = skein.process({ daemon = true }, function()
      for q in questions:items() do answers:put(q) end
    end)
    for i = 1, 400 do
      local newborn = skein.process(function() end)
      dawdle(i % 100 * 5e-6)
      newborn:kill()
      newborn:join()
      if i % 4 == 0 then
        questions:put(i)
        assert.equal(i, answers:get(5))
        family.sleeps(sleeper.pid)
      end
    end
    questions:close()
    sleeper:join()
  end))

  it("leaves nothing, whoever forked it", family.test(function()
    for i = 1, 200 do
      local newborn = skein.process({ method = "server" }, skein.sleep, 60)
      dawdle(i % 100 * 5e-6)
      newborn:kill()
      newborn:join()
    end
  end))
end)

local function contents(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

describe("a forked child", function()
  it("writes what is buffered in files that it leaves open", function()
    shell.scratch(function(dir)
      local before = assert(io.open(dir .. "/before", "w"))
      assert(before:setvbuf("full"))
      before:write("once\n")
      local child <close> = skein.process(function()
        local mine = assert(io.open(dir .. "/mine", "w"))
        mine:setvbuf("full")
        mine:write("left open\n")
        before:write("by the child\n")
      end)
      child:get(20)
      before:close()
      assert.equal("left open\n", contents(dir .. "/mine"))
      assert.equal("once\nby the child\n", contents(dir .. "/before"))
    end)
  end)

  it("keeps its name and its stack while it has children", family.test(function()
    local function generation(n)
      collectgarbage()
      if n == 0 then return skein.self().name end
      local child <close> = skein.process({ name = "child " .. n }, generation, n - 1)
      local another <close> = skein.process({ name = "another" }, skein.self)
      local names = child:get(20)
      assert(another:get(20).name == "another")
      collectgarbage()
      collectgarbage()
      return skein.self().name .. ", " .. names
    end
    assert.equal("main, child 3, child 2, child 1", generation(3))
  end))

  it("catches no signal that its parent caught", function()
    local status, said = shell.run(("timeout -s KILL 20 tools/lua -e '%s'"):format([[
local skein = require("skein")
local function caught()
  local text = io.open("/proc/self/status"):read("a")
  return tonumber(text:match("SigCgt:%s*(%x+)"), 16) & (1 << 1 | 1 << 9)
end
local signals = skein.signal("INT", "USR1")
skein.sleep(0)
assert(caught() == (1 << 1 | 1 << 9))
assert(skein.process(caught):get(10) == 0)
assert(caught() == (1 << 1 | 1 << 9))
signals:close()
]]))
    assert.equal("", said)
    assert.equal(0, status)
  end)

  it("is not another one that a finalizer starts", family.test(function()
    local others = {}
    local function startanother()
      others[#others + 1] = skein.process(function() return "another" end)
    end
    local function litter()
      for _ = 1, 20 do setmetatable({}, { __gc = startanother }) end
    end
    collectgarbage("incremental", 1, 1000, 4) -- a step each 16 bytes
    for i = 1, 20 do
      litter()
      local child <close> = skein.process(function(...) return i, select("#", ...) end,
        table.unpack({}, 1, i))
      assert.same({ i, i }, { child:get(20) })
    end
    collectgarbage("incremental", 200, 100, 13)
    collectgarbage()
    assert.is_true(#others > 0)
    for _, other in ipairs(others) do assert.equal("another", other:get(20)) end
  end))
end)
