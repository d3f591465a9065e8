--- Processes that are killed while they begin.

local skein = require("skein")
local family = require("spec.family")

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
