--- A short version of make storm: see tools/storm/run.lua.

local shell = require("spec.shell")

describe("storm", function()
  it("loses nothing", function()
    local seed = os.time()
    local code, said = shell.run("timeout -s KILL 150 tools/lua " ..
      "tools/storm/run.lua 4 " .. seed)
    assert.equal(0, code, said)
    assert.is_truthy(said:find("seed " .. seed, 1, true), said)
    assert.matches("storm: nothing was lost\n$", said)
  end)
end)
