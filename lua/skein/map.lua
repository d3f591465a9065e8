--- pool:map - a list, cut into parts that the workers take.
--
-- A part is a table that src/pool.c fills in when it has ended:
--   first, count  its items; got: how many of them have a result
--   took          seconds
--   error         of the item behind those, if it failed
--   death, step   the error of its worker if that died, and at which item

local core = require("skein.core")
local options = require("skein.options")
local progress = require("skein.progress")

local crew = core.crew

local TARGET = 0.003  -- seconds that a part should take
local LARGEST = 16384 -- items of a part, as we cut
local LIMIT = 65536   -- items of a part, as anybody may wish
local GROWTH = 8      -- from one part to the next

local map = {}

local known = options.set("chunk", "timeout", "unpack", "progress")

--- The arguments of pool:map, checked.
function map.check(fn, list, opts)
  if type(fn) ~= "function" and type(fn) ~= "string" then
    options.complain("map", 1, "function or its name expected, got " .. type(fn))
  end
  if type(list) ~= "table" then
    options.complain("map", 2, "table expected, got " .. type(list))
  end
  if opts ~= nil and type(opts) ~= "table" then
    options.complain("map", 3, "table expected, got " .. type(opts))
  end
  local get = options.reader("map", 3, opts or {}, known)
  local report = (opts or {}).progress
  if report and report ~= true and type(report) ~= "function" then
    options.complain("map", 3, "progress: true or function expected, got " .. type(report))
  end
  local n = math.tointeger(list.n) or #list
  return {
    fn = fn, list = list, n = n, chunk = get.count("chunk", 1),
    due = options.deadline("map", 3, (opts or {}).timeout),
    lists = get.typed("boolean", "unpack"), report = report,
  }
end

local Run = {}
Run.__index = Run


-- Handing out ----------------------------------------------------------------

