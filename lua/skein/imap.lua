--- pool:imap - results one by one, a job for each item.

local core = require("skein.core")
local options = require("skein.options")

local crew = core.crew

local known = options.set("ahead", "ordered")

local Walk = {}
Walk.__index = Walk

--- A function that returns whether there is an item, and the item.
local function reader(source)
  if type(source) == "table" then
    local i, n = 0, math.tointeger(source.n) or #source
    return function()
      i = i + 1
      return i <= n, source[i]
    end
  end
  return function()
    local item = source()
    return item ~= nil, item
  end
end

--- Hands out one item more, unless the source has ended.
function Walk:read()
  local ok, more, item = pcall(self.source)
  if not ok then
    self.ended, self.failure = true, { more }
    return
  end
  if not more then
    self.ended = true
    return
  end
  local i = self.count + 1
  self.count = i
  local job, err
  ok, job = pcall(crew.submit, self.pool, self.fn, item)
  if not ok then job, err = false, job end
  self.jobs[i], self.errors[i] = job, err
  if not self.ready then return end
  if not job then self.ready:put(i) return end
  job:on_done(function() self.ready:put(i) end)
end

--- The number of the next result.
function Walk:choose()
  if self.ready then return (self.ready:get()) end
  local i = self.given + 1
  if self.jobs[i] then self.jobs[i]:join() end
  return i
end

function Walk:leave()
  if self.left then return end
  self.left = true
  local st = self.st
  st.feeding = st.feeding - 1
  if st.feeding == 0 and st.closed then crew.close(self.pool) end
end

--- i, ok, results or error; nil at the end.
function Walk:__call()
  if self.left then return nil end
  while not self.ended and self.count - self.given < self.ahead do self:read() end
  if self.given == self.count then
    self:leave()
    if self.failure then error(self.failure[1], 0) end
    return nil
  end
  local i = self:choose()
  local job, err = self.jobs[i], self.errors[i]
  self.jobs[i], self.errors[i] = nil, nil
  self.given = self.given + 1
  if not job then return i, false, err end
  return i, pcall(job.get, job)
end

local function wait_for(jobs)
  for _, job in pairs(jobs) do
    if job then job:join() end
  end
end

--- Left early: what is open is cancelled and waited for.
function Walk:__close()
  for _, job in pairs(self.jobs) do
    if job then job:cancel() end
  end
  core.shield(wait_for, self.jobs)
  self:leave()
end

Walk.__gc = Walk.leave

---@param pool skein.Pool
---@param st table  its state
local function imap(pool, st, fn, source, opts)
  if type(fn) ~= "function" and type(fn) ~= "string" then
    options.complain("imap", 1, "function or its name expected, got " .. type(fn))
  end
  if type(source) ~= "table" and type(source) ~= "function" then
    options.complain("imap", 2, "table or function expected, got " .. type(source))
  end
  if opts ~= nil and type(opts) ~= "table" then
    options.complain("imap", 3, "table expected, got " .. type(opts))
  end
  local get = options.reader("imap", 3, opts or {}, known)
  local ahead, ordered = get.count("ahead", 1), get.typed("boolean", "ordered")
  if st.failure then error(st.failure, 0) end
  st.feeding = st.feeding + 1
  local walk = setmetatable({
    pool = pool, st = st, fn = fn, source = reader(source), ahead = ahead or 2 * st.size,
    ready = ordered == false and core.channel() or nil,
    jobs = {}, errors = {}, count = 0, given = 0,
  }, Walk)
  return walk, nil, nil, walk
end

return imap
