--- Memory, or what the system is asked for, fails at the n-th request, for every
--- n that an operation reaches: an error, no crash, nothing left behind, and the
--- same objects go on to serve. See failing.lua, and operations.lua for the list.

local living = require("spec.living")
local operations = require("spec.operations")
local shell = require("spec.shell")
local skein = require("skein")
local support = require("spec.support")

local instrumented = os.getenv("PRELOAD")

describe("an operation", function()
  local dir, library

  setup(function()
    dir = select(2, shell.run("mktemp -d")):match("^[^\n]+")
    library = shell.compile("spec/failing.c", dir, "failing")
  end)

  teardown(function() shell.run("rm -rf " .. shell.quote(dir)) end)

  --- All of them fail in this way; there were at least so many failures.
  local function survives(what, how, least)
    if instrumented then pending("another allocator is preloaded") end
    local code, said = shell.run(("LD_PRELOAD=%s timeout -s KILL 150 %s spec/failing.lua %s %s %s "
      .. "2>/dev/null"):format(shell.quote(library), support.lua, shell.quote(library), what, how))
    local failures = said:match("^failures\t(%d+)\n$")
    assert(code == 0 and failures, said)
    assert.is_true(tonumber(failures) >= least, said)
  end

  it("survives that memory fails once", function() survives("memory", "once", 400) end)

  it("survives that there is no more memory", function()
    survives("memory", "onwards", 400)
  end)

  it("survives that the system refuses once", function() survives("system", "once", 30) end)

  it("survives that the system refuses everything", function()
    survives("system", "onwards", 20)
  end)

  it("is in the list for every class", function()
    local listed = {}
    for name in pairs(operations) do listed[name:match("%a+$")] = true end
    local as = { process = "fork", job = "process", pool = "process", server = "net",
      stream = "net", udp = "net", ["end"] = "pipe" }
    for class in pairs(living.classes(skein)) do
      local name = class:match("%.(%a+)$"):lower()
      assert.is_true(listed[as[name] or name], class)
    end
  end)
end)
