--- The progress of a map on stderr: a live line on a terminal, else plain
--- lines, seldom.

local core = require("skein.core")

local REDRAW = 0.1 -- seconds between two live lines
local SELDOM = 5   -- seconds between two plain lines

local Bar = {}
Bar.__index = Bar

--- "3.2 s", "4:05", "1:02:03"
local function duration(s)
  if s < 10 then return ("%.1f s"):format(s) end
  if s < 60 then return ("%.0f s"):format(s) end
  local m, h = s // 60, s // 3600
  if h < 1 then return ("%d:%02d"):format(m, s % 60) end
  return ("%d:%02d:%02d"):format(h, m % 60, s % 60)
end

local function rate(per_second)
  if per_second >= 100 then return ("%.0f/s"):format(per_second) end
  return ("%.3g/s"):format(per_second)
end

--- What is known besides the bar itself.
function Bar:facts(done, total, now)
  local spent = now - self.start
  local text = ("%d/%d"):format(done, total)
  if done == total then
    return ("%s in %s"):format(text, duration(spent)), spent
  end
  if done > 0 and spent > 0 then
    text = ("%s  %s  %s left"):format(text, rate(done / spent),
      duration((total - done) * spent / done))
  end
  return text, spent
end

--- One line that fits, padded so that it covers the one before.
function Bar:draw(done, total, now)
  local facts, spent = self:facts(done, total, now)
  if done == total and spent > 0 then
    facts = ("%s (%s)"):format(facts, rate(done / spent))
  end
  local share = total > 0 and done / total or 1
  local line = ("%3d%% "):format(share * 100 // 1)
  local room = math.min(self.columns - 1 - #line - #facts - 4, 40)
  if room >= 5 then
    local full = share * room // 1
    line = line .. "[" .. ("#"):rep(full) .. (" "):rep(room - full) .. "]  "
  end
  line = (line .. facts):sub(1, self.columns - 1)
  local pad = math.max(0, self.drawn - #line)
  self.drawn = #line
  io.stderr:write("\r", line, (" "):rep(pad)):flush()
end

--- `done` of `total` are dealt with.
function Bar:show(done, total)
  local now = core.now()
  local last = done == total
  if not last and now < self.due then return end
  if self.columns then
    self.due = now + REDRAW
    self:draw(done, total, now)
  elseif done > 0 then
    self.due = now + SELDOM
    io.stderr:write((self:facts(done, total, now)), "\n"):flush()
  else
    self.due = now + SELDOM
  end
end

--- The line is left as it is, whatever comes next is on a line of its own.
function Bar:close()
  if self.drawn > 0 then io.stderr:write("\n"):flush() end
  self.drawn = 0
end

--- A function of (done, total), and one to be called at the end.
local function progress()
  local columns = core.crew.terminal()
  local wished = math.tointeger(tonumber(os.getenv("COLUMNS") or ""))
  if columns and wished and wished > 0 then columns = wished end
  local bar = setmetatable({ start = core.now(), due = 0, drawn = 0, columns = columns }, Bar)
  return function(done, total) bar:show(done, total) end, function() bar:close() end
end

return progress