--- Items from `first` to `last` are to be handed out again.
function Run:again(first, last)
  if first > last then return end
  self.ranges[#self.ranges + 1] = { first, last }
  self:count_uncut(last - first + 1)
end

function Run:count_uncut(n)
  self.uncut = self.uncut + n
  self.st.uncut = self.st.uncut + n
end

--- How many items the next part is to have, of `left`.
function Run:part_size(left)
  local size = self.size
  if not self.chunk then size = math.min(size, left // (2 * self.st.size)) end
  return math.max(1, math.min(size, self.st.limit or size))
end

--- The next items to hand out, or nil. Those behind a failed one are dropped.
function Run:cut()
  while #self.ranges > 0 do
    local range = table.remove(self.ranges)
    local first, last = range[1], range[2]
    self:count_uncut(first - last - 1)
    if not self.failed or first < self.failed then
      local middle = math.min(last, first + self:part_size(last - first + 1) - 1)
      self:again(middle + 1, last)
      return first, middle
    end
  end
  if self.failed or self.next > self.n then return nil end
  local first = self.next
  local last = math.min(self.n, first + self:part_size(self.n - first + 1) - 1)
  self.next = last + 1
  self:count_uncut(first - last - 1)
  return first, last
end

--- Keeps the workers supplied.
function Run:feed()
  while self.ninflight < self.most do
    local first, last = self:cut()
    if not first then return end
    local part = {
      batch = self.batch, results = self.results, mark = self.mark,
      first = first, count = last - first + 1, id = 0,
    }
    self.inflight[part] = true -- noted before it is there
    self.ninflight = self.ninflight + 1
    local ok, err = pcall(crew.part, self.pool, part, self.fn, self.list, self.lists,
      not self.chunk)
    if not ok then
      self:leave(part)
      options.raise(err)
    end
  end
end


-- What came back -------------------------------------------------------------

--- Item `index` failed: those behind it are not wanted.
function Run:fail(index, err)
  if self.failed and self.failed <= index then return end
  self.failed, self.error = index, err
  crew.limit(self.pool, self.mark, index)
end

--- The worker died at an item: that one failed, or is tried again.
function Run:die(part)
  local at = part.first + math.max(part.step, 1) - 1
  local last = part.first + part.count - 1
  local tries = self.tries[at] or self.st.retries
  self:again(at + 1, last)
  if tries > 0 then
    self.tries[at] = tries - 1
    self:again(at, at)
  else
    self:fail(at, part.death)
  end
  self:again(part.first, at - 1)
end

--- Learns from a part how large the next ones should be.
function Run:adapt(part)
  if self.chunk or part.got == 0 then return end
  local want = TARGET * part.got // math.max(part.took, 1e-9)
  self.size = math.max(1, math.min(want, part.count * GROWTH, LARGEST)) // 1 | 0
end

--- Deals with the parts that have ended.
function Run:take()
  for i = 1, #self.ended do
    local part = self.ended[i]
    self.ended[i] = nil
    self:leave(part)
    self.done = self.done + part.got
    local at = part.first + part.got
    if part.error then
      self:fail(at, part.error)
    elseif part.death then
      self:die(part)
    else
      self:again(at, part.first + part.count - 1) -- what it left
      self:adapt(part)
    end
  end
end


-- The end --------------------------------------------------------------------

--- The part is not under way any more.
function Run:leave(part)
  self.inflight[part] = nil
  self.ninflight = self.ninflight - 1
end

--- Parts that ended when there was no memory to say how are gone.
function Run:forget_lost()
  local _, open = crew.own(self.pool)
  for part in pairs(self.inflight) do
    if not open[part.id] then self:leave(part) end
  end
  crew.forgive(self.batch)
end

--- Drops the parts that have not begun, and tells the workers of the others to stop;
--- have all been told?
function Run:press(how)
  local all = true
  for part in pairs(self.inflight) do
    if crew.drop(self.pool, part.id) then
      self:leave(part)
    elseif not how.press(self.pool, part.id) then
      all = false -- on its way
    end
  end
  return all
end

--- Stops all parts, and waits for those that have begun.
function Run:stop(how)
  self:take()
  self:forget_lost()
  self.failed, self.next = 0, self.n + 1
  crew.limit(self.pool, self.mark, 0)
  local due = core.now() + how.grace
  while self.ninflight > 0 and core.now() < due do
    local all = self:press(how)
    if self.ninflight > 0 then self.batch:wait(all and due - core.now() or 0.002) end
    self:take()
  end
  for part in pairs(self.inflight) do how.force(self.pool, part.id) end
  due = core.now() + how.grace
  while self.ninflight > 0 and core.now() < due do
    self.batch:wait(due - core.now())
    self:take()
  end
end

--- However the stopping went (it may be interrupted, or memory end in it): nobody waits
--- for the parts any more.
function Run:__close()
  local ok, err = true, nil
  if self.ninflight > 0 then ok, err = pcall(core.shield, self.stop, self, self.how) end
  for part in pairs(self.inflight) do crew.forget(self.pool, part.id) end
  local st = self.st
  if ok then
    crew.unmark(self.pool, self.mark)
  else -- what is on its way shall find it like that
    crew.limit(self.pool, self.mark, 0)
    crew.recall(self.pool)
  end
  self:count_uncut(-self.uncut)
  st.feeding = st.feeding - 1
  if st.feeding == 0 and st.closed then crew.close(self.pool) end
  if self.finish then self.finish() end
  if not ok then error(err, 0) end
end

local function begin(pool, st, m, how)
  local batch, ended, results = crew.batch(m.n)
  local self = setmetatable({
    pool = pool, st = st, how = how, fn = m.fn, list = m.list, lists = m.lists, n = m.n,
    chunk = m.chunk, size = m.chunk and math.min(m.chunk, LIMIT) or 1,
    batch = batch, ended = ended, results = results, mark = crew.mark(pool),
    next = 1, ranges = {}, inflight = {}, ninflight = 0, most = 2 * st.size + 1,
    done = 0, tries = {}, uncut = 0, report = m.report,
  }, Run)
  if m.report == true then self.report, self.finish, self.tick = progress() end
  st.feeding = st.feeding + 1
  self:count_uncut(m.n)
  return self
end

--- Runs a checked map; `how` it is stopped: press(), force(), grace.
---@async
function map.run(pool, st, m, how)
  core.checkpoint()
  local self <close> = begin(pool, st, m, how)
  local report = self.report
  if report then report(0, m.n) end
  self:feed()
  while self.ninflight > 0 do
    local left = m.due == math.huge and m.due or m.due - core.now()
    self.batch:wait(self.tick and math.min(left, self.tick) or left)
    local before = self.done
    self:take()
    if self.ninflight > 0 and left <= 0 then
      error(core.error { kind = "timeout", message = "timeout: the map has not ended" }, 0)
    end
    self:feed()
    if report and (self.done > before or self.tick) then report(self.done, m.n) end
  end
  if self.error then error(self.error, 0) end
  return self.results
end

return map
