--- Counts the words and identifiers of every file below some directories:
-- serially, with processes and with threads, all through one interface.
--
--   lua corpus.lua [--workers N] [--out timeline.svg] [directory ...]
--
-- What to see: three bars on stderr, the times of the three ways side by
-- side, what was found, and in timeline.svg which worker did what when. The
-- three ways must agree to the last count, or the exit code is 1.
--
-- An identifier is a run of letters, digits and underscores that does not
-- begin with a digit; a word is a run of letters in one, in lower case.

local skein = require("skein")

local USAGE = "usage: corpus.lua [--workers N] [--out FILE.svg] [directory ...]"
local BATCHES_PER_WORKER = 12 -- few enough to merge, many enough to balance
local SMALLEST_BATCH = 256 * 1024

-- Small things --------------------------------------------------------------

local function give_up(code, ...)
  io.stderr:write("corpus.lua: ", table.concat({ ... }), "\n")
  os.exit(code)
end

local function plural(n, what, many)
  return ("%d %s"):format(n, n == 1 and what or many)
end

local function shorten(text, width)
  return #text > width and text:sub(1, width - 3) .. "..." or text
end

local function thousands(n)
  local text = ("%d"):format(n):reverse():gsub("(%d%d%d)", "%1,"):reverse()
  return (text:gsub("^,", ""))
end

--- The n most frequent, most frequent first, then by name.
local function most_frequent(counts, n)
  local function before(a, b)
    if a.count ~= b.count then return a.count > b.count end
    return a.key < b.key
  end
  local best = {}
  for key, count in pairs(counts) do
    local new = { key = key, count = count }
    if #best < n or before(new, best[n]) then
      local at = #best < n and #best + 1 or n
      while at > 1 and before(new, best[at - 1]) do
        best[at] = best[at - 1]
        at = at - 1
      end
      best[at] = new
    end
  end
  return best
end

-- The files -----------------------------------------------------------------

local function quote(text)
  return "'" .. text:gsub("'", [['\'']]) .. "'"
end

