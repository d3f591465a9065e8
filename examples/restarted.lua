--- A worker that is restarted: whatever ends it, the next one goes on.
-- What to see: jobs 4 and 8 take down the process that works on them. The
-- supervisor says which job it was, waits a little longer each time, and
-- starts another worker, which goes on with the next job. Nothing else is
-- lost: the queue belongs to nobody in particular.

local skein = require("skein")

local second = tonumber(arg and arg[1]) or 0.2
local jobs, results = skein.queue(), skein.queue()
local current = skein.value(0) -- the job under way; it outlives the worker

local function work()
  for n in jobs:items() do
    current:set(n)
    if n % 4 == 0 then os.exit(1) end -- what a bad job may do
    results:put(n * n)
    current:set(0)
  end
end

local function supervise()
  local pause = second / 10
  for number = 1, 10 do
    local worker = skein.process({ name = "worker " .. number }, work)
    worker:join()
    if worker:status() == "finished" then return worker.name end
    print(("%s left with code %d in job %d"):format(worker.name, worker:exitcode(), current:get()))
    current:set(0)
    skein.sleep(pause)
    pause = math.min(2 * pause, second) -- a worker that cannot live is no storm
  end
  error("no worker lasts")
end

for n = 1, 9 do jobs:put(n) end
jobs:close()
print(supervise() .. " has done the rest")
results:close()
local list = {}
for square in results:items() do list[#list + 1] = square end
print("results: " .. table.concat(list, " "))
