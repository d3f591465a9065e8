--- Storms of worker deaths: pools whose workers are killed while idle, while
--- they take a job, in the middle of it, while they send a large result, one by
--- one and all at once; and jobs that end their workers themselves.
--
-- Usage: lua5.4 tools/storm/pool.lua [SECONDS [SEED]]
--
-- Each job must end with its own results, or with the error of the death that
-- it caused or shared, and be run no more often than it may. A pool beside the
-- storm must not notice any of it, and nothing may be left behind.

local core = require("skein.core")
local skein = require("skein")

local seconds = tonumber(arg[1]) or 10
local seed = tonumber(arg[2]) or os.time()
local PATIENCE = 30 -- seconds until what should have ended long ago is a failure
local MANY = 1000   -- retries, where a job must succeed in the end

math.randomseed(seed)

-- One shell kills for all: it needs no process for that.
local shell = assert(io.popen("exec sh 2>/dev/null", "w"))
local kills, jobs_done, rounds, deaths = 0, 0, 0, 0

local function kill(pid, signal)
  shell:write("kill -", signal or "KILL", " ", pid, "\n"):flush()
  kills = kills + 1
end

local function fail(form, ...)
  io.stderr:write(("seed %d, round %d: "):format(seed, rounds), form:format(...), "\n")
  os.exit(1)
end

-- What a death can hang on: a value that ends the process that it is made in
-- again, or that it is taken apart in.
local ExitsThere = { __transfer = function(self) return "os.exit", self[1] end }
local ExitsHere = { __transfer = function(self) os.exit(self[1]) end }

--- The kinds of jobs: each gives what to submit, and what must come of it.
local kinds = {}

function kinds.trivial(i)
  return function(x) return x end, { i }, { value = i }
end

function kinds.busy(i)
  return function(x, n)
    local s = 0
    for k = 1, n do s = s + k % 7 end
    return x, s
  end, { i, math.random(2000, 100000) }, { value = i }
end

function kinds.sleepy(i)
  return function(x, s)
    require("skein").sleep(s)
    return x
  end, { i, math.random() * 0.003 }, { value = i }
end

function kinds.large(i)
  return function(x, n) return ("x"):rep(n), x end, { i, math.random(100000, 3000000) },
    { last = i }
end

function kinds.heavy(i)
  return function(s, x) return #s, x end, { ("y"):rep(math.random(100000, 3000000)), i },
    { last = i }
end

function kinds.leaves(_)
  local code = math.random(0, 5)
  return function(c) os.exit(c) end, { code }, { code = code }
end

function kinds.leaves_taking(_)
  return function() end, { setmetatable({ 6 }, ExitsThere) }, { code = 6 }
end

function kinds.leaves_sending(_)
  return function(n, mt)
    return ("z"):rep(n), setmetatable({ 7 }, mt)
  end, { math.random(1, 1000000), ExitsHere }, { code = 7 }
end

function kinds.crashes(_)
  return function()
    os.execute("kill -SEGV " .. require("skein").self().pid .. " 2>/dev/null")
    require("skein").sleep(60)
  end, {}, { signal = 11 }
end

