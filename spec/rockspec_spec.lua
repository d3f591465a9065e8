--- The rockspec builds and installs every source file, and nothing else.

local function lines(command)
  local found = {}
  for line in assert(io.popen(command)):lines() do found[#found + 1] = line end
  table.sort(found)
  return found
end

--- The module that the Lua file at `path` is.
local function module_of(path)
  local name = path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", "")
  return (name:gsub("/", "."))
end

describe("rockspec", function()
  local rock = {}
  assert(loadfile("skein-scm-1.rockspec", "t", rock))()

  it("builds every C file", function()
    local sources = rock.build.modules["skein.core"].sources
    local sorted = table.move(sources, 1, #sources, 1, {})
    table.sort(sorted)
    assert.same(lines("ls src/*.c"), sorted)
  end)

  it("installs every Lua file under its module's name", function()
    local expected, installed = {}, {}
    for _, path in ipairs(lines("find lua -name '*.lua'")) do
      expected[module_of(path)] = path
    end
    for name, file in pairs(rock.build.modules) do
      if type(file) == "string" then installed[name] = file end
    end
    assert.same(expected, installed)
  end)

  it("has the version that the module tells", function()
    local version = require("skein")._VERSION
    assert.equal(rock.package .. " " .. rock.version, version)
  end)
end)
