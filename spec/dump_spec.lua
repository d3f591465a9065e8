--- skein.dump: the tree of processes, threads and tasks.

local skein = require("skein")
local support = require("spec.support")

local function sleeper(ready)
  ready:put(1)
  require("skein").sleep(60)
end

--- The line of `text` that matches, and how far it is indented.
local function find(text, pattern)
  for line in text:gmatch("[^\n]+") do
    if line:find(pattern) then return line, #line:match("^ *") end
  end
  error(("no line matches %s in:\n%s"):format(pattern, text), 2)
end

--- A dump, once it has a line that matches.
local function dump_with(pattern)
  local text
  for _ = 1, 400 do
    text = skein.dump()
    if text:find(pattern) then return text end
    skein.sleep(0.005)
  end
  find(text, pattern)
end

describe("dump", function()
  it("begins with this process", function()
    local first = skein.dump():match("^[^\n]+")
    assert.matches(("^process 'main', pid %d: running, at spec/dump_spec.lua:%%d+")
      :format(skein.self().pid), first)
  end)

  it("has the tasks, each below the one it is part of", function()
    local outer = skein.task({ name = "outer" }, skein.group, function(g)
      g:task({ name = "inner" }, skein.sleep, 60)
    end)
    skein.sleep(0.002)
    local text = skein.dump()
    local _, first = find(text, "outer: waiting for .*, 0.0 s")
    local line, second = find(text, "inner: waiting for sleep, 0.0 s")
    assert.is_true(second > first)
    assert.not_matches("began", line)
    outer:cancel()
    outer:join()
    assert.not_matches("outer", skein.dump())
  end)

  it("has processes and threads, and those that they started", function()
    local ready = skein.queue()
    local p <close> = skein.process({ name = "elder" }, function()
      local child <close> = skein.process({ name = "younger" }, sleeper, ready)
      skein.task(skein.sleep, 60)
      child:join()
    end)
    local t <close> = skein.thread({ name = "spinner" }, sleeper, ready)
    ready:get()
    ready:get()
    local text = dump_with("'younger'[^\n]*sleep")
    text = text:find("'elder'[^\n]*; 1 task") and text or dump_with("'elder'[^\n]*; 1 task")
    text = text:find("'spinner'[^\n]*sleep") and text or dump_with("'spinner'[^\n]*sleep")
    local _, main = find(text, "^process 'main'")
    local _, elder = find(text, ("'elder', pid %d: waiting for process end, %%d+%%.%%d s")
      :format(p.pid))
    local _, younger = find(text, "process 'younger', pid %d+: waiting for sleep")
    local line, thread = find(text, "thread 'spinner': waiting for sleep")
    assert.same({ 0, 2, 4, 2 }, { main, elder, younger, thread })
    assert.matches("began %d+%.%d s ago$", line)
    t:cancel()
    p:cancel()
  end)

  it("says so of the workers of a pool", function()
    local pool <close> = skein.pool { workers = 1, name = "smithy" }
    pool:apply(math.abs, 1)
    find(dump_with("smithy worker 1'[^\n]*a job"), "^  pool worker 'smithy worker 1', pid %d+")
  end)

  it("forgets who has ended", function()
    local p = skein.process({ name = "mayfly" }, print)
    p:kill()
    p:join()
    assert.not_matches("mayfly", skein.dump())
  end)

  it("is what a deadlock carries", function()
    local c = skein.channel()
    local err = support.failure(c.get, c)
    assert.equal("deadlock", err.kind)
    find(err.message, "^process 'main', pid %d+: waiting for channel get, 0.0 s, at ")
  end)
end)
