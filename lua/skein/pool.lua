--- skein.pool: workers that take jobs from a shared queue.
--
-- The policy; src/pool.h is the mechanism. A pool is a userdata, its state is
-- the table that `crew.new` is given:
--   workers   by number: { handle =, number =, berth = }
--   at        the worker at each berth
--   vacant    berths without a worker
--   size      how many workers there are to be
--   feeding   maps that still have to hand out items
--   uncut     items of maps that were not handed out yet
--   closed    why it takes no more jobs: "closed" or "terminated"
--   failure   the error of all jobs, once the pool failed
--   unready   the error of an initializer
--   asides    tasks of ours, which join waits for
--   fruitless workers in a row that died for no job, with nothing done

local core = require("skein.core")
local cpus = require("skein.cpus")
local imap = require("skein.imap")
local map = require("skein.map")
local options = require("skein.options")
local worker = require("skein.worker")

local crew = core.crew

---@class skein.Pool
local Pool = core.methods("skein.Pool")

local MOST = 1000 -- workers
local GRACE = 5   -- seconds that a cancelled job has to clean up
local OVERTIME = 1 -- seconds that one has whose time is over

local known = options.set("workers", "kind", "method", "init", "init_args",
  "tasks_per_worker", "retries", "name")


-- Ends -----------------------------------------------------------------------

