--- Cancels, timeouts, selects and closes at random instants: every item that
--- was put is got exactly once, or is still there, and nobody stays behind.

local core = require("skein.core")
local skein = require("skein")
local support = require("spec.support")

--- A generator of its own, so that a seed tells the whole story.
local function dice(seed)
  return function(n)
    seed = (seed * 6364136223846793005 + 1442695040888963407)
    return (seed >> 33) % n + 1
  end
end

local function chaos(seed)
  local roll = dice(seed)
  local channels, put, got, tasks = {}, {}, {}, {}
  for i = 1, 4 do
    local order = ({ "fifo", "lifo", "priority" })[roll(3)]
    channels[i] = skein.channel { capacity = roll(3) - 1, order = order }
  end

  local item = 0
  local function give(c)
    item = item + 1
    local mine = item
    local ok, done
    if roll(3) == 1 then
      local other = channels[roll(4)]
      ok, done = pcall(skein.select, { { c, "put", mine }, { other, "put", mine } },
        roll(2) == 1 and 0.0002 * roll(5) or nil)
    else
      ok, done = pcall(c.put, c, mine, roll(2) == 1 and 0.0002 * roll(5) or nil)
    end
    if ok and done then put[mine] = true end
    if not ok then error(done, 0) end
  end

  local function take(c)
    local ok, a, b
    if roll(3) == 1 then
      ok, a, b = pcall(skein.select, { c, channels[roll(4)] },
        roll(2) == 1 and 0.0002 * roll(5) or nil)
      if ok and a then a = b elseif ok then a = nil end
    else
      ok, a = pcall(c.get, c, roll(2) == 1 and 0.0002 * roll(5) or nil)
    end
    if not ok then error(a, 0) end
    if a then got[a] = (got[a] or 0) + 1 end
  end

  local function work()
    for _ = 1, 20 do
      local act = roll(2) == 1 and give or take
      local c = channels[roll(4)]
      if roll(4) == 1 then
        pcall(skein.timeout, 0.0001 * roll(6), act, c)
      else
        act(c)
      end
      if roll(5) == 1 then skein.yield() end
    end
  end

  for i = 1, 30 do tasks[i] = skein.task(work) end
  for _ = 1, 40 do
    skein.sleep(0.0001 * roll(5))
    tasks[roll(30)]:cancel()
  end
  for _, t in ipairs(tasks) do
    t:cancel()
    t:join()
    t:error()
  end
  for _, c in ipairs(channels) do
    c:close()
    for v in c:items() do got[v] = (got[v] or 0) + 1 end
  end
  for v, n in pairs(got) do
    assert.equal(1, n, "item " .. v .. " was got more than once")
    assert.is_true(put[v], "item " .. v .. " was got but never put")
  end
  for v in pairs(put) do
    assert.is_truthy(got[v], "item " .. v .. " was lost")
  end
end

describe("chaos", function()
  for seed = 1, 12 do
    it("loses nothing, seed " .. seed, support.task(function() chaos(seed) end))
  end

  it("leaves no task", function()
    collectgarbage()
    assert.equal(0, core.live())
  end)
end)
