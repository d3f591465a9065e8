--- Tasks, channels and timeouts of one thread, next to Lua's own coroutines. The
--- clock is that of the processor.

local resident = require("bench.lib.resident")
local create, resume, give = coroutine.create, coroutine.resume, coroutine.yield

local ok, skein = pcall(require, "skein") -- the floor does without
if not ok then skein = {} end
local yield = skein.yield

local function nop() end

-- The floor ----------------------------------------------------------------

local function loop_of_yields()
  while true do give() end
end

local function sleepers(figure)
  local all = {}
  return resident.work(figure, function(n)
    for i = 1, n do
      all[i] = create(function() give() end)
      resume(all[i])
    end
  end, function(n)
    for i = 1, n do resume(all[i]) end
  end)
end

--- What two methods cost that do nothing.
local function empty_methods(n)
  local object = require("bench.lib.floor").object()
  return function()
    for i = 1, n do
      object:put(i)
      object:get()
    end
  end
end

-- skein --------------------------------------------------------------------

local function switch(n)
  return function()
    local function work()
      for _ = 1, n // 2 do yield() end
    end
    local a, b = skein.task(work), skein.task(work)
    a:join()
    b:join()
  end
end

local function start_end(n)
  return function()
    for _ = 1, n // 100 do
      local last
      for _ = 1, 100 do last = skein.task(nop) end
      last:join()
    end
  end
end

local function sleeping(figure)
  local last
  local function sleeper() skein.sleep(0.5) end
  return resident.work(figure, function(n)
    for _ = 1, n do last = skein.task(sleeper) end
    yield() -- they sleep now
  end, function() last:join() end)
end

local function put_get(n)
  local c = skein.channel()
  return function()
    for i = 1, n do
      c:put(i)
      c:get()
    end
  end
end

local function pingpong(n)
  return function()
    local a, b = skein.channel(0), skein.channel(0)
    skein.task(function()
      for _ = 1, n do b:put(a:get()) end
    end)
    skein.task(function()
      for i = 1, n do
        a:put(i)
        b:get()
      end
    end):join()
  end
end

local function timeout(n)
  return function()
    skein.task(function()
      for _ = 1, n do skein.timeout(1, yield) end
    end):join()
  end
end

return {
  clock = "processor",
  {
    id = "switch", title = "task switch", n = 1000000,
    peers = { "go", "cqueues", "luv", "python" },
    floor_title = "Lua: resume, yield",
    goal = { ratio = 0.9 },
    floor = function(n)
      local co = create(loop_of_yields)
      return function() for _ = 1, n do resume(co) end end
    end,
    skein = switch,
  },
  {
    id = "start", title = "task: start, end", n = 200000,
    peers = { "go", "cqueues", "python" },
    floor_title = "Lua: create, resume",
    goal = { ratio = 1.3 },
    floor = function(n)
      return function() for _ = 1, n do resume(create(nop)) end end
    end,
    skein = start_end,
  },
  {
    id = "sleepers", title = "100 000 sleepers, CPU each", n = 100000, fixed = true,
    rounds = 5,
    peers = { "go", "cqueues", "luv", "python" },
    floor_title = "Lua: create, resume twice",
    goal = { ns = 3000, there = 1900 },
    floor = sleepers("cpu"),
    skein = sleeping("cpu"),
  },
  {
    id = "sleepers_memory", title = "100 000 sleepers, memory each", n = 100000, fixed = true,
    unit = "bytes", rounds = 2, -- it is always the same
    peers = { "go", "cqueues", "luv", "python" },
    floor_title = "Lua: a coroutine",
    goal = { bytes = 1500 },
    floor = sleepers("memory"),
    skein = sleeping("memory"),
  },
  {
    id = "channel", title = "channel: put, get", n = 1000000,
    peers = { "go", "cqueues", "python" },
    floor_title = "C: two empty methods",
    goal = { ns = 100, there = 125, of = "switch" },
    floor = empty_methods,
    skein = put_get,
  },
  {
    id = "pingpong", title = "channel: there and back", n = 300000,
    peers = { "go", "cqueues", "python" },
    floor_title = "Lua: two resumes, yields",
    goal = { ns = 450, there = 125, of = "switch" },
    floor = function(n)
      local a, b = create(loop_of_yields), create(loop_of_yields)
      return function()
        for _ = 1, n do
          resume(a)
          resume(b)
        end
      end
    end,
    skein = pingpong,
  },
  {
    id = "timeout", title = "timeout around a short wait", n = 300000,
    peers = { "go", "cqueues", "python" },
    floor_title = "Lua: resume, pcall of yield",
    goal = { ns = 450, there = 125, of = "switch" },
    floor = function(n)
      local co = create(function()
        while true do pcall(give) end
      end)
      return function() for _ = 1, n do resume(co) end end
    end,
    skein = timeout,
  },
}
