--- Storms of worker deaths, short ones: see tools/storm/pool.lua.

local family = require("spec.family")
local support = require("spec.support")
local storm = require("tools.storm.pool")[1].run

describe("a storm of worker deaths", function()
  setup(family.server)

  for seed = 1, 3 do
    it("costs no more than the jobs that it hits, seed " .. seed, support.task(function()
      math.randomseed(seed)
      local kills, jobs = 0, 0
      repeat -- how many fit into the time is the machine's affair
        local said = storm({ seconds = 1.5, random = math.random })
        local k, n = said:match("^(%d+) kills, (%d+) jobs")
        kills, jobs = kills + tonumber(k), jobs + tonumber(n)
      until kills > 20 and jobs > 50
    end))
  end
end)
