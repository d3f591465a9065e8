--- Each promise of doc/guarantees.md names tests that exist.

local function contents(path)
  local file = io.open(path)
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

describe("doc/guarantees.md", function()
  local text = contents("doc/guarantees.md")

  it("names tests that there are", function()
    local named = 0
    for line in text:gmatch("[^\n]+") do
      if line:find("^|") then
        for file, test in line:gmatch("`([%a_]+): ([^`]+)`") do
          local spec = contents("spec/" .. file .. "_spec.lua")
          assert(spec, "no spec/" .. file .. "_spec.lua")
          assert(spec:find('"' .. test .. '"', 1, true),
            ("no test %q in spec/%s_spec.lua"):format(test, file))
          named = named + 1
        end
      end
    end
    assert.is_true(named > 40, named .. " tests")
  end)

  it("shows each promise", function()
    for line in text:gmatch("\n(|[^\n]+)") do
      if not line:find("^|%-") and not line:find("shown by |$") then
        assert(line:find("`[%a_]+: [^`]+` |$"), line)
      end
    end
  end)
end)
