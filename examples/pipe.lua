--- A pipe between a parent and its child.
-- What to see: each end sends and receives; `recv` waits for what has not
-- come yet, `poll(0)` only looks. What arrives is a copy of what was sent.

local skein = require("skein")

local second = tonumber(arg and arg[1]) or 0.2
local start = skein.now()

local function say(form, ...)
  local line = form:format(...)
  io.write(("%.3f s  %s\n"):format(skein.now() - start, line)):flush()
end

local function send(pipe, who, content)
  say("%s sends", who)
  pipe:send(content)
  say("%s has sent", who)
end

local function recv(pipe, who)
  say("%s waits for something to come", who)
  local content = pipe:recv()
  local text = type(content) == "table" and table.concat(content, ", ")
  say("%s receives: %s", who, text or content)
end

local function work(pipe)
  recv(pipe, "son")
  skein.sleep(second)
  send(pipe, "son", 142857)
end

local here, there = skein.pipe()
local son = skein.process(work, there)
skein.sleep(second)
send(here, "main", { "hello", "hello", "hi" })
say("main looks whether something is there: %s", here:poll(0) == true)
recv(here, "main")
son:join()
