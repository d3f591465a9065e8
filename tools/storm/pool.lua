--- Pools whose workers are killed while idle, while they take a job, in the
--- middle of it, while they send a large result, one by one and all at once;
--- and jobs that end their workers themselves.
---
--- Each job ends with its own results, or with the error of the death that it
--- caused or shared, and is run no more often than it may. A pool beside the
--- storm notices nothing of it.

local skein = require("skein")

local PATIENCE = 30 -- seconds until what should have ended long ago has failed
local MANY = 1000   -- retries, where a job must succeed in the end
local MOST = 8      -- kills until a job has finished: a pool that gets nothing done fails

local random = math.random

-- What a death can hang on: a value that ends the process that it is made in
-- again, or that it is taken apart in.
local ExitsThere = { __transfer = function(self) return "os.exit", self[1] end }
local ExitsHere = { __transfer = function(self) os.exit(self[1]) end }

--- The kinds of jobs that end well: what to submit, and what must come of it,
--- as the first result or the last one.
local kinds = {}

function kinds.trivial(i)
  return { first = i, i }, function(x) return x end
end

function kinds.busy(i)
  return { first = i, i, random(2000, 100000) }, function(x, n)
    local s = 0
    for k = 1, n do s = s + k % 7 end
    return x, s
  end
end

function kinds.sleepy(i)
  return { first = i, i, random() * 0.003 }, function(x, s)
    require("skein").sleep(s)
    return x
  end
end

function kinds.large(i)
  return { last = i, i, random(100000, 3000000) }, function(x, n) return ("x"):rep(n), x end
end

function kinds.heavy(i)
  return { last = i, ("y"):rep(random(100000, 3000000)), i }, function(s, x) return #s, x end
end

--- Those that end their workers, by an exit code or a signal.
local suicides = {}

function suicides.leaves()
  local code = random(0, 5)
  return { code = code, code }, function(c) os.exit(c) end
end

function suicides.leaves_taking()
  return { code = 6, setmetatable({ 6 }, ExitsThere) }, function() end
end

function suicides.leaves_sending()
  return { code = 7, random(1000000), ExitsHere }, function(n, class)
    return ("z"):rep(n), setmetatable({ 7 }, class)
  end
end

function suicides.crashes()
  return { signal = 6 }, function()
    os.execute("kill -ABRT " .. require("skein").self().pid .. " 2>/dev/null")
    require("skein").sleep(60)
  end
end

local function names_of(set, names)
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local harmless = names_of(kinds, {})
local all = names_of(suicides, { table.unpack(harmless) })

local function complain(form, ...) error(form:format(...), 0) end

--- What came of a job against what had to: did it end well?
local function check(job, wanted, retries, runs)
  if not job:join(PATIENCE) then complain("%s has not ended\n%s", job.name, skein.dump()) end
  if runs > retries + 1 then complain("%s was run %d times", job.name, runs) end
  local got = table.pack(pcall(job.get, job))
  local suicide = wanted.code or wanted.signal
  if got[1] then
    local fits = wanted.first and got[2] == wanted.first or
      wanted.last and got[got.n] == wanted.last
    if not fits then complain("%s gave %s", job.name, tostring(got[2])) end
    return true
  end
  local err = got[2]
  if wanted.cancelled and err.kind == "cancelled" then return false end
  local own = suicide and err.code == wanted.code and err.signal == wanted.signal
  local killed = err.kind == "killed" and err.signal == 9 and
    not err.message:find("the pool failed", 1, true)
  if not own and not killed then complain("%s failed: %s", job.name, tostring(err)) end
  if not suicide and retries == MANY then complain("%s was given up", job.name) end
  return false
end

--- Kills workers of the pool in one of many ways, until told to stop.
local function rage(pool, state)
  local finished, since = 0, 0
  while not state.over do
    skein.sleep(random() ^ 3 * 0.02)
    local stats = pool:stats()
    if stats.finished > finished then since = 0 end
    finished = stats.finished
    local how, victim = random(4), random(math.max(#stats.workers, 1))
    for i, w in ipairs(stats.workers) do
      local chosen = how == 1 or how == 2 and w.state == "idle" or how > 2 and i == victim
      if chosen and since < MOST then
        state.kill(w.pid)
        since = since + 1
      end
    end
  end
end

--- Submits the jobs of a round, some of which are cancelled.
local function submit(pool, retries, n)
  local jobs, wanted, runs = {}, {}, skein.array("int32", n)
  for i = 1, n do
    -- one that ends its workers again and again is not for many retries
    local names = retries == MANY and harmless or all
    local name = names[random(#names)]
    local args, fn = (kinds[name] or suicides[name])(i)
    wanted[i] = args
    jobs[i] = pool:submit({ name = name, priority = random(3) }, function(...)
      runs:add(i, 1)
      return fn(...)
    end, table.unpack(args))
    if random() < 0.1 then skein.sleep(random() * 0.01) end
    if random() < 0.1 then
      local which = random(i)
      wanted[which].cancelled = jobs[which]:cancel() or wanted[which].cancelled
    end
  end
  return jobs, wanted, runs
end

local function try_map(pool)
  local list = {}
  for i = 1, 300 do list[i] = i end
  local results = pool:map(function(x) return -x end, list, { timeout = PATIENCE })
  for i = 1, 300 do if results[i] ~= -i then complain("item %d is lost", i) end end
end

local function round(beside, state)
  local methods = { "fork", "fork", "fork", "server", "spawn" }
  local retries = ({ 0, 0, 1, MANY })[random(4)]
  local pool = skein.pool {
    workers = random(4), retries = retries, method = methods[random(#methods)],
    tasks_per_worker = random() < 0.3 and random(10) or nil,
  }
  state.over = false
  local killer = skein.task(rage, pool, state)
  local n = random(20, 80)
  local jobs, wanted, runs = submit(pool, retries, n)
  local terminates = random() < 0.1
  if terminates then
    skein.sleep(random() * 0.02)
    pool:terminate()
    for i = 1, n do wanted[i].cancelled = true end
  end
  local far = beside:submit(function() return "quiet" end)
  for i = 1, n do
    state.died = state.died + (check(jobs[i], wanted[i], retries, runs[i]) and 0 or 1)
  end
  if not far:join(PATIENCE) or far:get() ~= "quiet" then
    complain("the pool beside was disturbed\n%s", skein.dump())
  end
  if retries == MANY and not terminates then try_map(pool) end
  state.jobs = state.jobs + n
  state.over = true
  killer:join()
  pool:close()
  if not pool:join(PATIENCE) then complain("the pool does not end\n%s", skein.dump()) end
end

local function whoami() return require("skein").self().pid end

local function storm(options)
  random = options.random
  -- One shell kills for all: it needs no process for that.
  local shell = assert(io.popen("exec sh 2>/dev/null", "w"))
  local beside <close> = skein.pool(1)
  local quiet = beside:apply(whoami)
  local state = { kills = 0, jobs = 0, died = 0 }
  function state.kill(pid)
    shell:write("kill -KILL ", pid, "\n"):flush()
    state.kills = state.kills + 1
  end
  local finish, rounds = skein.now() + options.seconds, 0
  repeat
    rounds = rounds + 1
    round(beside, state)
  until skein.now() >= finish
  if beside:apply(whoami) ~= quiet then complain("the pool beside lost its worker") end
  shell:write("exit\n") -- its input has no end while others have a copy
  shell:close()
  return ("%d kills, %d jobs in %d rounds, %d of them died"):format(state.kills, state.jobs,
    rounds, state.died)
end

return { { name = "pool", run = storm } }