--- Ends what is open: jobs by `settle`, parts of maps with the error.
local function settle_all(pool, err, settle)
  local _, open = crew.own(pool)
  local ids = {}
  for id in pairs(open) do ids[#ids + 1] = id end
  table.sort(ids)
  for _, id in ipairs(ids) do
    local what = open[id]
    if type(what) == "table" then
      what.got, what.error = 0, err
      crew.endpart(pool, what)
    elseif what then
      settle(pool, what, err)
    end
  end
end

--- All jobs, open and later ones, have the same error.
local function fail(pool, st, err)
  if st.failure then return end
  st.failure = err
  crew.clear(pool)
  crew.close(pool)
  settle_all(pool, err, crew.fail)
end

--- The error of a job whose worker ended like this.
local function death(handle)
  local err = handle:error()
  local kind = core.is_error(err) and err.kind or "exited"
  if kind ~= "killed" then kind = "exited" end
  local message = kind == "killed"
    and ("the worker was killed by signal %s"):format(err.signal)
    or ("the worker left by exit with code %s"):format(err and err.code or 0)
  return core.error {
    kind = kind, message = message, signal = err and err.signal,
    code = kind == "exited" and (err and err.code or 0) or nil,
    source = ("process '%s' (pid %s)"):format(handle.name, handle.pid),
  }
end

--- Settles the jobs that died with worker number `number`; how many?
local function settle_lost(pool, number, handle)
  local _, open, lost = crew.own(pool)
  local n = 0
  for i = #lost, 1, -1 do
    local entry = lost[i]
    if entry.worker == number then
      table.remove(lost, i)
      n = n + 1
      local what = open[entry.id]
      if type(what) == "table" then
        what.got, what.step, what.death = 0, entry.step, death(handle)
        crew.endpart(pool, what)
      elseif what and crew.isstopping(what) then
        crew.stopped(pool, what)
      elseif what then
        crew.fail(pool, what, death(handle))
      end
    end
  end
  return n
end


-- Workers --------------------------------------------------------------------

--- A task of the pool's own, which no run of the user cancels.
local function aside(st, name, fn, ...)
  st.asides[crew.aside({ name = name }, fn, ...)] = true
end

local watch

local function hire(pool, st)
  local number = st.hired + 1
  local berth = table.remove(st.vacant)
  local _, _, _, shared = crew.own(pool)
  crew.vacate(pool, berth)
  local opts = {
    name = ("%s %d"):format(st.name, number), daemon = true, hidden = true,
    method = st.method,
  }
  local ok, handle = pcall(core[st.kind], opts, worker.run, shared, number,
    berth, st.limit, st.init, st.init_args)
  if not ok then
    st.vacant[#st.vacant + 1] = berth
    error(handle, 0)
  end
  local new = { handle = handle, number = number, berth = berth }
  st.hired, st.count = number, st.count + 1
  st.workers[number], st.at[berth] = new, new
  aside(st, "watch " .. opts.name, watch, setmetatable({ pool }, { __mode = "v" }), new)
end

--- Is there work for one worker more?
local function is_wanted(pool, st)
  if st.failure or st.closed == "terminated" then return false end
  if not st.closed then return st.count < st.size end
  local _, open = crew.own(pool)
  local n = 0
  for _ in pairs(open) do
    n = n + 1
    if n > st.count then return st.count < st.size end
  end
  return st.feeding > 0 and st.count == 0
end

--- Replaces a worker; after deaths that no job can be blamed for, not at once.
local function replace(pool, st)
  if st.fruitless > st.size then
    core.sleep(0.001 * 2 ^ math.min(st.fruitless - st.size, 7))
  end
  if not is_wanted(pool, st) then return end
  local ok, err = pcall(hire, pool, st)
  if not ok then fail(pool, st, err) end
end

--- A worker is gone: its job, if it had one, is settled.
local function bury(pool, gone)
  local st = crew.own(pool)
  if st.workers[gone.number] ~= gone then return false end
  st.workers[gone.number], st.at[gone.berth] = nil, nil
  st.vacant[#st.vacant + 1] = gone.berth
  st.count = st.count - 1
  crew.drain(pool)
  local err = gone.handle:error()
  local _, done = crew.berth(pool, gone.berth)
  local blamed = settle_lost(pool, gone.number, gone.handle) > 0
  if st.unready then
    fail(pool, st, st.unready)
  elseif err and not blamed and done == 0 then
    st.fruitless = st.fruitless + 1
    if st.fruitless > 10 + 2 * st.size then fail(pool, st, death(gone.handle)) end
  else
    st.fruitless = 0
  end
  return true
end

--- The task that waits for the end of a worker. It does not hold the pool.
function watch(ref, one)
  one.handle:join()
  one.handle:error() -- it concerns nobody else
  local pool = ref[1]
  if pool and bury(pool, one) then replace(pool, crew.own(pool)) end
end


-- Stopping jobs --------------------------------------------------------------

local function tell_to_stop(one)
  if one.handle.signal then one.handle:signal("TERM") else one.handle:cancel() end
end

--- Asks job or part `id` to stop: drops it, or tells its worker; does the job
--- still exist, and has its worker been told?
local function press(pool, id)
  local st = crew.own(pool)
  if crew.drop(pool, id) then return false end
  local berth = crew.cancel(pool, id)
  local one = berth and st.at[berth]
  if one then tell_to_stop(one) end
  return true, one ~= nil
end

--- Ends the worker that works on `id`, if it can be. False: it cannot.
local function force(pool, id)
  local st = crew.own(pool)
  local berth = crew.working(pool, id)
  local one = berth and st.at[berth]
  return one ~= nil and one.handle.kill ~= nil and one.handle:kill()
end

--- The task that sees to it that a job stops.
local function pursue(pool, job, grace, told)
  local due = core.now() + grace
  while not job:done() do
    local left = due - core.now()
    if left <= 0 then break end
    if job:join(told and left or math.min(left, 0.002)) then break end
    if not told then
      local exists, now_told = press(pool, job.id)
      if not exists then crew.stopped(pool, job) end
      told = now_told
    end
  end
  if job:done() then return end
  if force(pool, job.id) then job:join(GRACE) end
  if not job:done() then crew.stopped(pool, job) end
end

local policy = {}

--- A job is to stop: called by job:cancel, and when its time is over.
function policy.stop(pool, job)
  local exists, told = press(pool, job.id)
  if not exists then
    crew.stopped(pool, job)
  else
    local grace = crew.overran(job) and OVERTIME or GRACE
    aside(crew.own(pool), "stop " .. job.name, pursue, pool, job, grace, told)
  end
end

local function enforce(job)
  local due = crew.due(job)
  if due and not job:join(due - core.now()) then crew.overdue(job) end
end

--- A job with a timeout was submitted.
function policy.limit(pool, job)
  aside(crew.own(pool), "timeout of " .. job.name, enforce, job)
end


-- The pool -------------------------------------------------------------------

local function check_open(st)
  if st.closed then options.raise("the pool takes no more jobs: it was " .. st.closed) end
end

--- Runs `fn` on every item of a list in the workers, in parts.
---@async
---@param fn function|string
---@param list table  with `n`, if it has holes
---@param opts? table  chunk, timeout, unpack, progress
---@return table results  in order, with `n`
function Pool:map(fn, list, opts)
  local st = crew.own(self)
  check_open(st)
  local m = map.check(fn, list, opts)
  if st.failure then error(st.failure, 0) end
  return map.run(self, st, m, { press = press, force = force, grace = GRACE })
end

--- Iterates over `i, ok, results...`, one job for each item.
---@async
---@param fn function|string
---@param source table|function  a list, or an iterator function
---@param opts? table  ahead, ordered
function Pool:imap(fn, source, opts)
  local st = crew.own(self)
  check_open(st)
  return imap(self, st, fn, source, opts)
end

--- No more jobs: the workers end when those there are have been done.
function Pool:close()
  local st = crew.own(self)
  if st.closed then return end
  st.closed = "closed"
  if st.feeding == 0 then crew.close(self) end
end

--- Stops at once: open jobs end as cancelled, workers are killed if they do not
--- end by themselves soon.
function Pool:terminate()
  local st = crew.own(self)
  if st.closed == "terminated" then return end
  st.closed = "terminated"
  crew.clear(self)
  crew.close(self)
  crew.drain(self)
  settle_all(self, core.error { kind = "cancelled", message = "the pool was terminated" },
    crew.stopped)
  local there = {}
  for _, one in pairs(st.workers) do
    tell_to_stop(one)
    there[#there + 1] = one.handle
  end
  if #there == 0 then return end
  aside(st, "terminate " .. st.name, function()
    local due = core.now() + OVERTIME
    for _, handle in ipairs(there) do
      if not handle:join(due - core.now()) and handle.kill then handle:kill() end
    end
  end)
end

--- A task that must end before the pool has: those that watch the workers
--- are among them.
local function next_awaited(pool, st)
  for task in pairs(st.asides) do
    if not task:done() then return task end
    st.asides[task] = nil
  end
  crew.drain(pool)
  local _, open = crew.own(pool)
  if next(open) == nil then return nil end
  aside(st, "replace " .. st.name, replace, pool, st)
  return next_awaited(pool, st)
end

--- Waits until all jobs are done and the workers gone.
---@async
---@param timeout? number
---@return true? ok
---@return "timeout"? reason
function Pool:join(timeout)
  local st = crew.own(self)
  local due = options.deadline("join", 1, timeout)
  if not st.closed then options.raise("close or terminate the pool before join") end
  while true do
    local what = next_awaited(self, st)
    if not what then return true end
    if due == math.huge then
      what:join()
    elseif not what:join(due - core.now()) then
      return nil, "timeout"
    end
  end
end

--- What the pool does now.
---@return table
function Pool:stats()
  crew.drain(self)
  local st, open = crew.own(self)
  local finished, failed = crew.counts(self)
  local stats = { workers = {}, queued = st.uncut, running = 0, finished = finished,
    failed = failed }
  for id, what in pairs(open) do
    local n = type(what) == "table" and what.count or 1
    if crew.working(self, id) then
      stats.running = stats.running + 1
      stats.queued = stats.queued + n - 1
    else
      stats.queued = stats.queued + n
    end
  end
  for _, one in pairs(st.workers) do
    local state, jobs = crew.berth(self, one.berth)
    local pid = one.handle.pid or core.self().pid
    stats.workers[#stats.workers + 1] = { pid = pid, state = state, jobs = jobs }
  end
  return stats
end

local meta = crew.meta

--- Left by an error, the pool is terminated; else closed. Waits for the end.
function meta.__close(pool, err)
  if err ~= nil then pool:terminate() else pool:close() end
  local ok, why = pcall(pool.join, pool)
  if ok then return end
  pool:terminate()
  core.shield(pool.join, pool)
  if err == nil then error(why, 0) end
end

function meta.__tostring(pool)
  local st = crew.own(pool)
  return ("pool '%s' (%s)"):format(st.name, st.closed or "open")
end


-- Making one -----------------------------------------------------------------

local function check(opts)
  if opts == nil then opts = {} end
  if type(opts) == "number" then opts = { workers = opts } end
  if type(opts) ~= "table" then
    options.complain("pool", 1, "number of workers or table expected, got " .. type(opts))
  end
  local get = options.reader("pool", 1, opts, known)
  local kind = get.choice("kind", "process", "thread") or "process"
  local st = {
    kind = kind,
    size = get.count("workers", 1) or cpus(),
    method = get.choice("method", "fork", "spawn", "server"),
    init = get.callable("init"),
    init_args = get.typed("table", "init_args") or {},
    limit = get.count("tasks_per_worker", 1),
    retries = get.count("retries", 0) or 0,
    name = get.typed("string", "name") or "pool",
  }
  if st.size > MOST then
    options.complain("pool", 1, ("workers: at most %d, got %d"):format(MOST, st.size))
  end
  if st.method and kind == "thread" then
    options.complain("pool", 1, "method: threads have none")
  end
  return st
end

--- A pool of workers.
---@param opts? integer|table
---@return skein.Pool
local function pool(opts)
  local st = check(opts)
  local args = st.init_args
  st.init_args = table.pack(table.unpack(args, 1, args.n or #args))
  st.name = st.name .. " worker"
  st.workers, st.at, st.vacant, st.asides = {}, {}, {}, setmetatable({}, { __mode = "k" })
  st.hired, st.count, st.feeding, st.uncut, st.fruitless = 0, 0, 0, 0, 0
  for berth = st.size - 1, 0, -1 do st.vacant[#st.vacant + 1] = berth end
  local new = crew.new(st, policy)
  for _ = 1, st.size do
    local ok, err = pcall(hire, new, st)
    if not ok then
      new:terminate()
      error(err, 0)
    end
  end
  return new
end

return pool
