--- The progress of a map on stderr: a live line on a terminal, else plain
--- lines, seldom.

local core = require("skein.core")

local REDRAW = 0.1 -- seconds between two live lines at least ...
local TICK = 0.5   -- ... and at most
local SELDOM = 5   -- seconds between two plain lines
local LONGEST = 40 -- columns of the bar itself

local Bar = {}
Bar.__index = Bar

--- "3.2 s", "4:05", "1:02:03"
local function duration(s)
  if s < 9.95 then return ("%.1f s"):format(s) end
  if s < 59.5 then return ("%.0f s"):format(s) end
  s = math.tointeger((s + 0.5) // 1)
  local m, h = s // 60, s // 3600
  if h < 1 then return ("%d:%02d"):format(m, s % 60) end
  return ("%d:%02d:%02d"):format(h, m % 60, s % 60)
end

local function rate(per_second)
  if per_second >= 100 then return ("%.0f/s"):format(per_second) end
  return ("%.3g/s"):format(per_second)
end

--- What is known besides the bar itself.
function Bar:facts(now)
  local done, total, spent = self.done, self.total, now - self.start
  local text = ("%d/%d"):format(done, total)
  if done == total then
    text = ("%s in %s"):format(text, duration(spent))
    return spent > 0 and self.live and ("%s (%s)"):format(text, rate(done / spent)) or text
  end
  local known = self.changed - self.start -- seconds that this took
  if done == 0 or known <= 0 then return text end
  local left = (total - done) * known / done - (now - self.changed)
  return ("%s  %s  %s left"):format(text, rate(done / known), duration(math.max(left, 0)))
end

--- The live line, of at most so many columns.
function Bar:line(columns, now)
  local facts = self:facts(now)
  local share = self.total > 0 and self.done / self.total or 1
  local line = ("%3d%% "):format(share * 100 // 1)
  local room = math.min(columns - #line - #facts - 4, LONGEST)
  if room >= 5 then
    local full = share * room // 1
    line = ("%s[%s%s]  "):format(line, ("#"):rep(full), (" "):rep(room - full))
  end
  return (line .. facts):sub(1, columns)
end

--- Over the line before, and what that has more is erased: nothing flickers. The
--- last column stays empty, for some terminals go on to the next line there.
function Bar:draw(now)
  local columns = core.crew.terminal() or 0
  self.drawn = true
  io.stderr:write("\r" .. self:line((columns > 0 and columns or 80) - 1, now) .. "\27[K"):flush()
end

--- `done` of `total` are dealt with; without these: as many as before.
function Bar:show(done, total)
  local now = core.now()
  if done and done ~= self.done then self.changed = now end
  self.done, self.total = done or self.done, total or self.total
  if now < self.due and self.done < self.total then return end
  self.due = now + (self.live and REDRAW or SELDOM)
  if self.live then
    self:draw(now)
  elseif self.done > 0 or self.total == 0 then
    io.stderr:write(self:facts(now) .. "\n"):flush()
  end
end

--- The line is left as it is, whatever comes next is on a line of its own.
function Bar:close()
  if self.drawn then io.stderr:write("\n"):flush() end
  self.drawn = false
end

--- A function of (done, total), one to be called at the end, and how often it is
--- to be called even if nothing has changed: seconds.
local function progress()
  local term = os.getenv("TERM")
  local now = core.now()
  local live = core.crew.terminal() ~= nil and term ~= nil and term ~= "dumb"
  local bar = setmetatable({
    start = now, changed = now, done = 0, total = 0, live = live,
    due = live and 0 or now + SELDOM, drawn = false,
  }, Bar)
  return function(done, total) bar:show(done, total) end, function() bar:close() end,
    live and TICK or nil
end

return progress
