--- What a switch, a channel operation, a timeout scope and the like do not do:
--- ask the allocator, keep references in the registry, call the system.

local shell = require("spec.shell")
local steady = require("spec.steady")
local support = require("spec.support")

--- That this was found for every operation, at top level and in a task; and for
--- the control, that `busy(found)`.
local function check(value, found, busy)
  local expected = {}
  for name in pairs(steady) do
    expected[name .. " at top level"] = value
    expected[name .. " in a task"] = value
  end
  assert.is_true(busy(found["control "]), "the control was not noticed")
  found["control "], found.glances, found["switch and watch"] = nil, nil, nil
  assert.same(expected, found)
end

local function many(n) return n >= 5000 end

--- What costs.lua prints, started with `before` in front of the interpreter.
local function costs(before, way)
  local code, output = shell.run(table.concat({ "timeout 60", before,
    support.lua, "spec/costs.lua", way }, " "))
  assert(code == 0, output)
  return output
end

local function counted(output)
  local found = {}
  for name, n in output:gmatch("([^\n]+)\t(%d+)\n") do
    found[name] = math.tointeger(n)
  end
  return found
end

--- The calls of the system in each operation, of a trace by strace.
local function calls(trace)
  local found, name, list, main = {}, nil, nil, nil
  for pid, line in trace:gmatch("(%d+) +([^\n]+)") do
    local begins = line:match('"/nowhere/begin/([^"]+)"')
    if begins then
      main, name, list = pid, begins, {}
    elseif line:find('"/nowhere/end"', 1, true) then
      found[name], name = list, nil
    elseif name and pid == main then
      list[#list + 1] = line
    end
  end
  found.once = nil -- the first round
  return found
end

local function can(command)
  return shell.run(command .. " >/dev/null 2>&1") == 0
end

local instrumented = os.getenv("PRELOAD")

describe("what happens again and again", function()
  it("asks the allocator for nothing", function()
    if instrumented then pending("another allocator is preloaded") end
    shell.scratch(function(dir)
      local library = shell.quote(shell.compile("spec/failing.c", dir, "failing"))
      check(0, counted(costs("env LD_PRELOAD=" .. library, "allocator " .. library)), many)
    end)
  end)

  it("leaves nothing in the registry", function()
    check(0, counted(costs("", "registry")), many)
  end)

  it("calls the system for nothing", function()
    if instrumented or not can("strace -o /dev/null true") then
      pending("no strace here, or a sanitizer with calls of its own")
    end
    shell.scratch(function(dir)
      local file = shell.quote(dir .. "/trace")
      local glances = counted(costs("strace -f -o " .. file, "system")).glances
      local _, trace = shell.run("cat " .. file)
      local found = calls(trace)
      -- While it is busy, the loop looks at descriptors once in 0.1 ms.
      local watching = found["switch and watch"]
      assert.is_true(#watching <= glances)
      for _, call in ipairs(watching) do assert.matches("epoll_p?wait", call) end
      check({}, found, function(list) return many(#list) end)
    end)
  end)
end)

describe("the library", function()
  it("has no use for luaL_ref", function()
    local core = package.searchpath("skein.core", package.cpath)
    local file <close> = assert(io.open(core, "rb"))
    assert.is_nil(file:read("a"):find("luaL_ref", 1, true))
  end)
end)
