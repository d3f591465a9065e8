--- Draws with gnuplot: bars of all works, and curves of how cost grows.

local party = require("bench.lib.party")
local shell = require("bench.lib.shell")

local plot = {}

local build = os.getenv("BUILD") or "build"

local colours = {
  skein = "#0b5fa5", floor = "#b8bdc4", go = "#1fa187", cqueues = "#e69f00",
  luv = "#b565a7", cjson = "#8c6d31", copas = "#5d5fb8", node = "#3c873a", python = "#d1495b",
}

--- Runs a script; the path of what it drew, or nil if there is no gnuplot.
local function draw(script, path)
  if not shell.line("command -v gnuplot") then return nil end
  local name = build .. "/bench/plot.gp"
  shell.write(name, script)
  assert(os.execute("gnuplot " .. name), "gnuplot failed")
  return path
end

local ticks = [[
set xtics ("1 ns" 1, "10 ns" 10, "100 ns" 100, "1 µs" 1e3, "10 µs" 1e4, "100 µs" 1e5, "1 ms" 1e6, ]]
  .. [["10 ms" 1e7, "100 ms" 1e8, "1 s" 1e9)
]]

--- The parties that have a bar in one of the results.
local function present(results)
  local list = {}
  for _, who in ipairs(party.all) do
    for _, r in ipairs(results) do
      if r.by[who.id] and r.work.unit == nil then
        list[#list + 1] = who
        break
      end
    end
  end
  return list
end

--- Splits the results into two columns of about the same height.
local function columns(results)
  local rows, left, right, seen = 0, {}, {}, 0
  local function height(r)
    local n = 1
    for _ in pairs(r.by) do n = n + 1 end
    return n
  end
  local drawn = {}
  for _, r in ipairs(results) do
    if r.work.unit == nil and next(r.by) then
      drawn[#drawn + 1] = r
      rows = rows + height(r)
    end
  end
  for _, r in ipairs(drawn) do
    local list = (seen + height(r) / 2 <= rows / 2) and left or right
    list[#list + 1] = r
    seen = seen + height(r)
  end
  return left, right
end

--- The data of a column: for each party its boxes; and the labels.
local function boxes(results, parties)
  local data, labels, y = {}, {}, 0
  for _, who in ipairs(parties) do data[who.id] = {} end
  for _, r in ipairs(results) do
    local top = y
    for _, who in ipairs(parties) do
      local s = r.by[who.id]
      if s then
        data[who.id][#data[who.id] + 1] = ("%g %g"):format(s.median, -y)
        y = y + 1
      end
    end
    labels[#labels + 1] = ('"%s" %g'):format(r.work.title, -(top + y - 1) / 2)
    y = y + 0.9
  end
  return data, labels, y - 0.9
end

local function column(add, results, parties, name)
  local data, labels, height = boxes(results, parties)
  for _, who in ipairs(parties) do
    local rows = data[who.id]
    if #rows == 0 then rows[1] = "1 100" end -- out of sight, for the key
    add("$", name, who.id, " << EOD\n", table.concat(rows, "\n"), "\nEOD\n")
  end
  add("set ytics (", table.concat(labels, ", "), ")\n")
  add(("set yrange [%g:%g]\n"):format(-height - 0.2, 0.8))
  local plots = {}
  for i, who in ipairs(parties) do
    plots[i] = ('$%s%s using 1:2:(1):1:($2-0.46):($2+0.46) with boxxyerror lc rgb "%s" '
      .. 'title "%s"'):format(name, who.id, colours[who.id], who.title)
  end
  add("plot ", table.concat(plots, ", \\\n  "), "\n")
end

--- The key, a line of its own above all.
local function key(add, parties, height, at)
  for i, who in ipairs(parties) do
    local y = 1 - 14 / height
    add(("set object %d rect from screen %g,%g to screen %g,%g fc rgb \"%s\" fs solid noborder\n")
      :format(i, at, y - 4 / height, at + 0.016, y + 4 / height, colours[who.id]))
    add(('set label %d "%s" at screen %g,%g left font ",11" textcolor rgb "#222222"\n'):format(
      i, who.title, at + 0.021, y))
    at = at + 0.036 + #who.title * 0.007
  end
  add(('set label 99 "time of one operation; the floor is plain Lua or C" at screen 0.98,%g '
    .. 'right font ",9" textcolor rgb "#666666"\n'):format(1 - 14 / height))
end

--- It is drawn: the next plots shall not draw it again.
local function unkey(add, parties)
  for i = 1, #parties do add(("unset object %d\nunset label %d\n"):format(i, i)) end
  add("unset label 99\n")
end

--- A bar for each party and work, the time of one operation.
function plot.bars(results, path)
  local parties = present(results)
  local left, right = columns(results)
  local script = {}
  local function add(...)
    for _, part in ipairs { ... } do script[#script + 1] = part end
  end
  local _, _, a = boxes(left, parties)
  local _, _, b = boxes(right, parties)
  local height = math.floor(math.max(a, b) * 9.5 + 70)
  add(('set terminal svg size 1000,%d font "Helvetica,11" background "white"\n'):format(height),
    'set output "', path, '"\n')
  add("set logscale x\nset style fill solid noborder\nset xrange [1:1e9]\n", ticks)
  add('set grid xtics lc rgb "#dddddd" lw 1\nset border 1 lc rgb "#888888"\nset tics nomirror ')
  add('scale 0.4 textcolor rgb "#222222"\nset xtics font ",9"\nunset key\nset multiplot\n')
  key(add, parties, height, 0.17)
  add(("set tmargin at screen %g\nset bmargin at screen %g\n"):format(1 - 32 / height,
    28 / height))
  add("set lmargin at screen 0.17\nset rmargin at screen 0.49\n")
  column(add, left, parties, "left")
  if #right > 0 then
    unkey(add, parties)
    add("set lmargin at screen 0.66\nset rmargin at screen 0.98\n")
    column(add, right, parties, "right")
  end
  add("unset multiplot\n")
  return draw(table.concat(script), path)
end

local function panel(add, growth, number)
  local plots, work = {}, growth.work
  for _, who in ipairs(party.all) do
    local rows = {}
    for _, point in ipairs(growth.points) do
      local s = point.by[who.id]
      if s then rows[#rows + 1] = ("%d %g"):format(point.x, s.median) end
    end
    if #rows > 0 then
      local name = who.id .. number
      add("$", name, " << EOD\n", table.concat(rows, "\n"), "\nEOD\n")
      plots[#plots + 1] = ('$%s with lp pt 7 ps 0.35 lw %g lc rgb "%s"'):format(name,
        who.id == "skein" and 2.2 or 1.4, colours[who.id])
    end
  end
  add('set title "', work.title, '"\nset xlabel "', work.axis, '"\n')
  add("plot ", table.concat(plots, ", \\\n  "), "\n")
end

--- A panel for each work whose cost grows: time of one operation over x.
function plot.curves(all, path)
  local script = {}
  local function add(...)
    for _, part in ipairs { ... } do script[#script + 1] = part end
  end
  local points = {}
  for _, growth in ipairs(all) do
    for _, point in ipairs(growth.points) do points[#points + 1] = { by = point.by, work = {} } end
  end
  local parties, lines = present(points), (#all + 1) // 2
  local height = lines * 270 + 30
  add(('set terminal svg size 1000,%d font "Helvetica,11" background "white"\n'):format(height),
    'set output "', path, '"\n')
  add('set logscale xy\nset format x "10^{%L}"\n', (ticks:gsub("xtics", "ytics")))
  add('set grid lc rgb "#dddddd" lw 1\nset border 3 lc rgb "#888888"\n')
  add('set tics nomirror scale 0.4 textcolor rgb "#222222"\nset xlabel offset 0,0.5\n')
  add(("unset key\nset multiplot layout %d,2 margins 0.07,0.98,%g,%g spacing 0.08,%g\n"):format(
    lines, 50 / height, 1 - 60 / height, 85 / height))
  key(add, parties, height, 0.07)
  for i, growth in ipairs(all) do
    panel(add, growth, i)
    if i == 1 then unkey(add, parties) end
  end
  add("unset multiplot\n")
  return draw(table.concat(script), path)
end

return plot
