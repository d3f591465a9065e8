--- The code on the pages runs and prints what they say; the links lead
--- somewhere.

local documented = require("spec.documented")

local pages = { "README.md", "doc/reference.md", "doc/design.md", "doc/performance.md",
  "doc/guide-restart.md", "doc/guide-service.md", "doc/guide-threads.md",
  "bench/results.md" }

local function quote(s) return "'" .. s:gsub("'", "'\\''") .. "'" end

--- The interpreter that runs this.
local function interpreter()
  local i = 0
  while arg and arg[i - 1] do i = i - 1 end
  return i < 0 and arg[i] or "lua5.4"
end

--- Runs code in a fresh interpreter: what it printed, and how it ended.
local function run(code)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(code)
  file:close()
  local command = ("LUA_PATH_5_4=%s LUA_CPATH_5_4=%s timeout 20 %s %s 2>&1")
    :format(quote(package.path), quote(package.cpath),
      quote(interpreter()), quote(path))
  local pipe = assert(io.popen(command))
  local out = pipe:read("a")
  local ok = pipe:close()
  os.remove(path)
  return (out:gsub("\t", " "):gsub("%s+$", "")), ok
end

local function assert_none(list)
  table.sort(list)
  assert.equal("", table.concat(list, "\n"))
end

describe("the pages", function()
  for _, page in ipairs(pages) do
    for _, block in ipairs(documented.blocks(page)) do
      it(("shows code that runs: %s:%d"):format(page, block.line), function()
        local out, ok = run(block.code)
        assert(ok, out)
        if block.prints ~= "" then assert.equal(block.prints, out) end
      end)
    end
  end

  it("have links that lead somewhere", function()
    local broken = {}
    for _, page in ipairs(pages) do
      local folder = page:match("^(.*/)") or ""
      for _, link in ipairs(documented.links(page)) do
        local path, anchor = link:match("^([^#]*)#?(.*)$")
        local target = path == "" and page or folder .. path
        local file = not link:find("^%a+:") and io.open(target)
        if file then file:close() end
        if not link:find("^%a+:") and (not file or anchor ~= ""
            and not documented.anchors(target)[anchor]) then
          broken[#broken + 1] = page .. ": " .. link
        end
      end
    end
    assert_none(broken)
  end)
end)

describe("the README", function()
  it("quotes the first example as it is", function()
    assert.equal(documented.read("examples/hello.lua"),
      documented.blocks("README.md")[1].code)
  end)

  it("shows an example that prints what it says", function()
    local out = run(documented.read("examples/hello.lua"))
    assert.truthy(out:find("^task 1 process 4 thread 9\n%d+%.%d s$"), out)
    local text = documented.read("README.md")
    assert.truthy(text:find("`task 1`, `process 4`, `thread 9`", 1, true))
  end)

  it("links every example", function()
    local text = documented.read("README.md")
    local list <close> = assert(io.popen("ls examples/*.lua"))
    local missing = {}
    for path in list:lines() do
      if not text:find("](" .. path .. ")", 1, true) then
        missing[#missing + 1] = path
      end
    end
    assert_none(missing)
  end)
end)
