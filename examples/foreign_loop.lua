--- skein as the guest of an event loop of somebody else: luv's.
-- What to see: luv's timer and skein's tasks take turns in one thread, and a
-- process answers meanwhile. Without luv it says that it is skipped.

local found, uv = pcall(require, "luv")
if not found then
  print("skipped: this example needs luv (luarocks install luv)")
  return
end

local skein = require("skein")

local second = tonumber(arg and arg[1]) or 0.2

local start = skein.now()

local function say(...)
  io.write(("%.3f s  "):format(skein.now() - start), ...):write("\n"):flush()
end

--- Lets skein's tasks run in luv's loop, until the function returned is called.
local function attach()
  local before, after = uv.new_prepare(), uv.new_check()
  local news, timer = uv.new_poll(skein.loop.fd()), uv.new_timer()
  local function wake() end -- 'after' does the work
  before:start(function() -- luv is about to sleep: until when?
    local due = skein.loop.deadline()
    timer:stop()
    uv.update_time()
    if due then timer:start(math.ceil(due * 1000), 0, wake) end
  end)
  after:start(skein.loop.step)
  news:start("r", wake)
  return function()
    for _, handle in ipairs { before, after, news, timer } do handle:close() end
  end
end

local detach = attach()

local ticker = uv.new_timer()
ticker:start(0, math.ceil(second * 1000), function() say("luv: tick") end)

skein.task(function()
  local answer = skein.process(function() return 6 * 7 end)
  skein.sleep(1.5 * second)
  say("skein: slept")
  say("skein: the process says ", answer:get())
  skein.sleep(second)
  say("skein: done")
  ticker:close()
  detach()
end)

uv.run()
