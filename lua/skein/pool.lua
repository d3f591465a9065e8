--- skein.pool: workers that take jobs from a shared queue.
--
-- The class. A pool is a userdata with a state, see crews.lua.

local core = require("skein.core")
local cpus = require("skein.cpus")
local crews = require("skein.crews")
local imap = require("skein.imap")
local map = require("skein.map")
local options = require("skein.options")

local crew = core.crew

---@class skein.Pool
local Pool = core.methods("skein.Pool")

local MOST = 1000  -- workers
local PATIENCE = 1 -- seconds that workers have to end when told to

local known = options.set("workers", "kind", "method", "init", "init_args",
  "tasks_per_worker", "retries", "name")


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
  return map.run(self, st, m, crews)
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
  if st.stopping then return end
  st.closed = "terminated"
  crews.conclude(self, st)
  local there = {}
  for _, one in pairs(st.workers) do
    crews.tell_to_stop(one)
    there[#there + 1] = one.handle
  end
  if #there == 0 then return end
  crews.aside(st, "terminate " .. st.name, function()
    local due = core.now() + PATIENCE
    for _, handle in ipairs(there) do
      if not handle:join(due - core.now()) and handle.kill then handle:kill() end
    end
  end)
  st.stopping = true
end

--- A task that must end before the pool has: those that watch the workers
--- are among them.
local function next_awaited(pool, st)
  for task in pairs(st.asides) do
    if not task:done() then return task end
    st.asides[task] = nil
  end
  crew.drain(pool)
  crews.conclude(pool, st)
  local _, open = crew.own(pool)
  if next(open) == nil then return nil end
  crews.aside(st, "replace " .. st.name, crews.replace, pool, st)
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
  core.checkpoint()
  while true do
    local what = next_awaited(self, st)
    if not what then return true end
    if not what:join(due - core.now()) then return nil, "timeout" end
    if not what:done() then error("not enough memory", 0) end
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
    local state, jobs, job = crew.berth(self, one.berth)
    if state == "busy" and open[job] == nil then state = "idle" end -- its result is here
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
  local ok, st = pcall(crew.own, pool)
  if not ok then return "pool of another process" end
  return ("pool of %d (%s)"):format(st.size, st.closed or "open")
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

--- Raises if `init` cannot cross to the workers. A fork needs not send it.
local function check_init(st)
  local args = st.init_args
  local forks = st.kind == "process" and (st.method or "fork") == "fork"
  if not st.init or forks then return end
  local ok, err = pcall(crew.checkinit, st.init, table.unpack(args, 1, args.n))
  if not ok then options.raise(err) end
end

--- A pool of workers.
---@param opts? integer|table
---@return skein.Pool
local function pool(opts)
  local st = check(opts)
  local args = st.init_args
  st.init_args = table.pack(table.unpack(args, 1, args.n or #args))
  check_init(st)
  st.name = st.name .. " worker"
  crews.prepare(st)
  local new = crew.new(st, crews.policy, st.size)
  st.self = setmetatable({ new }, { __mode = "v" })
  for _ = 1, st.size do
    local ok, err = pcall(crews.hire, new, st)
    if not ok then
      new:terminate()
      options.raise(err)
    end
  end
  return new
end

return pool
