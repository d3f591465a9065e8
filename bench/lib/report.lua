--- The table of what came out, for a terminal and for a page.

local party = require("bench.lib.party")

local report = {}

--- A number with about three digits.
local function digits(v)
  if v >= 100 then return ("%.0f"):format(v) end
  if v >= 10 then return ("%.1f"):format(v) end
  return ("%.2f"):format(v)
end

--- A figure in the unit that suits it.
function report.figure(v, unit)
  if v == nil then return "" end
  if unit == "bytes" then return ("%.0f B"):format(v) end
  if v < 1e3 then return digits(v) .. " ns" end
  if v < 1e6 then return digits(v / 1e3) .. " us" end
  if v < 1e9 then return digits(v / 1e6) .. " ms" end
  return digits(v / 1e9) .. " s"
end

--- The best of the peers: its title and median.
function report.best(work, by)
  local best
  for _, id in ipairs(work.peers or {}) do
    if by[id] and (best == nil or by[id].median < by[best].median) then best = id end
  end
  if best then return party.named[best].title, by[best].median end
end

--- How many times what its goal is set beside may skein take? A goal in ns was set
--- where that took `there` ns.
local function ratio(goal)
  return goal.ratio or goal.ns and goal.ns / goal.there or goal.peer and 1
end

--- What the goal of a work allows here, in the unit of the work.
function report.allowed(work, by)
  local goal = work.goal
  if goal == nil then return nil end
  if goal.bytes then return goal.bytes end
  local beside = by[goal.of and "yard" or goal.peer or "floor"]
  return beside and beside.median * ratio(goal)
end

function report.goal(work)
  local goal = work.goal
  if goal == nil then return "" end
  if goal.bytes then return ("%d B"):format(goal.bytes) end
  if goal.peer then return "as " .. party.named[goal.peer].title end
  if goal.ratio then return ("%.3g x the floor"):format(goal.ratio) end
  return report.figure(goal.ns)
end

--- Did skein reach the goal? By the ratio of neighbours in time, where it is one;
--- "as set" says: not that, but the time as it was set for another machine.
---@return boolean | "as set" | nil
function report.met(work, by)
  local own, goal = by.skein, work.goal
  if not own or not goal then return nil end
  if goal.bytes then return own.median <= goal.bytes end
  if own.beside == nil then return nil end
  if own.beside <= ratio(goal) then return true end
  return goal.ns and own.median <= goal.ns and "as set" or false
end

local header = { "work", "floor", "skein", "best peer", "Python", "skein / floor", "goal",
  "allowed here", "met" }

--- The rows of the table, texts.
function report.rows(results)
  local rows = { header }
  for _, result in ipairs(results) do
    local work, by = result.work, result.by
    local function median(id) return by[id] and report.figure(by[id].median, work.unit) or "" end
    local name, best = report.best(work, by)
    local met = report.met(work, by)
    rows[#rows + 1] = {
      work.title, median("floor"), median("skein"),
      best and name .. " " .. report.figure(best, work.unit) or "", median("python"),
      by.skein and by.skein.ratio and ("%.2f"):format(by.skein.ratio) or "",
      report.goal(work), report.figure(report.allowed(work, by), work.unit),
      met == nil and "" or met == true and "yes" or met or "NO",
    }
  end
  return rows
end

--- The rows in columns.
function report.text(rows)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do widths[i] = math.max(widths[i] or 0, #cell) end
  end
  for n, row in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(row) do
      local left = i == 1 or i == #row
      cells[i] = ("%" .. (left and "-" or "") .. widths[i] .. "s"):format(cell)
    end
    lines[n] = table.concat(cells, "  "):gsub("%s+$", "")
  end
  return table.concat(lines, "\n") .. "\n"
end

--- The rows as Markdown.
function report.markdown(rows)
  local lines = {}
  for n, row in ipairs(rows) do
    lines[#lines + 1] = "| " .. table.concat(row, " | ") .. " |"
    if n == 1 then lines[#lines + 1] = "|---" .. ("|---:"):rep(#row - 2) .. "|---|" end
  end
  return table.concat(lines, "\n") .. "\n"
end

return report
