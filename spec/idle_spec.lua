--- Who waits for what is shared takes no processor time, and is not woken.

local skein = require("skein")
local family = require("spec.family")

--- By kind of object: how to make one, what waits for it, and what lets one who
--- waits go on.
local waits = {
  ["queue, get"] = { skein.queue, function(q) q:get() end,
                     function(q) q:put(1) end },
  ["queue, put"] = { function()
    local q = skein.queue(1)
    q:put(0)
    return q
  end, function(q) q:put(1) end, function(q) q:get(0) end },
  ["queue, join"] = { function()
    local q = skein.queue()
    q:put(0)
    return q
  end, function(q) q:join() end, function(q)
    q:get(0)
    pcall(q.task_done, q)
  end },
  ["pipe"] = { function() return { skein.pipe() } end,
               function(ends) ends[1]:recv() end,
               function(ends) ends[2]:send(1) end },
  ["lock"] = { function()
    local l = skein.lock()
    l:acquire()
    return l
  end, function(l)
    l:acquire()
    l:release()
  end, function(l) pcall(l.release, l) end },
  ["semaphore"] = { function() return skein.semaphore(0) end,
                    function(s) s:acquire() end, function(s) s:release() end },
  ["event"] = { skein.event, function(e) e:wait() end, function(e) e:set() end },
  ["condition"] = { skein.condition, function(c)
    c:acquire()
    c:wait()
    c:release()
  end, function(c)
    c:acquire()
    c:notify_all()
    c:release()
  end },
  ["barrier"] = { function() return skein.barrier(100) end,
                  function(b) b:wait() end, function(b) b:abort() end },
  ["value, with"] = { function() return skein.value({ 1 }) end,
                      function(v) v:set(1) end, nil },
  ["dict, update"] = { skein.dict, function(d) d:set("k", 1) end, nil },
  ["array, with"] = { function() return skein.array("int8", 1) end,
                      function(a) a:with(function() end) end, nil },
}

--- Runs `body` while this task is inside of what others then wait for.
local function inside(name, o, body)
  if name == "value, with" then
    o:with(function(old)
      body()
      return old
    end)
  elseif name == "dict, update" then
    o:update("k", body)
  elseif name == "array, with" then
    o:with(body)
  else
    body()
  end
end

--- Of each thread of process `pid`: nanoseconds of processor time so far, and how
--- often it gave the processor up to wait.
local function spent(pid)
  local list = {}
  local tasks <close> = assert(io.popen("ls /proc/" .. pid .. "/task"))
  for tid in tasks:lines() do
    local path = ("/proc/%d/task/%s/"):format(pid, tid)
    local stat, status = io.open(path .. "schedstat"), io.open(path .. "status")
    if stat and status then
      list[tid] = { ns = stat:read("n"),
        sleeps = tonumber(status:read("a"):match("\nvoluntary_ctxt_switches:%s*(%d+)")) }
    end
    if stat then stat:close() end
    if status then status:close() end
  end
  return list
end

--- Starts processes and threads of one that wait by `wait(object)`.
local function crowd(object, wait)
  local ready, list = skein.semaphore(0), {}
  local function body()
    ready:release()
    wait(object)
  end
  for i = 1, 2 do list[i] = skein.process(body) end
  list[3] = skein.process({ method = "server" }, function(o, w, r)
    local s = require("skein")
    local threads = {}
    for i = 1, 2 do
      threads[i] = s.thread(function()
        r:release()
        w(o)
      end)
    end
    for i = 1, 2 do threads[i]:join() end
  end, object, wait, ready)
  for _ = 1, 4 do assert.is_true(ready:acquire(10)) end
  return list
end

--- Waits until all of them, who looked out for an answer, sleep.
local function settle(crowds)
  for _, one in pairs(crowds) do
    for _, p in ipairs(one.list) do family.sleeps(p.pid) end
  end
  skein.sleep(0.2)
end

--- What each of them has spent.
local function snapshot(list)
  local before = {}
  for i, p in ipairs(list) do before[i] = spent(p.pid) end
  return before
end

--- None of the threads has spent more than that since.
local function is_idle(name, list, before, ns, sleeps)
  for i, p in ipairs(list) do
    local threads = 0
    for tid, now in pairs(spent(p.pid)) do
      local was = before[i][tid]
      assert.is_true(now.ns - was.ns < ns,
        name .. ": " .. now.ns - was.ns .. " ns")
      assert.is_true(now.sleeps - was.sleeps <= sleeps,
        name .. ": slept " .. now.sleeps - was.sleeps .. " times")
      threads = threads + 1
    end
    assert.is_true(threads >= (i == 3 and 3 or 1))
  end
end

local names = {}
for name in pairs(waits) do names[#names + 1] = name end
table.sort(names)

describe("who waits idly", function()
  setup(family.server)

  it("takes no processor, whatever it waits for", family.test(function()
    local crowds = {}
    local function watch()
      settle(crowds)
      local before = {}
      for name, one in pairs(crowds) do before[name] = snapshot(one.list) end
      skein.sleep(1)
      for name, one in pairs(crowds) do
        is_idle(name, one.list, before[name], 5e6, 3)
      end
    end
    local function begin(i)
      local name = names[i]
      if not name then return watch() end
      local make, wait = table.unpack(waits[name])
      local o = make()
      inside(name, o, function()
        crowds[name] = { list = crowd(o, wait), o = o }
        begin(i + 1)
      end)
    end
    begin(1)
    for name, one in pairs(crowds) do
      local let = waits[name][3] or function() end
      for _, p in ipairs(one.list) do
        repeat let(one.o) until p:join(0.01)
        p:get()
      end
    end
  end))

  it("takes none beside who works", family.test(function()
    local idle, busy = skein.queue(), skein.queue()
    local list = crowd(idle, function(q) q:get() end)
    settle({ { list = list } })
    local before = snapshot(list)
    local echo = skein.process(function()
      for item in busy:items() do
        local _ = item
      end
    end)
    for i = 1, 20000 do busy:put(i) end
    busy:close()
    echo:join()
    -- somebody came and went, of which they are told
    is_idle("queue, get", list, before, 20e6, 10)
    for _ = 1, 4 do idle:put(1) end
    for _, p in ipairs(list) do p:get() end
  end))
end)
