--- Runs an example as its user would, and reads what it printed.

local assert = require("luassert")
local shell = require("spec.shell")

local LATE = 0.5 -- seconds by which a busy machine may be behind

local function first_line(command)
  local code, printed = shell.run(command)
  return assert(code == 0 and printed:match("^[^\n]+"), printed)
end

local root = first_line("pwd -P")
local interpreter = first_line("readlink /proc/$PPID/exe")

--- A search path that means the same in any directory.
local function absolute(path)
  return (path:gsub("[^;]+", function(entry)
    return entry:sub(1, 1) == "/" and entry or root .. "/" .. entry
  end))
end

local function read_all(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

---@class ExampleOutput
---@field code integer  exit code
---@field lines string[]  what it printed, without the times
---@field times number[]  the time each line began with, if it did
---@field errors string  what it wrote to stderr
local Output = {}
Output.__index = Output

--- The place of the only line that matches.
function Output:find(pattern)
  local found
  for i, line in ipairs(self.lines) do
    if line:find(pattern) then
      assert(not found, ("more than one line matches %q:\n%s"):format(pattern, self))
      found = i
    end
  end
  return assert(found, ("no line matches %q:\n%s"):format(pattern, self))
end

--- The first capture of each line that matches.
function Output:all(pattern)
  local found = {}
  for _, line in ipairs(self.lines) do
    found[#found + 1] = line:match(pattern)
  end
  return found
end

--- The lines that match these patterns come in this order.
function Output:in_order(...)
  local last = 0
  for _, pattern in ipairs({ ... }) do
    local place = self:find(pattern)
    assert(place > last, ("%q comes too early:\n%s"):format(pattern, self))
    last = place
  end
end

--- The line that matches was printed when 'seconds' had passed.
function Output:at(pattern, seconds)
  local time = self.times[self:find(pattern)]
  assert(time and time >= seconds - 0.001 and time <= seconds + LATE,
    ("%q was not printed at %g s:\n%s"):format(pattern, seconds, self))
end

function Output:__tostring()
  local copy = {}
  for i, line in ipairs(self.lines) do
    local time = self.times[i]
    copy[i] = (time and ("%.3f s  "):format(time) or "") .. line
  end
  return table.concat(copy, "\n") .. "\n" .. self.errors
end

local run = { root = root, read_all = read_all }

--- A new, empty directory.
function run.directory()
  return first_line("mktemp -d")
end

--- Runs examples/<name>.lua, in a directory if one is given, for a minute at
--- most.
---@return ExampleOutput
function run.example(name, args, directory)
  local errors = os.tmpname()
  local words = { interpreter, ("%s/examples/%s.lua"):format(root, name) }
  table.move(args, 1, #args, #words + 1, words)
  for i, word in ipairs(words) do words[i] = shell.quote(tostring(word)) end
  local output = assert(io.popen(table.concat({
    "cd", shell.quote(directory or root), "&&",
    "LUA_PATH_5_4=" .. shell.quote(absolute(package.path)),
    "LUA_CPATH_5_4=" .. shell.quote(absolute(package.cpath)),
    "timeout -s KILL 60", table.concat(words, " "), "2>" .. shell.quote(errors),
  }, " ")))
  local self = setmetatable({ lines = {}, times = {} }, Output)
  for line in output:lines() do
    local time, text = line:match("^(%d+%.%d+) s  (.*)$")
    self.lines[#self.lines + 1] = text or line
    self.times[#self.lines] = tonumber(time)
  end
  local _, _, code = output:close()
  self.code, self.errors = code, read_all(errors)
  os.remove(errors)
  return self
end

return run
