--- The workers of a pool: starting, replacing and stopping them.
--
-- The policy; src/pool.h is the mechanism. The state of a pool is the table
-- that `crew.new` was given:
--   workers   by number: { handle =, number =, berth =, blamed = its job is known,
--             untold = it is to be told to stop, stray = what it does for nobody,
--             due = until when }
--   at        the worker at each berth
--   vacant    berths without a worker
--   size      how many workers there are to be
--   feeding   maps that still have to hand out items
--   uncut     items of maps that were not handed out yet
--   closed    why it takes no more jobs: "closed" or "terminated"
--   failure   the error of all jobs, once the pool failed
--   unready   the error of an initializer
--   asides    tasks of ours, which join waits for
--   self      [1] is the pool, while it is there
--   fruitless workers that died for no job, since one finished a job
--   finished  how many had been finished then

local core = require("skein.core")
local worker = require("skein.worker")

local crew = core.crew

local crews = {}

crews.grace = 5    -- seconds that a cancelled job has to clean up
local OVERTIME = 1 -- seconds that one has whose time is over
local TRIES = 10   -- what fails for want of memory is tried that often before others fail


--- Completes the state of a new pool, which says `size` and what is wished.
function crews.prepare(st)
  st.workers, st.at, st.vacant = {}, {}, {}
  st.asides = setmetatable({}, { __mode = "k" })
  st.hired, st.count, st.feeding, st.uncut = 0, 0, 0, 0
  st.fruitless, st.finished = 0, 0
  for berth = st.size - 1, 0, -1 do st.vacant[#st.vacant + 1] = berth end
end


-- Ends -----------------------------------------------------------------------

--- Ends what is open: jobs by `settle`, parts of maps with the error.
function crews.settle_all(pool, err, settle)
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

--- Nothing stays open in a pool that failed or was terminated. Where that broke off
--- for want of memory it goes on.
function crews.conclude(pool, st)
  if not st.failure and st.closed ~= "terminated" then return end
  crew.clear(pool)
  crew.close(pool)
  local _, open = crew.own(pool)
  if next(open) == nil then return end
  if st.failure then return crews.settle_all(pool, st.failure, crew.fail) end
  crew.drain(pool)
  crews.settle_all(pool, core.error { kind = "cancelled", message = "the pool was terminated" },
    crew.stopped)
end

--- All jobs, open and later ones, have the same error.
local function fail(pool, st, err)
  if not st.failure then st.failure = err end
  crews.conclude(pool, st)
end

--- The error of a job whose worker ended like this; `story` goes before it.
local function death(handle, story)
  local err = handle:error() or { kind = "exited", code = 0 }
  local message
  if err.kind == "killed" then
    message = ("%s was killed by signal %s"):format(story or "the worker", err.signal)
  elseif err.kind == "exited" then
    message = ("%s left by exit with code %s"):format(story or "the worker", err.code)
  else
    return err
  end
  return core.error {
    kind = err.kind, message = message, signal = err.signal, code = err.code,
    source = ("process '%s' (pid %s)"):format(handle.name, handle.pid),
  }
end

--- The job or part of a map of this entry died with the worker.
local function settle(pool, open, entry, handle)
  local what = not entry.again and open[entry.id]
  if type(what) == "table" then
    what.got, what.step, what.death = 0, entry.step, death(handle)
    crew.endpart(pool, what)
  elseif what and crew.isstopping(what) then
    crew.stopped(pool, what)
  elseif what then
    crew.fail(pool, what, death(handle))
  end
end

--- Settles the jobs that died with worker `gone`, but for those that are tried
--- again, and notes whether there were any.
local function settle_lost(pool, gone)
  local _, open, lost = crew.own(pool)
  for i = #lost, 1, -1 do
    local entry = lost[i]
    if entry.worker == gone.number then
      gone.blamed = true
      settle(pool, open, entry, gone.handle)
      table.remove(lost, i)
    end
  end
end


-- Telling workers ------------------------------------------------------------

function crews.tell_to_stop(one)
  if one.handle.signal then one.handle:signal("TERM") else one.handle:cancel() end
end

--- Tells the worker of job or part `id`, which has begun, to stop; false: it could not
--- be found, as it is on its way.
function crews.press(pool, id)
  local st = crew.own(pool)
  local berth, first = crew.cancel(pool, id)
  local one = berth and st.at[berth]
  if not one then return false end
  if first then one.untold = true end
  if one.untold then
    crews.tell_to_stop(one)
    one.untold = false
  end
  return true
end


-- Workers --------------------------------------------------------------------

--- Is that what is raised where memory ends?
local function is_want(err)
  return type(err) == "string" and err:find("not enough memory", 1, true)
end

--- Calls `fn(...)` until it does not break off for want of memory: nobody else would
--- do what it does. But if that lasts nobody waits for it: what is open fails. The
--- first step, which could break by itself, is taken at once.
local function persist(self, fn, ...)
  core.yield()
  local tries = 0
  while true do
    local ok, err = pcall(fn, ...)
    if ok then return end
    if not is_want(err) then error(err, 0) end
    tries = tries + 1
    if tries == TRIES and self[1] then crew.giveup(self[1]) end
    if tries >= TRIES then crew.falter() end
    if not pcall(core.sleep, 0.001) then core.yield() end
  end
end

--- A task of the pool's own, which no run of the user cancels.
function crews.aside(st, name, fn, ...)
  st.asides[crew.aside({ name = name }, persist, st.self, fn, ...)] = true
end

local watch

--- What can fail comes first: there is no worker that nobody watches.
function crews.hire(pool, st)
  local number, berth = st.hired + 1, st.vacant[#st.vacant]
  local _, _, _, shared = crew.own(pool)
  local opts = {
    name = ("%s %d"):format(st.name, number), daemon = true, _hidden = true,
    method = st.method,
  }
  local new = { handle = false, number = number, berth = berth, blamed = false,
    untold = false, stray = false, due = 0 }
  crews.aside(st, "watch " .. opts.name, watch, st.self, new)
  st.workers[number], st.at[berth] = new, new
  crew.vacate(pool, berth)
  local ok, handle = pcall(core[st.kind], opts, worker.run, shared, number,
    berth, st.limit, st.init, st.init_args)
  if not ok then
    st.workers[number], st.at[berth] = nil, nil
    error(handle, 0)
  end
  new.handle = handle
  st.vacant[#st.vacant] = nil
  st.hired, st.count = number, st.count + 1
  crew.staff(pool, st.count)
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

--- So often may nothing come of a worker before the pool fails.
local function patience(st) return 10 + 2 * st.size end

--- Replaces a worker; after deaths that no job can be blamed for, not at once. What
--- a start needs may be there a little later: that is no other case.
function crews.replace(pool, st)
  local ok, err
  repeat
    if st.fruitless > st.size then
      core.sleep(0.001 * 2 ^ math.min(st.fruitless - st.size, 7))
    end
    if not is_wanted(pool, st) then return end
    ok, err = pcall(crews.hire, pool, st)
    if not ok then st.fruitless = st.fruitless + 1 end
  until ok or st.fruitless > patience(st)
  if not ok then fail(pool, st, err) end
end

--- A worker died for no job, with nothing done. If that goes on, the pool fails.
local function count_fruitless(pool, st, gone)
  local finished = crew.counts(pool)
  if finished > st.finished then st.fruitless = 0 end
  st.finished = finished
  st.fruitless = st.fruitless + 1
  if st.fruitless <= patience(st) then return end
  fail(pool, st, death(gone.handle, ("the pool failed, for its workers die before they have " ..
    "done anything, %d times by now; the last one"):format(st.fruitless)))
end

--- A worker is gone: its job, if it had one, is settled. It counts until all that
--- was done.
local function bury(pool, gone)
  local st = crew.own(pool)
  if st.workers[gone.number] ~= gone then return end
  crew.drain(pool)
  settle_lost(pool, gone)
  local _, done = crew.berth(pool, gone.berth)
  if st.unready then
    fail(pool, st, st.unready)
  elseif gone.handle:error() and not gone.blamed and done == 0 then
    count_fruitless(pool, st, gone)
  end
  crews.conclude(pool, st)
  st.workers[gone.number], st.at[gone.berth] = nil, nil
  st.vacant[#st.vacant + 1] = gone.berth
  st.count = st.count - 1
  crew.staff(pool, st.count)
end

crews.policy = {}

--- A job comes, and there is no worker at all. There will be soon, unless memory
--- had ended where a worker was to be replaced.
function crews.policy.revive(pool)
  local st = crew.own(pool)
  for _, one in pairs(st.workers) do
    if one.handle:done() then bury(pool, one) end
  end
  while is_wanted(pool, st) do crews.hire(pool, st) end
end

--- What the worker does and nobody waits for any more, since it was given up, is to
--- stop; in vain, the worker is killed. How long may it take?
local function recall(self, one)
  local pool = self[1]
  local id = pool and crew.stray(pool, one.berth)
  if id ~= one.stray then one.stray, one.due = id, core.now() + crews.grace end
  if not id then return math.huge end
  crews.press(pool, id)
  if core.now() < one.due then return one.due - core.now() end
  if one.handle.kill then one.handle:kill() end
  return math.huge
end

--- The task that waits for the end of a worker. It does not hold the pool.
function watch(self, one)
  if not one.handle then return end -- it could not be started
  while not one.handle:done() do one.handle:join(recall(self, one)) end
  one.handle:error() -- it concerns nobody else
  local pool = self[1]
  if not pool then return end
  bury(pool, one)
  crews.replace(pool, crew.own(pool))
end


-- Stopping jobs --------------------------------------------------------------

--- Ends the worker that works on `id`, if it can be. False: it cannot.
function crews.force(pool, id)
  local st = crew.own(pool)
  local berth = crew.working(pool, id)
  local one = berth and st.at[berth]
  return one ~= nil and one.handle.kill ~= nil and one.handle:kill()
end

--- The task that sees to it that a job stops.
local function pursue(pool, job, grace)
  local due = core.now() + grace
  while not job:done() do
    local told = crew.discard(pool, job) or crews.press(pool, job.id)
    local left = due - core.now()
    if left <= 0 or job:join(told and left or math.min(left, 0.002)) then break end
  end
  if job:done() then return end
  if crews.force(pool, job.id) then job:join(crews.grace) end
  if not job:done() then crew.stopped(pool, job) end
end

--- A job is to stop: called by job:cancel, and when its time is over. Who pursues it
--- is there before its worker is told.
function crews.policy.stop(pool, job)
  if crew.discard(pool, job) then return end
  local grace = crew.overran(job) and OVERTIME or crews.grace
  crews.aside(crew.own(pool), "stop " .. job.name, pursue, pool, job, grace)
  crews.press(pool, job.id)
end

local function enforce(job)
  local due = crew.due(job)
  if due and not job:join(due - core.now()) then crew.overdue(job) end
end

--- A job with a timeout is about to be submitted.
function crews.policy.limit(pool, job)
  crews.aside(crew.own(pool), "timeout of " .. job.name, enforce, job)
end

return crews
