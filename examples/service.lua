--- A service that ends cleanly on SIGTERM: what was accepted is finished.
-- What to see: the service is a process of its own. Of six requests two are
-- under way when it is told to end; it takes no more, finishes all that
-- were accepted, and leaves with code 0. SIGTERM is an item of a channel
-- here, so the code that answers to it is ordinary code.

local skein = require("skein")

local second = tonumber(arg and arg[1]) or 0.2
local requests, answers = skein.queue(), skein.queue()

local function serve()
  local signals = skein.signal("TERM", "INT")
  skein.run(function()
    local workers = {}
    for i = 1, 2 do
      workers[i] = skein.task(function()
        for n in requests:items() do
          skein.sleep(second)
          answers:put(n * n)
        end
      end)
    end
    print("service: told to end by " .. signals:get())
    requests:close() -- no more; what is inside is worked off
    skein.all(workers)
    print("service: all done")
  end)
end

local service = skein.process({ name = "service" }, serve)
for n = 1, 6 do requests:put(n) end
skein.sleep(second / 2)
service:signal("TERM")
service:join()
print("main: the service left with code " .. service:exitcode())
print("main: one more request:", requests:put(7))
print("main: answers: " .. answers:size())
