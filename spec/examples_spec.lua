--- Every program of examples/ does what its first comment says.
--
-- Each case gets what its example printed and the length of its second. Where
-- the order of lines is open (between processes), only what is not is checked.

local run = require("spec.examples.run")
local shell = require("spec.shell")

local cases = {}

--- How long a second is in a case; a tenth where nothing is said.
local seconds = {
  pool = 0.3, pool_state = 0.3, pool_init = 0.3, pool_server = 0.3, -- time for workers to start
  sleepers = 0.3, two_timeouts = 0.2, command = 0.3, at_once = 0.3,
}

local function set_of(list)
  local set, size = {}, 0
  for _, item in ipairs(list) do
    if not set[item] then set[item], size = true, size + 1 end
  end
  return set, size
end

function cases.hello(out)
  assert.same({ "task 1\tprocess 4\tthread 9" }, { out.lines[1] })
  assert.matches("^%d%.%d s$", out.lines[2])
end

function cases.processes(out, second)
  assert.equal(10, #out.lines)
  out:in_order("^main process %d+ starts", "^created: new, new$",
    "^alive: true, true$", "goes on", "ends after 1$", "ends after 2$",
    "^exit codes: 0, 0$", "^main process %d+ ends")
  out:in_order("starts with 1$", "ends after 1$")
  out:in_order("starts with 2$", "ends after 1$") -- at the same time
  out:at("ends after 1$", second)
  out:at("ends after 2$", 2 * second)
  local _, pids = set_of(out:all("process (%d+) "))
  assert.equal(3, pids)
end

function cases.without_join(out, second)
  out:in_order("^main process ends$", "ends after 1$", "ends after 2$")
  out:at("ends after 2$", 2 * second)
  assert.equal(3, #out.lines) -- and nothing from the daemon
end

function cases.shared_array(out)
  assert.same({
    "before: 1 2 3 4 5 6 7 8 9 10 11 12",
    "after:  1 4 9 16 25 36 49 64 81 100 121 144",
    "done:   3 + 3 + 3 + 3 = 12",
  }, out.lines)
end

function cases.restarted(out)
  assert.same({
    "worker 1 left with code 1 in job 4", "worker 2 left with code 1 in job 8",
    "worker 3 has done the rest", "results: 1 4 9 25 36 49 81",
  }, out.lines)
end

function cases.service(out)
  assert.same({
    "service: told to end by TERM", "service: all done",
    "main: the service left with code 0", "main: one more request:\tnil\tclosed",
    "main: answers: 6",
  }, out.lines)
end

function cases.interactive(out)
  assert.equal(5, #out.lines)
  out:in_order("^question 1: how far%? %d+ %%$", "^question 2: how far%? %d+ %%$",
    "^question 3: how far%? %d+ %%$", "^in the end: 100 %%$")
  out:find("^primes: 17984$")
end

function cases.fork_and_spawn(out)
  local pid = out.lines[1]:match("%d+")
  for i, line in ipairs(out.lines) do out.lines[i] = line:gsub(pid, "PID") end
  assert.same({
    "main: has global PID, upvalue PID",
    "fork: the child finds global PID, upvalue PID",
    "fork: the child now has 1, 1",
    "main: still has PID, PID",
    "spawn: the child finds global nil, upvalue PID",
    "spawn: the child now has 1, 1",
    "main: still has PID, PID",
    "server: the child finds global nil, upvalue PID",
    "server: the child now has 1, 1",
    "main: still has PID, PID",
  }, out.lines)
end

function cases.main_runs_once(out)
  assert.same({ "son process created", "son process starts",
    "son process ends: done", "gu?" }, out.lines)
end

function cases.pool(out, second)
  assert.equal(11, #out.lines)
  out:in_order("^start assigning", "^all tasks assigned", "^all tasks finished$")
  for i = 1, 3 do
    out:in_order(("begins task %d$"):format(i), "begins task 4$", "ends task 4$")
    out:in_order(("begins task %d$"):format(i), ("ends task %d$"):format(i))
  end
  local first, workers = set_of(out:all("^worker (%d+) begins task [123]$"))
  local free = out:all("^worker (%d+) begins task 4$")[1]
  assert.equal(3, workers)
  assert.is_true(first[free]) -- no fourth one
  local before = out.lines[out:find("begins task 4$") - 1]
  assert.matches("ends task [123]$", before) -- somebody had ended by then
  out:at("begins task 4$", second)
  out:at("^all tasks finished$", 2 * second)
end

function cases.pool_state(out, second)
  assert.equal(5, #out.lines)
  for i = 1, 3 do out:find(("begins task %d, did before: nothing$"):format(i)) end
  out:find("begins task 4, did before: task [123]$")
  out:find("^all tasks finished; main has the history nil$")
  out:at("begins task 4", second)
end

function cases.pool_init(out, second)
  assert.equal(5, #out.lines)
  for i = 1, 3 do out:find(("begins task %d, did before: init$"):format(i)) end
  out:find("begins task 4, did before: init, task [123]$")
  out:at("^all tasks finished$", 2 * second)
end

function cases.pool_results(out, second)
  assert.same({
    "apply: task 1 finished after 1",
    "submit: done false",
    "join that does not wait: nil, timeout",
    "join: true",
    "submit: done true",
    "first get: task 2 finished after 2",
    "second get: task 2 finished after 2",
    "still there when the pool is gone: task 2 finished after 2",
  }, out.lines)
  out:at("^apply", second)
  out:at("^join: true", 3 * second)
end

function cases.pool_server(out, second)
  for _, name in ipairs { "A", "B", "C" } do
    out:in_order(("^server: %s asks"):format(name),
      ("^client %s has its answer: true$"):format(name),
      ("^server: %s has hung up$"):format(name))
  end
  local times = {}
  for i, line in ipairs(out.lines) do
    if line:find("^client") then times[#times + 1] = out.times[i] end
  end
  assert.equal(3, #times)
  assert.is_true(times[1] >= second - 0.01 and times[2] < times[3])
  assert.is_true(times[3] >= 2 * second - 0.01)
  assert.equal("all are served; the server ticked on", out.lines[#out.lines])
end

function cases.pipe(out, second)
  assert.equal(9, #out.lines)
  out:in_order("^son waits", "^main sends$", "^main has sent$",
    "^main looks whether something is there: false$", "^main waits",
    "^main receives: 142857$")
  out:in_order("^main sends$", "^son receives: hello, hello, hi$", "^son sends$",
    "^son has sent$")
  out:in_order("^son sends$", "^main receives: 142857$")
  out:at("^son receives", second)
  out:at("^main receives", 2 * second)
end

function cases.pipe_children(out, second)
  assert.equal(6, #out.lines)
  out:in_order("^son 1 wants", "^son 1 receives: greetings from son 2$",
    "^son 1 has sent$", "^son 2 wants", "^son 2 receives: greetings from son 1$")
  out:in_order("^son 1 wants", "^son 2 has sent$", "^son 1 has sent$")
  out:at("^son 1 receives", second)
  out:at("^son 2 receives", 3 * second)
end

function cases.pipe_buffer(out, second)
  assert.equal(5, #out.lines)
  out:in_order("messages", "^main sends one more", "^son begins", "^son has received")
  out:in_order("^son begins", "^main has sent it$")
  local count = tonumber(out.lines[1]:match("^(%d+) messages of 1000 bytes"))
  assert.is_true(count >= 12 and count <= 17) -- of 16 KiB
  out:at("^main has sent it$", second)
end

function cases.queue(out, second)
  assert.equal(10, #out.lines)
  out:in_order("^bob wants", "^bob gets: card from ann$", "^cid wants",
    "^ann wants", "^cid gets: card from bob$", "^ann gets: card from cid$",
    "^the queue holds 0 cards$")
  out:in_order("^ann has put$", "^bob wants")
  out:at("^bob gets", second)
  out:at("^cid gets", 6 * second)
  out:at("^ann gets", 11 * second)
end

function cases.threads(out)
  assert.same({ "with a lock: 55", "with add: 55" }, out.lines)
end

function cases.generator(out)
  assert.same({ "0", "1", "3", "left 1", "right 1", "left 2", "right 2",
    "right 3" }, out.lines)
end

function cases.callback(out)
  assert.same({
    "paused at 0", "paused at 1", "paused at 3", "paused at 6",
    "left is at 0", "right is at 0", "left is at 1", "right is at 1",
    "left is at 3", "right is at 3", "right is at 6",
    "left is 3, right is 6",
  }, out.lines)
end

function cases.sleepers(out, second)
  assert.same({
    "in sequence", "hi after 1", "hi after 2", "done in sequence",
    "at once", "hi after 1", "hi after 2", "done at once",
  }, out.lines)
  out:at("^done in sequence$", 3 * second)
  out:at("^done at once$", 2 * second)
  assert.is_true(out.times[8] < 3 * second)
end

function cases.at_once(out)
  local least, lines = { 2, 1, 3, 2, 3 }, {}
  for _, line in ipairs(out.lines) do
    local after = tonumber(line:match("^  after (.*)$"))
    if after then
      assert.is_true(after >= table.remove(least, 1))
    else
      lines[#lines + 1] = line
    end
  end
  assert.same({}, least)
  assert.same({
    "all: both", "  news, weather",
    "race: the mirror that answers first", "  far stops: cancelled",
    "  near, which is number 2",
    "map: five items, two at a time", "  1 4 9 16 25",
    "select: a message or the end of a task", "  a message, then result",
    "every: three ticks", "  1 2 3",
  }, lines)
end

function cases.bytes(out)
  assert.equal("circle\ttrue\tshared\ttrue", out.lines[1])
  assert.equal("closure\t15", out.lines[2])
  out:in_order("^without trust:$", "^  cannot unpack: a function",
    "^a file handle:$", "field 'log': field 'file': file handle$",
    "^half of it:$", "^  malformed message")
end

function cases.timeout(out, second)
  assert.same({ "eternity cleans up", "timeout!" }, out.lines)
  out:at("^timeout!$", second)
end

function cases.two_timeouts(out, second)
  assert.same({
    "limits of 1.25 and 1.5",
    "hi after 1", "in time: 1", "hi after 2", "in time: 2",
    "limits of 0.75 and 1.5",
    "timeout: the task is cancelled", "hi after 2", "in time: 2",
  }, out.lines)
  out:at("^timeout", 0.75 * second)
end

function cases.producer_consumer(out, second)
  assert.equal(17, #out.lines)
  for i = 1, 5 do
    out:in_order(("^put %d$"):format(i), ("^get %d$"):format(i),
      ("^consumed %d$"):format(i))
    if i > 1 then
      out:in_order(("^consumed %d$"):format(i - 1), ("^get %d$"):format(i))
      out:in_order(("^put %d$"):format(i), ("^consumed %d$"):format(i))
    end
  end
  out:in_order("^consumed 5$", "^all were dealt with$", "^done$")
  out:at("^put 5$", 5 * second)
  out:at("^done$", 6 * second)
end

function cases.channel_task(out, second)
  assert.same({ "got a letter", "the getter is finished and still has a letter" },
    out.lines)
  out:at("^got a letter$", second)
end

function cases.foreign_loop(out, second)
  if out.lines[1]:find("^skipped: .*needs luv") then return end
  assert.same({ "luv: tick", "luv: tick", "skein: slept", "skein: the process says 42",
    "luv: tick", "skein: done" }, out.lines)
  out:at("^skein: slept$", 1.5 * second)
end

--- Examples with a spec of another form, and where that is.
local elsewhere = {
  corpus = "corpus_spec", tour = "below", mandelbrot = "pool_examples_spec",
  grep = "pool_examples_spec", chat = "services_spec", httpd = "services_spec",
  download = "services_spec", ports = "services_spec", tail = "services_spec",
}

function cases.command(out, second)
  assert.equal(19, #out.lines)
  for i = 1, 3 do out:in_order(("^%d begins: sleep$"):format(i), "^4 begins: sh$") end
  out:at("^4 begins: sh$", second)
  out:in_order("^1 sleep: code 0$", "^2 sleep: code 0$", "^3 sleep: code 0$",
    "^4 sh: code 3$", "^5 tr: code 0, wrote LOUD$", "^6 sleep: took too long$",
    "^numbers up to 1000 with a 7: 271$")
end

function cases.reload(out)
  assert.same({
    "service: ready with configuration 1",
    "main: HUP", "service: got HUP", "service: goes on with configuration 2",
    "main: HUP", "service: got HUP", "service: goes on with configuration 3",
    "main: TERM", "service: got TERM", "service: finished its work", "service: closed",
    "main: exit code 0",
  }, out.lines)
end

--- Examples that the tour leaves out: they need what is not skein's.
local aside = { foreign_loop = true, hello = true }

local function names()
  local list = {}
  local ls <close> = assert(io.popen("ls examples/*.lua"))
  for path in ls:lines() do list[#list + 1] = path:match("([%w_]+)%.lua$") end
  return list
end

describe("example", function()
  for _, name in ipairs(names()) do
    if not elsewhere[name] then
      it(name .. " does what it says", function()
        local case = assert(cases[name], "no case for examples/" .. name .. ".lua")
        local second = seconds[name] or 0.1
        local out = run.example(name, { second })
        assert.equal("", out.errors)
        assert.equal(0, out.code)
        case(out, second)
      end)
    end
  end
end)

describe("the tour", function()
  local out

  lazy_setup(function()
    shell.scratch(function(directory)
      out = run.example("tour", { 0.05, run.root .. "/examples" }, directory)
    end)
  end)

  it("ends well", function()
    assert.equal(0, out.code, tostring(out))
    assert.same({}, out:all("FAILED"))
  end)

  it("shows every example", function()
    for _, name in ipairs(names()) do
      if not elsewhere[name] and not aside[name] then
        out:find(("  %s%%.lua$"):format(name))
      end
    end
  end)

  it("fits a terminal, and has no colours elsewhere", function()
    for _, line in ipairs(out.lines) do
      assert.is_true(utf8.len(line) <= 80, line)
      assert.is_nil(line:find("\27", 1, true))
    end
  end)
end)
