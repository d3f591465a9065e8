--- Pipes to processes that are killed while they talk: the other end is told
--- that it is closed, and all that was answered until then was answered right.

local skein = require("skein")
local text = require("tools.storm.text")

local function echo(b)
  while true do
    local item = b:recv()
    if not item then return end
    text.check(item)
    b:send(item)
  end
end

--- Talks to a process until it is gone; how many answers it got.
local function talk(random, method, wait)
  local a, b = skein.pipe({ bytes = random(2) == 1 and 1000 or nil })
  local p = skein.process({ method = method, daemon = true }, echo, b)
  b:close()
  local killer = skein.task(function()
    skein.sleep(random() * wait)
    p:kill()
  end)
  local n, id = 0, random(1000000)
  while true do
    id = id + 1
    local ok, why = a:send(text.item(id), 10)
    assert(ok or why == "closed", "a send to the dead does not end")
    local item
    if ok then item, why = a:recv(10) end
    if not item then
      assert(why == "closed", "a receive from the dead does not end")
      break
    end
    assert(text.check(item) == id, "an answer to something else")
    n = n + 1
  end
  killer:join()
  p:join()
  a:close()
  return n
end

--- The ends of pipes go from hand to hand; who has one may die.
local function storm(options)
  local kills, answers, longest = 0, 0, 0
  local finish = skein.now() + options.seconds
  local methods = { "fork", "server" }
  skein.group(function(g)
    for i = 1, 3 do
      g:task(function()
        while skein.now() < finish do
          local method = methods[options.random(#methods)]
          local began = skein.now()
          answers = answers + talk(options.random, method, 0.02)
          kills = kills + 1
          longest = math.max(longest, skein.now() - began)
        end
        return i
      end)
    end
  end)
  return ("%d kills, %d answers; longest talk %.2f s"):format(kills, answers,
    longest)
end

return { { name = "pipe", run = storm } }
