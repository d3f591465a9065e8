--- A helper of busted that counts which lines of lua/skein/ the suite reaches, in
--- this state and its coroutines, and reports to $LINES_REPORT at the end.

local reached = {}

--- The file of the library that `source` is, or nil.
local function ours(source)
  return source:match("lua/skein/([%w_]+%.lua)$")
end

local function hook(_, line)
  local info = debug.getinfo(2, "S")
  local file = ours(info.source)
  if not file then return end
  reached[file] = reached[file] or {}
  reached[file][line] = true
end

--- Every coroutine is watched: Lua has one hook for each.
local function watch(create)
  return function(...)
    local co = create(...)
    debug.sethook(co, hook, "l")
    return co
  end
end

debug.sethook(hook, "l")
rawset(coroutine, "create", watch(coroutine.create))

--- The lines with code, of the function and those in it.
local function active(path)
  local lines = {}
  local listing = io.popen("${LUAC:-luac5.4} -l -l -p " .. path .. " 2>/dev/null")
  for line, op in listing:read("a"):gmatch("\n%s+%d+%s+%[(%d+)%]%s+(%u+)") do
    if op ~= "VARARGPREP" then lines[tonumber(line)] = true end -- which has no line
  end
  listing:close()
  return lines
end

local function report(out)
  local all, hit = 0, 0
  for path in io.popen("ls lua/skein/*.lua"):lines() do
    local file = ours(path)
    local n, got, missed = 0, 0, {}
    for line in pairs(active(path)) do
      n = n + 1
      if reached[file] and reached[file][line] then
        got = got + 1
      else
        missed[#missed + 1] = line
      end
    end
    table.sort(missed)
    all, hit = all + n, hit + got
    out:write(("%6.1f %% of %4d  %s: not %s\n"):format(got / math.max(n, 1) * 100, n, path,
      table.concat(missed, " ")))
  end
  out:write(("%6.1f %% of %4d  Lua\n"):format(hit / math.max(all, 1) * 100, all))
end

require("busted").subscribe({ "suite", "end" }, function()
  local out <close> = assert(io.open(os.getenv("LINES_REPORT"), "w"))
  debug.sethook()
  report(out)
  return nil, true
end)
