--- The storms of tools/storm/pool.lua, short ones.

local support = require("spec.support")

describe("a storm of worker deaths", function()
  for seed = 1, 3 do
    it("costs no more than the jobs that it hits, seed " .. seed, function()
      local storm = io.open("tools/storm/pool.lua"):read("a")
      local out = support.program(("local arg = { 1.5, %d } %s"):format(seed, storm))
      local kills, jobs = out:match("rounds, (%d+) kills, (%d+) jobs, .* nothing lost\n$")
      assert(kills, out)
      assert.is_true(tonumber(kills) > 20 and tonumber(jobs) > 100, out)
    end)
  end
end)
