--- The text of skein.dump(): who runs, what each waits for, and since when.

local core = require("skein.core")

--- "waiting for queue get, 0.1 s, at file:7", or another state.
---@param entry table
---@param holder? string  who has the lock it waits for
local function doing(entry, holder)
  local text = entry.state
  if entry.what then
    local what = entry.awaited and "the end of " .. entry.awaited or entry.what
    local held = holder and ", held by " .. holder or ""
    text = ("%s for %s%s, %.1f s"):format(text, what, held, entry.since)
  end
  return entry.where and text .. ", at " .. entry.where or text
end

--- Who has the lock that the entry waits for, if it is one.
---@param entry table  of a task of this thread
---@param tasks table[]  core.tasks()
---@param members table[]  core.members()
---@param here integer  the slot of this thread
---@return string?
local function find_holder(entry, tasks, members, here)
  for _, task in ipairs(entry.slot == here and tasks or {}) do
    if task.id == entry.holder then return task.name end
  end
  for _, member in ipairs(members) do
    if member.slot == entry.slot then
      return ("%s '%s'"):format(member.kind, member.name)
    end
  end
end

--- The line of a process or thread.
---@param member table  an entry of core.members()
---@return string
local function describe(member)
  local text = ("%s '%s'"):format(member.kind, member.name)
  if member.pid and member.kind ~= "thread" then
    text = ("%s, pid %d"):format(text, member.pid)
  end
  text = text .. ": " .. doing(member, member.held_by)
  local tasks = member.tasks or 0
  if tasks > 0 then
    text = ("%s; %d task%s"):format(text, tasks, tasks > 1 and "s" or "")
  end
  return member.age and ("%s; began %.1f s ago"):format(text, member.age) or text
end

--- The line of a command that runs.
---@param command table  an entry of core.commands()
---@return string
local function describe_command(command)
  local text = ("command '%s', pid %d: "):format(command.name, command.pid)
  if command.program then
    text = text .. "running " .. command.program
  else
    text = text .. "has ended, waiting for the rest of its group"
  end
  if command.unread > 0 then
    text = ("%s; %d bytes of its stdin are not read"):format(text, command.unread)
  end
  if command.left then
    text = ("%s; told to end, killed in %.1f s"):format(text, command.left)
  end
  return ("%s; began %.1f s ago"):format(text, command.age)
end

-- What comes to an endpoint, and who is missing if nobody waits for it.
local comes = { server = "connections", ["udp socket"] = "datagrams" }
local taken = { server = "accepts", ["udp socket"] = "receives" }

--- The line of a server or a socket for datagrams.
---@param endpoint table  an entry of core.endpoints()
---@return string
local function describe_endpoint(endpoint)
  local text, what = ("%s %s: "):format(endpoint.called, endpoint.at), comes[endpoint.called]
  local n = endpoint.takers
  if n > 0 then
    return ("%swaiting for %s, %d task%s"):format(text, what, n, n > 1 and "s" or "")
  end
  text = endpoint.news and text .. what .. " are there, " or text
  return text .. "nobody " .. taken[endpoint.called]
end

--- Adds what this thread has beside its tasks.
local function add_others(lines, indent)
  for _, command in ipairs(core.commands()) do
    lines[#lines + 1] = indent .. describe_command(command)
  end
  for _, endpoint in ipairs(core.endpoints()) do
    lines[#lines + 1] = indent .. describe_endpoint(endpoint)
  end
end

local function put_below(below, parent, entry)
  below[parent] = below[parent] or {}
  table.insert(below[parent], entry)
end

--- Adds the tasks of this thread as lines, each below the one whose group or
--- run it is part of.
local function add_tasks(lines, tasks, indent)
  local below = {}
  for i = 2, #tasks do put_below(below, tasks[i].parent, tasks[i]) end
  local function add(id, inner)
    for _, task in ipairs(below[id] or {}) do
      lines[#lines + 1] = ("%s%s: %s"):format(inner, task.name, doing(task, task.held_by))
      add(task.id, inner .. "  ")
    end
  end
  add(tasks[1].id, indent)
end

--- The members of the family by the slot of who made them; by 0, the others.
local function by_maker(members)
  local known, below = {}, {}
  table.sort(members, function(a, b) return a.age > b.age end)
  for _, member in ipairs(members) do known[member.slot] = true end
  for _, member in ipairs(members) do
    put_below(below, known[member.maker] and member.maker or 0, member)
  end
  return below
end

--- The entry of this thread in `members`, where it is known better what it
--- does than there.
local function own(members, here, top)
  local self
  for _, member in ipairs(members) do
    if member.slot == here then self = member end
  end
  if not self then
    self = { slot = 0, maker = 0, kind = top.kind, name = top.name }
    self.pid, members[1] = core.self().pid, self
  end
  self.state, self.what, self.since = top.state, top.what, top.since
  self.where, self.tasks = top.where, nil
  self.awaited, self.held_by = top.awaited, top.held_by
  return self
end

--- All processes and threads of the family, each below the one that started
--- it, and the tasks, commands and servers of this thread.
---@return string
local function dump()
  local tasks = core.tasks()
  local members, here = core.members()
  for _, task in ipairs(tasks) do
    task.held_by = find_holder(task, tasks, members, here)
  end
  local self = own(members, here, tasks[1])
  local below, lines = by_maker(members), {}
  local function add(maker, indent)
    for _, member in ipairs(below[maker] or {}) do
      lines[#lines + 1] = indent .. describe(member)
      if member == self then
        add_tasks(lines, tasks, indent .. "  ")
        add_others(lines, indent .. "  ")
      end
      if member.slot ~= maker then add(member.slot, indent .. "  ") end
    end
  end
  add(0, "")
  return table.concat(lines, "\n")
end

return dump
