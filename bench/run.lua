--- make bench: measures, prints the table, writes it, and draws it.
---   run.lua [AREA]      one area only, or all
--- With $QUICK, few and short runs. What is not the whole goes to build/bench.

package.path = "./?.lua;" .. package.path
local host = require("bench.lib.host")
local json = require("bench.lib.json")
local measure = require("bench.lib.measure")
local page = require("bench.lib.page")
local plot = require("bench.lib.plot")
local report = require("bench.lib.report")
local shell = require("bench.lib.shell")

local AREAS = { "sched", "process", "queue", "sync", "pool", "wire", "net", "growth" }

local only = arg[1] ~= "" and arg[1] or nil
local quick = (os.getenv("QUICK") or "") ~= ""
if quick then measure.quick() end

local all = { machine = host(), quick = quick, results = {}, growth = {} }

local function say(...)
  io.stderr:write(...)
  io.stderr:flush()
end

local function show(result)
  local texts = {}
  for _, id in ipairs { "floor", "skein" } do
    local s = result.by[id]
    texts[#texts + 1] = s and id .. " " .. report.figure(s.median, result.work.unit)
  end
  say(table.concat(texts, ", "), "\n")
end

local function measure_area(area)
  for _, work in ipairs(require("bench." .. area)) do
    say(("%-8s %-32s"):format(area, work.title))
    if work.sweep then
      local growth = { area = area, work = work, points = measure.sweep(area, work) }
      all.growth[#all.growth + 1] = growth
      say(#growth.points, " points\n")
    else
      local result = { area = area, work = work, by = measure.work(area, work) }
      all.results[#all.results + 1] = result
      show(result)
    end
  end
end

--- What is kept of it, without the functions.
local function plain()
  local copy = { machine = {}, results = {}, growth = {}, quick = quick }
  for _, fact in ipairs(all.machine) do copy.machine[fact[1]] = fact[2] end
  for i, r in ipairs(all.results) do
    copy.results[i] = {
      area = r.area, id = r.work.id, title = r.work.title, unit = r.work.unit or "ns",
      floor = r.work.floor_title, by = r.by, goal = r.work.goal,
      allowed = report.allowed(r.work, r.by), met = report.met(r.work, r.by),
    }
  end
  for i, g in ipairs(all.growth) do
    copy.growth[i] = { id = g.work.id, title = g.work.title, axis = g.work.axis,
      points = g.points }
  end
  return copy
end

local function write(dir)
  shell.write(dir .. "/results.json", json(plain()))
  shell.write(dir .. "/results.md", page(all))
  local drawn = {}
  if #all.results > 0 then drawn[1] = plot.bars(all.results, dir .. "/results.svg") end
  if #all.growth > 0 then drawn[#drawn + 1] = plot.curves(all.growth, dir .. "/curves.svg") end
  say("written: ", table.concat({ dir .. "/results.json", dir .. "/results.md",
    table.unpack(drawn) }, ", "), "\n")
end

if only then measure_area(only) else
  for _, area in ipairs(AREAS) do measure_area(area) end
end
io.stdout:write("\n", report.text(report.rows(all.results)), "\n")
write((only or quick) and (os.getenv("BUILD") or "build") .. "/bench" or "bench")
for _, line in ipairs(measure.trouble) do say("failed: ", line, "\n") end
os.exit(#measure.trouble == 0)
