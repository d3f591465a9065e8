--- A server of tasks that leaves what needs the processor to a pool.
-- What to see: three clients ask at the same time, each through a pipe. For
-- each the server has a task; those wait for the pool, which has two workers,
-- so the third answer comes last. Meanwhile the server goes on ticking.

local skein = require("skein")

local second = tonumber(arg and arg[1]) or 0.2
local start = skein.now()

local function say(form, ...)
  local line = form:format(...)
  io.write(("%.3f s  %s\n"):format(skein.now() - start, line)):flush()
end

--- Hard work, for about so long: how often a number fits into the time.
local function work(seconds)
  local due = skein.now() + seconds
  local sum = 0
  while skein.now() < due do sum = sum + 1 end
  return sum > 0
end

local function client(name, wire)
  wire:send(1)
  local ok = wire:recv()
  say("client %s has its answer: %s", name, ok)
  wire:close()
end

--- Answers one client until it hangs up.
local function serve(pool, name, wire)
  while true do
    local seconds, why = wire:recv()
    if why then break end
    say("server: %s asks for the work of a second", name)
    wire:send((pool:apply(work, seconds * second)))
  end
  say("server: %s has hung up", name)
end

local ends, clients = {}, {}
for i = 1, 3 do
  local ours, theirs = skein.pipe()
  ends[i] = ours
  clients[i] = skein.process(client, ("ABC"):sub(i, i), theirs)
  theirs:close()
end

skein.run(function()
  local pool <close> = skein.pool(2)
  local ticks = 0
  skein.task(function()
    for n in skein.every(second / 10) do ticks = n end
  end)
  skein.group(function(group)
    for i, wire in ipairs(ends) do group:task(serve, pool, ("ABC"):sub(i, i), wire) end
  end)
  say("all are served; the server ticked %s", ticks >= 10 and "on" or "too little")
end)
for _, process in ipairs(clients) do process:get() end
