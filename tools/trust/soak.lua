--- Everything at once, for minutes: tasks, timers, queues, processes, threads and
--- pools come and go while a sampler notes what the program takes.
---   soak.lua MINUTES PICTURE
--- Prints a line for each sample, draws them, and fails if a line is not flat: the
--- last quarter must not be above the second by more than a little.

local core = require("skein.core")
local skein = require("skein")

local minutes, picture = tonumber((...)) or 10, select(2, ...) or "soak.svg"
local seconds = minutes * 60

--- Samples of the beginning are not counted: tables grow to their size there.
local SAMPLES = 60

-- What is sampled ---------------------------------------------------------------

local function entries(path)
  local pipe <close> = assert(io.popen("ls " .. path .. " | wc -l"))
  return math.tointeger(pipe:read("n"))
end

local function resident()
  local file <close> = assert(io.open("/proc/self/statm"))
  return select(2, file:read("n", "n")) * 4 -- KiB
end

local function registry()
  local n = 0
  for _ in pairs(debug.getregistry()) do n = n + 1 end
  return n
end

--- What may differ without being a leak: jobs that are under way.
local lines = {
  { name = "descriptors", get = function() return entries("/proc/self/fd") end, slack = 12 },
  { name = "threads", get = function() return entries("/proc/self/task") end, slack = 4 },
  { name = "tasks", get = core.live, slack = 20 },
  { name = "shared objects", get = function() return (core.arena()) end, slack = 40 },
  { name = "arena KiB", get = function() return select(2, core.arena()) // 1024 end,
    slack = 2048 },
  { name = "resident KiB", get = resident, slack = 4096 },
  { name = "Lua KiB", get = function() return collectgarbage("count") // 1 end, slack = 1024 },
  { name = "registry", get = registry, slack = 40 },
}

local function sample()
  collectgarbage()
  collectgarbage()
  local row = { skein.now() }
  for i, line in ipairs(lines) do row[i + 1] = line.get() end
  return row
end

-- What is done ------------------------------------------------------------------

local done = {}

local function count(what) done[what] = (done[what] or 0) + 1 end

local function add(a, b) return a + b end

local churn = {}

function churn.tasks()
  local c = skein.channel(3)
  skein.group(function(g)
    g:task(function() for i = 1, 50 do c:put(i) end c:close() end)
    g:task(function() for _ in c:items() do skein.yield() end end)
    for i = 1, 20 do g:task(skein.sleep, i / 10000) end
  end)
end

function churn.timers()
  pcall(skein.timeout, 0.001, skein.sleep, 10)
  skein.race { function() skein.sleep(0.001) end, function() skein.sleep(10) end }
end

function churn.shared()
  local q, l, s = skein.queue(2), skein.lock(), skein.semaphore(1)
  local d, a, v = skein.dict(), skein.array("int32", 100), skein.value({ 1 })
  for i = 1, 30 do
    d:set("k" .. i, { i })
    q:put({ q, l, v })
    q:get()
  end
  l:with(function() a[1] = 1 end)
  s:acquire()
  v:set({ d:get("k1"), ("x"):rep(1000) })
end

for _, method in ipairs({ "fork", "spawn", "server" }) do
  churn[method] = function()
    if method == "fork" and entries("/proc/self/task") > 1 then return end
    local ok, p = pcall(skein.process, { method = method }, add, 1, 2)
    if ok then assert(p:get(60) == 3) end -- a thread may have begun meanwhile
  end
end

function churn.killed()
  local q = skein.queue()
  local p = skein.process({ method = "server" }, function() q:get() end)
  p:kill()
  p:join()
end

function churn.thread()
  local a, b = skein.pipe()
  local t = skein.thread(function() b:send(b:recv()) end)
  a:send(("x"):rep(100000))
  assert(#a:recv(60) == 100000)
  t:get(60)
end

function churn.pool()
  local pool <close> = skein.pool { workers = 2, kind = "process", method = "server" }
  assert(pool:apply(add, 1, 2) == 3)
  pool:map(math.abs, { -1, -2, -3 })
end

-- The picture -------------------------------------------------------------------

local function draw(rows)
  local wide, high, left = 720, 90, 150
  local file <close> = assert(io.open(picture, "w"))
  file:write(('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
    .. 'font-family="sans-serif" font-size="12">\n'):format(wide + left + 20, #lines * high + 30))
  local first, span = rows[1][1], math.max(rows[#rows][1] - rows[1][1], 1e-9)
  for i, line in ipairs(lines) do
    local most = 1
    for _, row in ipairs(rows) do most = math.max(most, row[i + 1]) end
    local bottom, points = i * high, {}
    for n, row in ipairs(rows) do
      points[n] = ("%.1f,%.1f"):format(left + (row[1] - first) / span * wide,
        bottom - row[i + 1] / most * (high - 20))
    end
    file:write(('<text x="8" y="%d">%s</text><text x="8" y="%d" fill="#777">most %d</text>\n')
      :format(bottom - high // 2, line.name, bottom - high // 2 + 16, most))
    file:write(('<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#ccc"/>\n'):format(left, bottom,
      left + wide, bottom))
    file:write(('<polyline fill="none" stroke="#268" points="%s"/>\n')
      :format(table.concat(points, " ")))
  end
  file:write(('<text x="%d" y="%d" fill="#777">%.1f minutes</text>\n</svg>\n'):format(left,
    #lines * high + 20, span / 60))
end

--- The mean of column `i` over the rows from one part of the time to another.
local function mean(rows, i, from, to)
  local sum, n = 0, 0
  for k = math.max(1, math.ceil(#rows * from)), math.floor(#rows * to) do
    sum, n = sum + rows[k][i], n + 1
  end
  return sum / math.max(n, 1)
end

local function isflat(rows)
  local flat = true
  for i, line in ipairs(lines) do
    local before, after = mean(rows, i + 1, 0.25, 0.5), mean(rows, i + 1, 0.75, 1)
    if after > before + line.slack then
      print(("not flat: %s rose from %.0f to %.0f"):format(line.name, before, after))
      flat = false
    end
  end
  return flat
end

-- The run -----------------------------------------------------------------------

local rows = {}
io.stdout:setvbuf("line")
skein.group(function(group)
  local until_ = skein.now() + seconds
  local resting, working = skein.event(), 0
  resting:set()
  for name, f in pairs(churn) do
    group:task({ name = name }, function()
      while skein.now() < until_ do
        resting:wait()
        working = working + 1
        f()
        working = working - 1
        count(name)
        skein.sleep(0.001)
      end
    end)
  end
  for _ in skein.every(seconds / SAMPLES) do
    resting:clear() -- what is under way ends, so that what is left is seen
    local due = skein.now() + 60
    while working > 0 and skein.now() < due do skein.sleep(0.002) end
    rows[#rows + 1] = sample()
    print(("%7.1f s  "):format(rows[#rows][1] - rows[1][1]) ..
      table.concat(rows[#rows], "  ", 2))
    resting:set()
    if skein.now() >= until_ then break end
  end
end) -- an error of one of them is raised here
draw(rows)
local names = {}
for name in pairs(done) do names[#names + 1] = name end
table.sort(names)
for _, name in ipairs(names) do print(name, done[name]) end
os.exit(isflat(rows), true)
