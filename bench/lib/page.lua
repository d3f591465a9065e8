--- The page of the results, results.md.

local party = require("bench.lib.party")
local report = require("bench.lib.report")

local function everyone(results)
  local rows = { { "work", "by", "times a run", "runs", "median", "spread", "/ floor" } }
  for _, result in ipairs(results) do
    for _, who in ipairs(party.all) do
      local s = result.by[who.id]
      if s then
        local title = who.id == "floor" and result.work.floor_title or who.title
        rows[#rows + 1] = {
          result.work.title, title, ("%d"):format(s.times), ("%d"):format(s.runs),
          report.figure(s.median, result.work.unit), ("%.0f %%"):format(s.spread * 100),
          s.ratio and ("%.2f"):format(s.ratio) or "",
        }
      end
    end
  end
  return report.markdown(rows)
end

local function curve(growth)
  local work, parties = growth.work, {}
  for _, who in ipairs(party.all) do
    for _, point in ipairs(growth.points) do
      if point.by[who.id] then
        parties[#parties + 1] = who
        break
      end
    end
  end
  local rows = { { work.axis } }
  for i, who in ipairs(parties) do rows[1][i + 1] = who.title end
  for _, point in ipairs(growth.points) do
    local row = { ("%d"):format(point.x) }
    for i, who in ipairs(parties) do
      local s = point.by[who.id]
      row[i + 1] = s and report.figure(s.median) or ""
    end
    rows[#rows + 1] = row
  end
  return "### " .. work.title .. "\n\n" .. report.markdown(rows)
end

--- The whole page, of all that was measured.
return function(all)
  local parts = { "# What was measured\n\n`make bench` wrote this page. What is measured, "
    .. "and how, is told in\n[doc/performance.md](../doc/performance.md).\n\n" }
  local function add(...)
    for _, part in ipairs { ... } do parts[#parts + 1] = part end
  end
  add("## Where\n\n", report.markdown((function()
    local rows = { { "", "" } }
    for i, fact in ipairs(all.machine) do rows[i + 1] = fact end
    return rows
  end)()))
  if all.quick then add("\nIn a hurry: few and short runs.\n") end
  add("\n## Goals\n\n", report.markdown(report.rows(all.results)))
  add("\n![](results.svg)\n\n## Everyone\n\n", everyone(all.results))
  if #all.growth > 0 then add("\n## How cost grows\n\n![](curves.svg)\n") end
  for _, growth in ipairs(all.growth) do add("\n", curve(growth)) end
  return table.concat(parts)
end
