-- A task, a process and a thread side by side; all three sleep at once.
local skein = require "skein"

local function work(where, n)
  skein.sleep(0.2)
  return where .. " " .. n * n
end

local start = skein.now()
local a = skein.task(work, "task", 1)        -- a coroutine in this thread
local b = skein.process(work, "process", 2)  -- an OS process
local c = skein.thread(work, "thread", 3)    -- an OS thread, no global lock
print(a:get(), b:get(), c:get())             -- one kind of handle for all
print(("%.1f s"):format(skein.now() - start))