--- "/usr/include/sys/stat.h" below "/usr/include" belongs to "include/sys".
local function label_of(path, root)
  local base = root:match("([^/]+)$") or root
  local inner = path:sub(#root + 1):match("^/*([^/]+)/")
  return inner and base .. "/" .. inner or base
end

local function size_of(path)
  local file = io.open(path, "rb")
  if not file then return 0 end -- the worker that reads it will tell why
  local size = file:seek("end") or 0
  file:close()
  return size
end

--- Every regular file below the roots, once, in the order of their paths;
-- with the bytes of all and of each label.
local function list_files(roots)
  local files, known = { bytes = 0, labels = {} }, {}
  for _, root in ipairs(roots) do
    root = #root > 1 and root:gsub("/+$", "") or root
    if root:sub(1, 1) == "-" then root = "./" .. root end
    local find = assert(io.popen("find -H " .. quote(root) .. " -type f -print0"))
    for path in find:read("a"):gmatch("[^\0]+") do
      if not known[path] then
        known[path] = true
        local label, size = label_of(path, root), size_of(path)
        files[#files + 1] = { path = path, label = label, size = size }
        files.bytes = files.bytes + size
        files.labels[label] = (files.labels[label] or 0) + size
      end
    end
    find:close()
  end
  table.sort(files, function(a, b) return a.path < b.path end)
  return files
end

--- Neighbours go together until a batch is large enough; what is far larger
--- than the others (one huge file) goes first, so that nobody waits for it.
local function make_batches(files, workers)
  local enough = files.bytes // (workers * BATCHES_PER_WORKER)
  enough = math.max(enough, SMALLEST_BATCH)
  local batches, batch, shares = {}, nil, nil
  for _, file in ipairs(files) do
    if not batch or batch.bytes >= enough then
      batch, shares = { bytes = 0, index = #batches + 1 }, {}
      batches[#batches + 1] = batch
    end
    batch[#batch + 1] = file.path
    batch.bytes = batch.bytes + file.size
    shares[file.label] = (shares[file.label] or 0) + file.size
    batch.label = most_frequent(shares, 1)[1].key -- where most of it is from
  end
  table.sort(batches, function(a, b)
    local x, y = a.bytes // (2 * enough), b.bytes // (2 * enough)
    if x ~= y then return x > y end
    return a.index < b.index
  end)
  return batches
end

-- The work: these functions run here, in processes and in threads -----------

local function read_file(path)
  local file, message = io.open(path, "rb")
  if not file then return nil, message end
  local text, reason = file:read("a")
  file:close()
  if not text then return nil, path .. ": " .. reason end
  return text
end

--- Adds the runs of letters, digits and underscores of a text to 'seen'.
local function count_text(text, seen)
  for token in text:gmatch("[%w_]+") do seen[token] = (seen[token] or 0) + 1 end
end

--- Counts one batch; says where and when, for the picture.
local function count_batch(batch)
  local began, seen, failed = skein.now(), {}, {}
  for _, path in ipairs(batch) do
    local text, message = read_file(path)
    if text then
      count_text(text, seen)
    else
      failed[#failed + 1] = message
    end
  end
  local words, identifiers = {}, {}
  for token, n in pairs(seen) do
    if token:find("^%D") then
      identifiers[token] = n
      for word in token:lower():gmatch("%a+") do
        words[word] = (words[word] or 0) + n
      end
    end
  end
  local worker = ("%d %p"):format(skein.self().pid, _G) -- this very Lua state
  return { words = words, identifiers = identifiers, failed = failed,
    worker = worker, began = began, ended = skein.now() }
end

-- Three ways, one interface -------------------------------------------------

--- What a pool does, without one.
local Serial = { __close = function() end }
Serial.__index = Serial

function Serial.map(_, fn, list, opts)
  local results = { n = #list }
  opts.progress(0, #list)
  for i, item in ipairs(list) do
    results[i] = fn(item)
    opts.progress(i, #list)
  end
  return results
end

local function ways(workers)
  local function pool(kind)
    return function() return skein.pool({ kind = kind, workers = workers }) end
  end
  return {
    { name = "serial", open = function() return setmetatable({}, Serial) end },
    { name = plural(workers, "process", "processes"), open = pool("process") },
    { name = plural(workers, "thread", "threads"), open = pool("thread") },
  }
end

--- A bar that grows on a terminal; its last state only, in a log.
local function progress_bar(name, live)
  local began, width = skein.now(), 32
  return function(done, total)
    if not live and done < total then return end
    local full = width * done // total
    io.stderr:write(live and "\r" or "",
      ("  %-14s [%s%s] %3d/%d batches %6.2f s"):format(name, ("#"):rep(full),
        ("."):rep(width - full), done, total, skein.now() - began),
      done == total and "\n" or "")
  end
end

local function add_counts(into, counts)
  for key, n in pairs(counts) do into[key] = (into[key] or 0) + n end
end

local function merge(results)
  local total = { words = {}, identifiers = {}, failed = {} }
  for _, result in ipairs(results) do
    add_counts(total.words, result.words)
    add_counts(total.identifiers, result.identifiers)
    table.move(result.failed, 1, #result.failed, #total.failed + 1, total.failed)
  end
  table.sort(total.failed)
  return total
end

--- Does the whole job one way: what was found, how long it took, who did what.
local function measure(way, batches, live)
  collectgarbage() -- what others left is not this one's cost
  local results
  local began = skein.now()
  do
    local pool <close> = way.open()
    local progress = progress_bar(way.name, live)
    results = pool:map(count_batch, batches, { chunk = 1, progress = progress })
  end
  local total = merge(results)
  local seconds = skein.now() - began
  local blocks = {}
  for i, result in ipairs(results) do
    blocks[i] = { batch = batches[i], worker = result.worker,
      from = result.began - began, to = result.ended - began }
  end
  return { name = way.name, seconds = seconds, blocks = blocks }, total
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do if not same(value, b[key]) then return false end end
  for key in pairs(b) do if a[key] == nil then return false end end
  return true
end

-- The tables ----------------------------------------------------------------

local function longest(counts)
  local best = ""
  for key in pairs(counts) do
    if #key > #best or (#key == #best and key < best) then best = key end
  end
  return best
end

local function totals(counts)
  local all, distinct = 0, 0
  for _, n in pairs(counts) do all, distinct = all + n, distinct + 1 end
  return thousands(all), thousands(distinct)
end

local function print_times(runs)
  print(("\n  %-14s %10s %10s"):format("way", "time", "speed-up"))
  for _, run in ipairs(runs) do
    print(("  %-14s %8.2f s %9.2fx"):format(run.name, run.seconds,
      runs[1].seconds / run.seconds))
  end
end

local function print_found(total)
  print(("\n  %13s words, %s distinct"):format(totals(total.words)))
  print(("  %13s identifiers, %s distinct"):format(totals(total.identifiers)))
  local words = most_frequent(total.words, 10)
  local identifiers = most_frequent(total.identifiers, 10)
  print("\n      most frequent words            most frequent identifiers")
  for i = 1, math.max(#words, #identifiers) do
    local w, d = words[i], identifiers[i]
    print(("  %2d  %-16s %10s    %-24s %10s"):format(i,
      w and shorten(w.key, 16) or "", w and thousands(w.count) or "",
      d and shorten(d.key, 24) or "", d and thousands(d.count) or ""))
  end
  for _, kind in ipairs({ "words", "identifiers" }) do
    local key = longest(total[kind])
    print(("%s  longest of the %s (%d characters):\n    %s"):format(
      kind == "words" and "\n" or "", kind, #key, shorten(key, 74)))
  end
end

local function print_failed(failed)
  if #failed == 0 then return end
  print("\n  " .. plural(#failed, "file", "files") .. " could not be read:")
  for _, message in ipairs(failed) do
    message = message:gsub("%c", "?") -- a name may hold anything
    if #message > 150 then message = message:sub(1, 70) .. "..." .. message:sub(-70) end
    print("    " .. message)
  end
end

-- The picture ---------------------------------------------------------------

local COLOURS = {
  "#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#e15759", "#76b7b2", "#edc948",
}
local OTHER = "#a9a5a0"
local WIDTH, LEFT, RIGHT, TOP = 1040, 130, 90, 104
local LANE, GAP, BETWEEN = 30, 6, 30 -- height, gap of lanes, gap of ways

local function escape(text)
  local names = { ["<"] = "&lt;", [">"] = "&gt;", ["&"] = "&amp;", ['"'] = "&quot;" }
  return (text:gsub('[<>&"]', names):gsub("%c", "?"))
end

--- The blocks of one way by worker, who came first above.
local function lanes_of(run)
  local lanes, by_worker = {}, {}
  table.sort(run.blocks, function(a, b) return a.from < b.from end)
  for _, block in ipairs(run.blocks) do
    local lane = by_worker[block.worker]
    if not lane then
      lane = {}
      by_worker[block.worker], lanes[#lanes + 1] = lane, lane
    end
    lane[#lane + 1] = block
  end
  return lanes
end

--- A step of 1, 2 or 5 times a power of ten, for about eight marks.
local function axis_step(seconds)
  local step = 10.0 ^ math.floor(math.log(seconds / 8, 10))
  local factor = seconds / 8 / step -- 1 to 10
  return step * (factor <= 1 and 1 or factor <= 2 and 2 or factor <= 5 and 5 or 10)
end

local Picture = {}
Picture.__index = Picture

function Picture:x(seconds)
  return LEFT + seconds * self.scale
end

function Picture:add(form, ...)
  self[#self + 1] = form:format(...)
end

function Picture:text(x, y, class, text)
  self:add('<text x="%.1f" y="%.1f" class="%s">%s</text>', x, y, class, escape(text))
end

function Picture:block(block, y)
  local batch, x = block.batch, self:x(block.from)
  local width = math.max(self:x(block.to) - x - 1.5, 0.5)
  self:add('<rect x="%.1f" y="%.1f" width="%.1f" height="%d" rx="3" fill="%s">',
    x, y, width, LANE, self.colours[batch.label] or OTHER)
  self:add("<title>%s: %s, %.1f MB, %.2f s</title></rect>", escape(batch.label),
    plural(#batch, "file", "files"), batch.bytes / 1e6, block.to - block.from)
  local name = batch.label:match("([^/]+)$") or ""
  if #name * 6.5 + 10 < width then
    self:text(x + 6, y + LANE / 2 + 4, "block", name)
  end
end

--- One way: its name, a lane for each worker, where it ended.
function Picture:run(run, first)
  local y, right = self.y, self:x(run.seconds)
  self:text(LEFT - 14, y + 14, "name", run.name)
  self:text(LEFT - 14, y + 30, "time", ("%.2f s"):format(run.seconds))
  for _, lane in ipairs(lanes_of(run)) do
    self:add('<rect x="%.1f" y="%.1f" width="%.1f" height="%d" rx="3" class="idle"/>',
      LEFT, self.y, right - LEFT, LANE)
    for _, block in ipairs(lane) do self:block(block, self.y) end
    self.y = self.y + LANE + GAP
  end
  self:add('<path d="M%.1f %.1fV%.1f" class="end"/>', right, y - 4, self.y - GAP + 4)
  self:text(right + 8, (y + self.y - GAP) / 2 + 6, "gain",
    ("%.2f×"):format(first.seconds / run.seconds))
  self.y = self.y - GAP + BETWEEN
end

function Picture:axis(seconds)
  local step, bottom = axis_step(seconds), self.y - BETWEEN + 14
  for i = 0, math.floor(seconds / step + 1e-6) do
    local x = self:x(i * step)
    local line = '<path d="M%.1f %.1fV%.1f" class="grid"/>'
    table.insert(self, 1, line:format(x, TOP - 14, bottom)) -- behind the rest
    self:text(x, bottom + 17, "tick", ("%g s"):format(i * step))
  end
  self.y = bottom + 48
end

function Picture:legend(legend)
  local x = LEFT
  local function entry(colour, text)
    local width = #text * 7 + 36
    if x + width > WIDTH - 20 then x, self.y = LEFT, self.y + 22 end
    self:add('<rect x="%.1f" y="%.1f" width="12" height="12" rx="2" %s/>', x,
      self.y - 10, colour)
    self:text(x + 18, self.y, "legend", text)
    x = x + width
  end
  for i, item in ipairs(legend) do
    entry(('fill="%s"'):format(COLOURS[i]),
      ("%s %.1f MB"):format(shorten(item.key, 30), item.count / 1e6))
  end
  entry(('fill="%s"'):format(OTHER), "others")
  entry('class="idle"', "waiting, or putting the counts together")
  self.y = self.y + 26
end

local HEAD = [[
<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d"
  font-family="'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif">
<style>
  .title { font-size: 22px; font-weight: bold; fill: #26241f }
  .subtitle { font-size: 13px; fill: #6d6860 }
  .name { font-size: 14px; font-weight: bold; fill: #26241f; text-anchor: end }
  .time { font-size: 13px; fill: #6d6860; text-anchor: end }
  .gain { font-size: 17px; font-weight: bold; fill: #26241f }
  .tick { font-size: 12px; fill: #6d6860; text-anchor: middle }
  .legend { font-size: 12px; fill: #3d3a35 }
  .block { font-size: 11px; fill: #ffffff }
  .idle { fill: #e9e5dc }
  .grid { stroke: #e3dfd6; stroke-width: 1 }
  .end { stroke: #26241f; stroke-width: 2 }
</style>
<rect width="100%%" height="100%%" fill="#fbfaf7"/>
]]

local function write_picture(path, runs, files)
  local seconds = 0.001
  for _, run in ipairs(runs) do seconds = math.max(seconds, run.seconds) end
  local legend, colours = most_frequent(files.labels, #COLOURS), {}
  for i, entry in ipairs(legend) do colours[entry.key] = COLOURS[i] end
  local scale = (WIDTH - LEFT - RIGHT) / seconds
  local picture = { y = TOP, scale = scale, colours = colours }
  setmetatable(picture, Picture)
  for _, run in ipairs(runs) do picture:run(run, runs[1]) end
  picture:axis(seconds)
  picture:legend(legend)
  picture:text(LEFT, 42, "title", ("Counting the words of %s files, %.1f MB"):format(
    thousands(#files), files.bytes / 1e6))
  picture:text(LEFT, 66, "subtitle", "Who did what when: a lane is a worker, a "
    .. "block a batch of files, its colour where most of it came from.")
  local height = math.ceil(picture.y)
  local file, message = io.open(path, "w")
  if not file then give_up(1, message) end
  file:write(HEAD:format(WIDTH, height, WIDTH, height),
    table.concat(picture, "\n"), "\n</svg>\n")
  file:close()
end

-- The program ---------------------------------------------------------------

local function parse_arguments(args)
  local options, roots, i = { out = "timeline.svg" }, {}, 1
  while args[i] do
    local name = args[i]:match("^%-%-(%a+)$")
    if name == "workers" or name == "out" then
      options[name], i = args[i + 1] or give_up(2, USAGE), i + 1
    elseif args[i]:find("^%-%-") then
      give_up(2, USAGE)
    else
      roots[#roots + 1] = args[i]
    end
    i = i + 1
  end
  options.workers = math.tointeger(options.workers or skein.cpus())
  if not options.workers or options.workers < 1 then give_up(2, USAGE) end
  if #roots == 0 then roots[1] = "/usr/include" end
  return options, roots
end

local function main(args)
  local options, roots = parse_arguments(args)
  local files = list_files(roots)
  if #files == 0 then give_up(1, "no files below ", table.concat(roots, ", ")) end
  local batches = make_batches(files, options.workers)
  print(("%s files, %.1f MB, below %s"):format(thousands(#files),
    files.bytes / 1e6, shorten(table.concat(roots, ", "), 48)))
  io.stdout:flush()

  local live = os.execute("test -t 2")
  local runs, first = {}, nil
  for i, way in ipairs(ways(options.workers)) do
    local total
    runs[i], total = measure(way, batches, live)
    first = first or total
    if not same(first, total) then
      give_up(1, way.name, " and serial do not find the same")
    end
  end
  print_times(runs)
  print_found(first)
  print_failed(first.failed)
  write_picture(options.out, runs, files)
  print("\n  who did what when: " .. options.out)
end

main(arg)
