--- make bench-check: how many instructions hot operations take, by callgrind. That
--- is repeatable where time is not: fails when one takes more than 5 % above what
--- instructions.txt says. With $UPDATE that is written anew.

package.path = "./?.lua;" .. package.path
local shell = require("bench.lib.shell")

local BASELINE, TOLERANCE = arg[1] or "bench/instructions.txt", 0.05

local build = os.getenv("BUILD") or "build"
local lua = os.getenv("LUA") or "lua5.4"

--- What the counts depend on besides the code.
local function setting()
  return table.concat({ shell.line(lua .. " -v"), shell.line("uname -m"),
    shell.line("${CC:-cc} --version") }, ", ")
end

local function can(command)
  return shell.line(command .. " && echo yes") ~= nil
end

--- The command that puts a program into an environment of always the same size:
--- the seed of Lua's hashes is also where its stack begins.
local function environment()
  local words, size = {}, 0
  local function add(name, value)
    size = size + #name + #value + 10 -- with "=", the end, and its address
    words[#words + 1] = name .. "='" .. value .. "'"
  end
  for _, name in ipairs { "PATH", "BUILD", "LUA_PATH", "LUA_CPATH", "LUA_PATH_5_4",
    "LUA_CPATH_5_4" } do
    local value = os.getenv(name)
    if value then add(name, value) end
  end
  add("LD_PRELOAD", build .. "/bench/still.so")
  add("REST", ("x"):rep(8000 - size))
  local command = "env -i " .. table.concat(words, " ") .. " "
  return can("setarch -R true >/dev/null") and command .. "setarch -R " or command
end

--- Runs counted.lua: names and instructions of one operation, sorted by name.
local function count()
  local dir = build .. "/bench/callgrind"
  os.execute("rm -rf " .. dir .. " && mkdir -p " .. dir)
  local text, ok = shell.output(("%svalgrind --tool=callgrind -q "
    .. "--callgrind-out-file=%s/out --collect-atstart=no --toggle-collect=floor_counted "
    .. "--dump-after=floor_counted %s bench/counted.lua"):format(environment(), dir, lua))
  assert(ok, "the program failed")
  local step, list, part = nil, {}, 0
  local function total()
    part = part + 1
    local data = assert(shell.read(("%s/out.%d"):format(dir, part)), "callgrind wrote too little")
    return tonumber(data:match("\nsummary: (%d+)"))
  end
  for line in text:gmatch("[^\n]+") do
    if step then
      local few = total()
      list[#list + 1] = { name = line, count = (total() - few) / step }
    else
      step = tonumber(line)
    end
  end
  return list
end

local function read()
  local text = shell.read(BASELINE)
  if not text then return {}, nil end
  local baseline = {}
  for n, name in text:gmatch("\n *([%d.]+)  ([^\n]+)") do baseline[name] = tonumber(n) end
  return baseline, text:match("^# ([^\n]+)")
end

local function write(list)
  local lines = { "# " .. setting(), "# instructions of one operation, written by "
    .. "'make bench-check UPDATE=1'" }
  for _, one in ipairs(list) do lines[#lines + 1] = ("%9.1f  %s"):format(one.count, one.name) end
  shell.write(BASELINE, table.concat(lines, "\n") .. "\n")
  print("written: " .. BASELINE)
end

--- Prints the comparison; how many grew too much.
local function compare(list, baseline)
  local bad = 0
  for _, one in ipairs(list) do
    local before = baseline[one.name]
    local change = before and one.count / before - 1
    local grew = change and change > TOLERANCE
    if grew then bad = bad + 1 end
    print(("%9.1f  %7s  %s%s"):format(one.count, change and ("%+.1f %%"):format(change * 100)
      or "new", one.name, grew and "  <-- grew" or ""))
  end
  return bad
end

if not can("valgrind --version >/dev/null") then
  print("bench-check: left out, for there is no valgrind")
  os.exit(true)
end
local list = count()
local baseline, there = read()
local bad = compare(list, baseline)
if (os.getenv("UPDATE") or "") ~= "" then
  write(list)
elseif there ~= setting() then
  print("bench-check: not judged, for the baseline is of another setting:\n  "
    .. tostring(there) .. "\n  " .. setting())
elseif bad > 0 then
  print(("bench-check: %d grew by more than %g %%"):format(bad, TOLERANCE * 100))
  os.exit(false)
else
  print("bench-check: all is well")
end
