--- server:serve: a task for each connection.

local core = require("skein.core")
local options = require("skein.options")

-- Of the errors of accept: there are no descriptors, or no memory, left.
local SCARCE = { [12] = true, [23] = true, [24] = true, [105] = true }

local known = options.set("limit", "grace")

--- The connections that are served now.
local function crowd()
  return { tasks = {}, count = 0, changed = core.channel(1) }
end

local function leave(self, place)
  if not self.tasks[place] then return end
  self.tasks[place] = nil
  self.count = self.count - 1
  core.shield(self.changed.put, self.changed, true, 0) -- it may be cancelled
end

--- Waits until somebody leaves, or until `due`: then false. A task that was
--- cancelled before it began, or had no memory left, does not say that it leaves.
local function await_change(self, due)
  if self.changed:get(math.min(due - core.now(), 1)) then return true end
  for place, task in next, self.tasks, nil do
    if task and task:done() then leave(self, place) end
  end
  return core.now() < due
end

--- Nobody waits for this task, so what it raises is reported.
local function attend(place, fn, stream)
  local conn <close> = stream
  local _ <close> = place
  fn(conn)
end

local Place = { __close = function(place) leave(place.crowd, place) end }

--- Its place is there before the task, so that no task is without one.
local function admit(self, fn, stream)
  local place = setmetatable({ crowd = self }, Place)
  self.tasks[place] = false
  self.tasks[place] = core.task({ name = "connection" }, attend, place, fn, stream)
  self.count = self.count + 1
end

--- Ends what is still served. Left early, serve does not go before that.
local function dismiss(self)
  core.shield(function()
    for place, task in next, self.tasks, nil do
      if task and task:cancel() and task:done() then leave(self, place) end
    end
    while self.count > 0 do await_change(self, math.huge) end
  end)
end

--- Accepts until the server is closed. Where descriptors are short it waits:
--- for one of its own connections to end, and longer each time.
local function receive(self, server, fn, limit)
  local pause = 0.01
  while true do
    while self.count >= limit and not server:closed() do await_change(self, math.huge) end
    local stream, why, code = server:accept()
    if stream then
      pause = 0.01
      local ok, err = pcall(admit, self, fn, stream)
      if not ok then
        stream:close()
        error(err, 0)
      end
    elseif not SCARCE[code] then
      return stream, why, code
    else
      self.changed:get(0)
      self.changed:get(pause)
      pause = math.min(pause * 2, 1)
    end
  end
end

--- Accepts connections, and runs `fn(stream)` in a task for each, until the
--- server is closed; then waits until all of them have ended.
---@async
---@param server skein.Server
---@param fn fun(stream: skein.Stream)
---@param opts? { limit?: integer, grace?: number }
---@return true? ok, string? why, integer? errno
local function serve(server, fn, opts)
  if type(fn) ~= "function" then
    options.complain("serve", 1, "function expected, got " .. type(fn))
  end
  if opts ~= nil and type(opts) ~= "table" then
    options.complain("serve", 2, "table of options expected, got " .. type(opts))
  end
  local get = options.reader("serve", 2, opts or {}, known)
  local limit = get.count("limit", 1) or math.huge
  local grace = get.typed("number", "grace")
  local self = setmetatable(crowd(), { __close = dismiss })
  local _ <close> = self
  core.net.watch_server(server, self.changed, true)
  local _, why, code = receive(self, server, fn, limit)
  core.net.watch_server(server, self.changed, false)
  if why ~= "closed" then return nil, why, code end
  local due = core.now() + (grace or math.huge)
  while self.count > 0 and await_change(self, due) do end
  return true
end

return serve
