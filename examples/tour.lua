--- A tour: every example in the order of a story, then a real job.
--
--   lua tour.lua [seconds] [argument of corpus.lua ...]
--
-- Each step says what is being shown, then runs the example and shows what it
-- prints. The number is the length of one "second" in them, 0.2 by default.
-- The exit code is 1 if a step fails.

local STORY = {
  { "Processes" },
  { "processes", "Two processes work while the main one goes on" },
  { "without_join", "Nobody joins: the main script ends first" },
  { "fork_and_spawn", "A forked child is a copy, a fresh one a white page" },
  { "main_runs_once", "A fresh child does not run the main script again" },
  { "restarted", "A worker that dies is restarted and goes on" },
  { "service", "A service finishes what it accepted when told to end" },

  { "Pools of processes" },
  { "pool", "Four tasks, three workers: the fourth waits for a free one" },
  { "pool_state", "A worker remembers what it did before" },
  { "pool_init", "An initializer runs first in every worker" },
  { "pool_results", "Results: at once, later, again and again" },
  { "pool_server", "A server of tasks with a pool for the hard work" },

  { "Processes that talk" },
  { "pipe", "A pipe between parent and child" },
  { "pipe_children", "A pipe between two children keeps what is under way" },
  { "pipe_buffer", "A full pipe makes its sender wait" },
  { "queue", "A queue: three processes pass a card round" },
  { "shared_array", "An array in shared memory: no messages at all" },
  { "bytes", "Values as bytes, to a file and back" },

  { "Threads" },
  { "threads", "Ten threads, a shared number and a lock: 55" },
  { "interactive", "Two threads compute, a task answers meanwhile" },

  { "Programs" },
  { "command", "Programs as handles: three at a time, one too slow" },
  { "reload", "A service that reloads on HUP and ends well on TERM" },

  { "Coroutines" },
  { "generator", "A generator that is sent values: plain Lua" },
  { "callback", "A callback becomes a coroutine, and a task" },

  { "Tasks" },
  { "sleepers", "Two sleepers: one after the other, then both at once" },
  { "timeout", "A time limit for work that would never end" },
  { "two_timeouts", "Two limits: one task fails, the other goes on" },
  { "at_once", "All, the first, two at a time, whichever comes" },
  { "producer_consumer", "A producer and a consumer, one second apart" },
  { "channel_task", "A channel's own method as a task" },
}

local here = arg[0]:match("^(.*)/[^/]*$") or "."
local second = tonumber(arg[1])
local corpus_args = { table.unpack(arg, second and 2 or 1) }
local colour = os.execute("test -t 1")

--- The interpreter that runs this file.
local function interpreter()
  local i = -1
  while arg[i - 1] do i = i - 1 end
  return arg[i]
end

local function paint(code, text)
  return colour and ("\27[%sm%s\27[0m"):format(code, text) or text
end

local function print_now(...)
  io.write(table.concat({ ... }), "\n"):flush()
end

--- The shell command that runs an example with these arguments.
local function command(name, args)
  local words = { interpreter(), ("%s/%s.lua"):format(here, name), table.unpack(args) }
  for i, word in ipairs(words) do
    words[i] = "'" .. tostring(word):gsub("'", [['\'']]) .. "'"
  end
  return table.concat(words, " ")
end

local function print_title(text)
  print_now("\n", paint("1;36", "== " .. text .. " " .. ("="):rep(76 - #text)))
end

--- Runs an example, shows its lines as they come; true if all went well.
local function run_step(number, name, text)
  print_now("\n", paint("1", ("%2d. %s"):format(number, text)),
    paint("2", "  " .. name .. ".lua"))
  local output = assert(io.popen(command(name, { second }) .. " 2>&1"))
  for line in output:lines() do print_now("      ", line) end
  local ok, how, code = output:close()
  if not ok then print_now(paint("1;31", ("    FAILED: %s %d"):format(how, code))) end
  return ok
end

--- Tells the story; the names of the steps that failed.
local function tell()
  local number, failed = 0, {}
  for _, step in ipairs(STORY) do
    if #step == 1 then
      print_title(step[1])
    else
      number = number + 1
      if not run_step(number, step[1], step[2]) then failed[#failed + 1] = step[1] end
    end
  end
  return failed
end

local failed = tell()
print_title("A real job: count the words of a tree of files")
print_now()
if not os.execute(command("corpus", corpus_args)) then
  print_now(paint("1;31", "    FAILED"))
  failed[#failed + 1] = "corpus"
end

if #failed > 0 then
  print_now("\n", paint("1;31", "Failed: " .. table.concat(failed, ", ")))
  os.exit(1)
end
print_now("\n", paint("1;32", "All steps went well."))