local names = {}
for name in pairs(kinds) do names[#names + 1] = name end
table.sort(names)

--- What came of a job, against what had to. `expected.cancelled`: it was.
local function check(job, expected, retries, runs)
  if not job:join(PATIENCE) then
    fail("%s has not ended:\n%s", job.name, skein.dump())
  end
  jobs_done = jobs_done + 1
  local got = table.pack(pcall(job.get, job))
  local suicide = expected.code or expected.signal
  if runs > retries + 1 then fail("%s was run %d times", job.name, runs) end
  if got[1] then
    local v = expected.value and got[2] or got[got.n]
    if suicide or v ~= (expected.value or expected.last) then
      fail("%s gave %s", job.name, tostring(v))
    end
    return
  end
  deaths = deaths + 1
  local err = got[2]
  if expected.cancelled and err.kind == "cancelled" then return end
  local own = suicide and err.code == expected.code and err.signal == expected.signal
  local killed = err.kind == "killed" and err.signal == 9
  if err.message:find("the pool failed", 1, true) then fail("%s", err.message) end
  if not own and not killed then fail("%s failed: %s", job.name, tostring(err)) end
  if killed and not suicide and retries == MANY then
    fail("%s was given up after %d runs", job.name, runs)
  end
end

--- Kills workers of the pool, in one of many ways, until told to stop. Some
--- work has to get done in between: a pool whose workers never do any fails.
local function storm(pool, state)
  local ended, since = 0, 0
  while not state.over do
    skein.sleep(math.random() ^ 3 * 0.02)
    local stats = pool:stats()
    if stats.finished + stats.failed > ended then since = 0 end
    ended = stats.finished + stats.failed
    local how = math.random(4)
    for i, w in ipairs(stats.workers) do
      local chosen = how == 1 or how == 2 and w.state == "idle" or
        how > 2 and i == 1 + kills % #stats.workers
      if chosen and since < 8 then
        kill(w.pid)
        since = since + 1
      end
    end
  end
end

local function round(beside)
  local methods = { "fork", "fork", "fork", "server", "spawn" }
  local retries = ({ 0, 0, 1, MANY })[math.random(4)]
  local pool = skein.pool {
    workers = math.random(4), retries = retries, method = methods[math.random(#methods)],
    tasks_per_worker = math.random() < 0.3 and math.random(10) or nil,
  }
  local n = math.random(20, 80)
  local runs = skein.array("int32", n)
  local state = { over = false }
  local killer = skein.task(storm, pool, state)
  local jobs, expected = {}, {}
  for i = 1, n do
    -- one that ends its workers again and again is not for many retries
    local name
    repeat name = names[math.random(#names)]
    until retries < MANY or not (name:find("leaves") or name == "crashes")
    local fn, args, wanted = kinds[name](i)
    expected[i] = wanted
    jobs[i] = pool:submit({ name = name, priority = math.random(3) }, function(...)
      runs:add(i, 1)
      return fn(...)
    end, table.unpack(args))
    if math.random() < 0.1 then skein.sleep(math.random() * 0.01) end
    if math.random() < 0.1 then
      local which = math.random(i)
      expected[which].cancelled = jobs[which]:cancel() or expected[which].cancelled
    end
  end
  if math.random() < 0.1 then
    skein.sleep(math.random() * 0.02)
    pool:terminate()
    for i = 1, n do expected[i].cancelled = true end
  end
  local far = beside:submit(function() return "quiet" end)
  for i = 1, n do check(jobs[i], expected[i], retries, runs[i]) end
  if not far:join(PATIENCE) or far:get() ~= "quiet" then
    fail("the pool beside was disturbed:\n%s", skein.dump())
  end
  if retries == MANY and tostring(pool):find("open", 1, true) then
    local list = {}
    for i = 1, 300 do list[i] = i end
    local results = pool:map(function(x) return -x end, list, { timeout = PATIENCE })
    for i = 1, 300 do if results[i] ~= -i then fail("item %d is lost", i) end end
    jobs_done = jobs_done + 300
  end
  state.over = true
  killer:join()
  pool:close()
  if not pool:join(PATIENCE) then fail("the pool does not end:\n%s", skein.dump()) end
end

local beside = skein.pool(1)
local quiet = beside:apply(function() return require("skein").self().pid end)
skein.process({ method = "server" }, function() end):join() -- its helper stays

local objects
local start = skein.now()
repeat
  rounds = rounds + 1
  round(beside)
  collectgarbage()
  collectgarbage()
  local now = core.arena()
  if objects and now > objects then fail("%d shared objects were left", now - objects) end
  objects = objects or now
until skein.now() - start >= seconds

if beside:apply(function() return require("skein").self().pid end) ~= quiet then
  fail("the pool beside lost its worker")
end
beside:close()
beside:join()
shell:close()
if #skein.children() > 0 then fail("processes were left") end
print(("seed %d: %d rounds, %d kills, %d jobs, %d of them died, nothing lost"):format(
  seed, rounds, kills, jobs_done, deaths))
