--- Programs at work: six of them, three at a time.
-- What to see: the fourth begins when one of the first three has ended; the one
-- that fails tells its exit code; the one that takes too long is ended; and a
-- pipeline of two goes through no shell.

local skein = require "skein"

local second = tonumber(arg and arg[1]) or 0.2
local start = skein.now()

local function say(form, ...)
  local line = form:format(...)
  io.write(("%.3f s  %s\n"):format(skein.now() - start, line)):flush()
end

local jobs = {
  { "sleep", second }, { "sleep", second }, { "sleep", second },
  { "sh", "-c", "exit 3" },
  { "tr", "a-z", "A-Z", stdin = "loud" },
  { "sleep", 60, timeout = second },
}

local results = skein.map(jobs, function(job, i)
  say("%d begins: %s", i, job[1])
  local result = skein.command(job):get()
  say("%d ends", i)
  return result
end, 3)

for i, r in ipairs(results) do
  local how = r.timed_out and "took too long" or "code " .. r.code
  say("%d %s: %s%s", i, jobs[i][1], how, r.stdout ~= "" and ", wrote " .. r.stdout or "")
end

local numbers = skein.command { "seq", 1000, stdout = "pipe" }
local sevens = skein.command { "grep", "-c", 7, stdin = numbers.stdout }
say("numbers up to 1000 with a 7: %s", sevens:get().stdout:match("%d+"))
