--- A queue among three processes.
-- What to see: anyone puts, anyone gets. Whoever asks an empty queue waits,
-- and the card that comes goes to the one that asked first.

local skein = require("skein")

local second = tonumber(arg and arg[1]) or 0.2
local start = skein.now()

local function say(form, ...)
  local line = form:format(...)
  io.write(("%.3f s  %s\n"):format(skein.now() - start, line)):flush()
end

local function put(queue, who)
  queue:put("card from " .. who)
  say("%s has put", who)
end

local function get(queue, who)
  say("%s wants to get", who)
  say("%s gets: %s", who, queue:get())
end

local function put_and_get(queue, delay, who)
  skein.sleep(delay * second)
  put(queue, who)
  skein.sleep(5 * second)
  get(queue, who)
end

local function get_and_put(queue, delay, who)
  skein.sleep(delay * second)
  get(queue, who)
  skein.sleep(5 * second)
  put(queue, who)
end

local queue = skein.queue()
local children = {
  skein.process(put_and_get, queue, 0, "ann"),
  skein.process(get_and_put, queue, 1, "bob"),
  skein.process(get_and_put, queue, 2, "cid"),
}
for _, child in ipairs(children) do child:join() end
say("the queue holds %d cards", queue:size())
