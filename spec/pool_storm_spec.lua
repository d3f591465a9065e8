--- Storms of worker deaths, short ones: see tools/storm/pool.lua.

local family = require("spec.family")
local support = require("spec.support")
local storm = require("tools.storm.pool")[1].run

describe("a storm of worker deaths", function()
  setup(family.server)

  for seed = 1, 3 do
    it("costs no more than the jobs that it hits, seed " .. seed, support.task(function()
      math.randomseed(seed)
      local said = storm({ seconds = 1.5, random = math.random })
      local kills, jobs = said:match("^(%d+) kills, (%d+) jobs")
      -- how many fit into the time is the machine's affair
      assert.is_true(tonumber(kills) > 0 and tonumber(jobs) > 0, said)
    end))
  end
end)
