--- Programs of their own, for specs of how programs end.

local support = require("spec.support")
local family = require("spec.family")

local program = {}

--- Starts `code`, which has `skein`, `say` (prints at once) and `spin`. Its output
--- ends when the last process that could write to it is gone.
---@param code string
---@param before? string  what the shell does before: "ulimit -v 100000;"
---@param env? string  more variables: "LD_PRELOAD=x.so"
---@return { line: fun(): string, finish: fun(): string, integer }
function program.launch(code, before, env)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write([[
    local skein = require("skein")
    io.stdout:setvbuf("full")
    local function say(...)
      print(...)
      io.stdout:flush()
    end
    local function spin() while true do end end
  ]], code)
  file:close()
  local command = "%s exec timeout -s KILL %d env %s LUA_PATH='%s' LUA_CPATH='%s' %s %s 2>&1"
  command = command:format(before or "", support.patience, env or "", package.path,
    package.cpath, support.lua, path)
  local pipe = assert(io.popen(command))
  return {
    line = function() return pipe:read("l") end,
    finish = function()
      local output = pipe:read("a")
      local _, how, status = pipe:close()
      os.remove(path)
      return output, how == "exit" and status or -status
    end,
  }
end

--- Runs it: all that it printed, and its exit code (-n: signal n).
function program.run(code, before, env)
  return program.launch(code, before, env).finish()
end

--- Runs it until it has printed numbers, sends a signal to the last of them;
--- what else it printed, its exit code, the numbers. The signal may be several:
--- "INT 0.3 INT", with seconds between them.
function program.interrupt(signals, code)
  local run = program.launch(code)
  local line = run.line()
  local pids = {}
  for pid in line:gmatch("%d+") do pids[#pids + 1] = tonumber(pid) end
  -- lua's own handler answers to Ctrl-C until the program waits
  if signals:find("INT") then family.sleeps(pids[#pids]) end
  local commands = {}
  for word in signals:gmatch("%S+") do
    commands[#commands + 1] = tonumber(word) and "sleep " .. word
      or ("kill -%s %d"):format(word, pids[#pids])
  end
  os.execute(table.concat(commands, "; "))
  local output, status = run.finish()
  return output, status, pids
end

--- How often the pattern is in the text.
function program.times(text, pattern)
  return select(2, text:gsub(pattern, ""))
end

return program
