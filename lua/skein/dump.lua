--- The text of skein.dump(): who runs, what each waits for, and since when.

local core = require("skein.core")

---@param task table  an entry of core.tasks()
---@return string
local function describe(task)
  local text = task.name .. ": " .. task.state
  if task.what then
    text = ("%s for %s, %.1f s"):format(text, task.what, task.since)
  end
  if task.where then text = text .. ", at " .. task.where end
  return text
end

--- The tasks as lines, each below the one whose group or run it is part of.
---@return string
local function dump()
  local children, lines = {}, {}
  local tasks = core.tasks()
  for i = 2, #tasks do
    local siblings = children[tasks[i].parent] or {}
    siblings[#siblings + 1] = tasks[i]
    children[tasks[i].parent] = siblings
  end
  local function add(task, indent)
    lines[#lines + 1] = indent .. describe(task)
    for _, child in ipairs(children[task.id] or {}) do
      add(child, indent .. "  ")
    end
  end
  tasks[1].name = ("%s, pid %d"):format(tasks[1].name, core.self().pid)
  add(tasks[1], "")
  return table.concat(lines, "\n")
end

return dump
