--- Measures a work: all of its parties in turn, each time in a fresh process, and
--- that several times.

local party = require("bench.lib.party")
local shell = require("bench.lib.shell")
local stats = require("bench.lib.stats")

local measure = {
  rounds = 7,     -- of each work
  least = 3,      -- of those that take long
  seconds = 0.15, -- that one run shall take
  budget = 6,     -- seconds for all runs of a party, but for the least
  trouble = {},   -- who failed, and with what
}

local build = os.getenv("BUILD") or "build"

--- For times when the machine is busy, or nobody wants to wait.
function measure.quick()
  measure.rounds, measure.least, measure.seconds, measure.budget = 3, 1, 0.05, 1
end

--- One run: its figure, or nil if it failed.
local function run(area, who, work, n, x)
  local errors = build .. "/bench/errors"
  local clock = work.clock or require("bench." .. area).clock or "wall"
  local command = party.command(who, area, work, n, x)
  local figure = shell.line(("CLOCK=%s timeout -k 5 120 %s 2>%s"):format(clock, command, errors))
  if tonumber(figure) then return tonumber(figure) end
  measure.trouble[#measure.trouble + 1] = ("%s, %s, %s: %s"):format(area, work.id, who.id,
    (shell.read(errors) or ""):match("[^\n]*") or figure or "nothing")
end

--- 1, 2 or 5 times a power of ten.
local function round(n)
  local power = 10 ^ math.floor(math.log(n, 10) + 1e-9)
  local digit = n / power
  return math.tointeger((digit >= 5 and 5 or digit >= 2 and 2 or 1) * power)
end

--- How often a party shall do the work, so that it takes about so long.
local function count(area, who, work)
  if who.n then return who.n end
  if work.fixed then return work.n end
  local few = math.max(work.n // 50, 1)
  local ns = run(area, who, work, few)
  if ns == nil then return nil end
  local n = measure.seconds * 1e9 / ns
  return round(math.min(math.max(n, few), work.n * 10))
end

--- The figures of each party, by id; those of one round are neighbours in time.
---@param counts table<string, integer>  how often each does it
local function rounds(area, work, parties, counts, x, most)
  local figures, took = {}, {}
  for _, who in ipairs(parties) do figures[who.id], took[who.id] = {}, 0 end
  for r = 1, most do
    for i = 0, #parties - 1 do
      local who = parties[(r + i) % #parties + 1] -- nobody is always the first
      local list = figures[who.id]
      local may = r <= measure.least or took[who.id] < measure.budget
      if counts[who.id] and may and #list == r - 1 then
        local began = os.time()
        local figure = run(area, who, work, counts[who.id], x)
        took[who.id] = took[who.id] + os.time() - began
        list[r] = figure
        if figure == nil then counts[who.id] = nil end
      end
    end
  end
  return figures
end

--- What came out, by party: its numbers, and the ratios to the floor and to what
--- the goal was set beside.
local function summary(figures, counts, goal)
  local result, yard = {}, figures.yard or figures[goal and goal.peer or "floor"]
  for id, list in pairs(figures) do
    if #list > 0 then
      local s = stats.of(list)
      s.times, s.figures = counts[id], list
      if figures.floor and #figures.floor > 0 and id ~= "floor" then
        s.ratio = stats.ratio(list, figures.floor)
      end
      if id == "skein" and yard and #yard > 0 then s.beside = stats.ratio(list, yard) end
      result[id] = s
    end
  end
  return result
end

function measure.work(area, work)
  local parties, counts = party.of(work), {}
  if work.goal and work.goal.of then parties[#parties + 1] = party.yard(work.goal.of) end
  for _, who in ipairs(parties) do counts[who.id] = count(area, who, work) end
  local most = math.min(measure.rounds, work.rounds or measure.rounds)
  return summary(rounds(area, work, parties, counts, nil, most), counts, work.goal)
end

--- The same for each x of a work whose cost grows: a list of x and results.
function measure.sweep(area, work)
  local points = {}
  for i, x in ipairs(work.sweep) do
    local parties, counts = {}, {}
    for _, who in ipairs(party.of(work)) do
      local most = work.most and work.most[who.id]
      if not most or x <= most then
        parties[#parties + 1] = who
        counts[who.id] = work.times(x)
      end
    end
    local figures = rounds(area, work, parties, counts, x, measure.least)
    points[i] = { x = x, by = summary(figures, counts) }
  end
  return points
end

return measure
