--- What is put and got is given back: the family's memory is flat.

local core = require("skein.core")
local skein = require("skein")
local support = require("spec.support")
local family = require("spec.family")

local MIB = 1 << 20

--- Bytes that a line of the process's status tells.
local function status(name)
  for line in io.lines("/proc/self/status") do
    local kib = line:match("^" .. name .. ":%s*(%d+)")
    if kib then return tonumber(kib) * 1024 end
  end
end

--- Bytes of shared memory that this process has in use, and of all memory.
local function resident() return status("RssShmem") end
local function rss() return status("VmRSS") end

--- Bytes of memory behind what the family shares.
local function behind()
  return (select(3, core.arena()))
end

--- What is free may keep so much of it.
local SLACK = 20 * MIB

local function clean()
  collectgarbage()
  collectgarbage()
end

describe("memory", function()
  it("lets an item pass that is larger than the bound", family.test(function()
    local q, answers = skein.queue({ bytes = 64 * MIB }), skein.queue()
    local p = skein.process(function()
      local s = q:get()
      answers:put({ #s, s:sub(1, 3), s:sub(-3) })
    end)
    local s = "abc" .. ("x"):rep(200 * MIB - 6) .. "xyz"
    assert.is_true(q:put(s))
    assert.same({ 200 * MIB, "abc", "xyz" }, answers:get(15))
    p:join()
  end))

  it("lets it pass through a pipe as well", family.test(function()
    local a, b = skein.pipe()
    local p = skein.process(function()
      local s = b:recv()
      b:send({ #s, s:sub(1, 3), s:sub(-3) })
    end)
    local s = "abc" .. ("x"):rep(70 * MIB - 6) .. "xyz"
    assert.is_true(a:send(s))
    assert.same({ 70 * MIB, "abc", "xyz" }, a:recv(15))
    p:join()
    a:close()
    b:close()
  end))

  it("of a queue that held much is given back", support.task(function()
    clean()
    local before = resident()
    for _, size in ipairs({ 4 * MIB, MIB, 64 << 10 }) do
      local q = skein.queue({ bytes = 1024 * MIB })
      for _ = 1, 128 * MIB // size do
        assert.is_true(q:put(("x"):rep(size), 0))
      end
      assert.is_true(resident() - before > 100 * MIB)
      for _ = 1, 128 * MIB // size do q:get(0) end
      clean()
      local kept = resident() - before
      assert.is_true(kept < 60 * MIB, kept .. " bytes were kept")
    end
  end))

  it("of a million small items is given back", support.task(function()
    clean()
    local before = behind()
    local q, s = skein.queue({ bytes = 2048 * MIB }), ("x"):rep(1024)
    for _ = 1, 1000000 do q:put(s) end
    assert.is_true(behind() > 1024 * MIB)
    for _ = 1, 1000000 do q:get() end
    assert.is_true(behind() <= before + SLACK, behind() - before)
    assert.is_nil((q:get(0)))
  end))

  it("of small items from one process to another is given back", family.test(function()
    clean()
    local before = behind()
    local q = skein.queue({ bytes = 1024 * MIB })
    local filled, got = skein.event(), skein.queue()
    local p = skein.process(function()
      filled:wait()
      local n = 0
      for _ = 1, 200000 do n = n + #q:get() end
      got:put(n)
    end)
    local s = ("x"):rep(1000)
    for _ = 1, 200000 do q:put(s) end
    assert.is_true(behind() > before + 200 * MIB)
    filled:set()
    assert.equal(200000 * 1000, got:get())
    p:join()
    assert.is_true(behind() <= before + SLACK, behind() - before)
  end))

  it("of all sizes is given back, also if a getter is killed", family.test(function()
    clean()
    local before, _, used = behind(), core.arena()
    local q = skein.queue({ bytes = 1024 * MIB })
    for i = 1, 100000 do q:put(("x"):rep(i * 7919 % 3000)) end
    for i = 1, 2000 do q:put(("x"):rep(i * 7919 % 60000)) end
    assert.is_true(behind() > before + 150 * MIB)
    local half = skein.event()
    local p = skein.process(function()
      for _ = 1, 50000 do q:get() end
      half:set()
      for _ = 1, 20000 do q:get() end
      family.spin()
    end)
    half:wait()
    p:kill()
    p:join()
    while q:get(0) do end
    q = nil
    clean()
    assert.is_true(behind() <= before + SLACK, behind() - before)
    assert.is_true(select(2, core.arena()) <= used + MIB)
  end))

  it("of a queue that is forgotten is given back", support.task(function()
    clean()
    local before = behind()
    do
      local q = skein.queue({ bytes = 1024 * MIB })
      for _ = 1, 100000 do q:put(("x"):rep(1500)) end
      assert.is_true(behind() > before + 150 * MIB)
    end
    clean()
    assert.is_true(behind() <= before + SLACK, behind() - before)
  end))

  it("serves items of another size", support.task(function()
    clean()
    local q = skein.queue({ bytes = 1024 * MIB })
    local most
    for round = 1, 8 do
      for _ = 1, 40 * MIB // (round * 500 + 500) do
        q:put(("x"):rep(round * 500 + 500))
      end
      most = most or behind()
      assert.is_true(behind() <= most + SLACK, behind() - most)
      while q:get(0) do end
    end
  end))

  it("between what stays is used again", support.task(function()
    clean()
    local q, stays = skein.queue({ bytes = 1024 * MIB }), skein.queue()
    local s, before = ("x"):rep(1100), behind()
    for i = 1, 40000 do (i % 500 == 0 and stays or q):put(s) end
    while q:get(0) do end
    local pinned = behind() -- a span of 51 for each of the 80 that stay
    assert.is_true(pinned <= before + 6 * MIB + SLACK, pinned - before)
    for _ = 1, 10 do
      for _ = 1, 80 * 50 do q:put(s) end
      assert.is_true(behind() <= pinned + MIB, behind() - pinned)
      while q:get(0) do end
    end
    while stays:get(0) do end
    assert.is_true(behind() <= before + SLACK, behind() - before)
  end))

  it("of one block is never that of another one", family.test(function()
    local seed = tonumber(os.getenv("SEED")) or os.time()
    local queues = {}
    for i = 1, 8 do queues[i] = skein.queue({ bytes = 1024 * MIB }) end
    --- Puts and gets at random; what is put says what it must be.
    local function work(n, salt)
      math.randomseed(seed, salt)
      for _ = 1, n do
        local q = queues[math.random(8)]
        if math.random() < 0.5 then
          local size = math.random() < 0.9 and math.random(3000)
            or math.random(80000)
          local c = math.random(255)
          q:put({ size, c, string.char(c):rep(size) }, 0)
        else
          local item = q:get(0)
          assert(not item or item[3] == string.char(item[2]):rep(item[1]))
        end
      end
    end
    local helpers = {}
    for i = 1, 2 do helpers[i] = skein.process(work, 10000, i) end
    work(20000, 0)
    for i = 1, 2 do
      local ok, why = pcall(helpers[i].get, helpers[i])
      assert.is_true(ok, "SEED=" .. seed .. ": " .. tostring(why))
    end
    for _, q in ipairs(queues) do
      for item in function() return q:get(0) end do
        assert.equal(string.char(item[2]):rep(item[1]), item[3])
      end
    end
  end))

  it("of put and get is flat", support.task(function()
    local q = skein.queue()
    local function round()
      for i = 1, 2000 do
        q:put({ i, ("x"):rep(i % 700) })
        q:get()
      end
      clean()
      return resident(), select(2, core.arena())
    end
    round()
    local most, bytes = round()
    for _ = 1, 10 do
      local now, used = round()
      assert.is_true(now <= most + MIB, now - most .. " bytes more")
      assert.equal(bytes, used)
    end
  end))

  it("of a hundred thousand objects is given back", support.task(function()
    local makers = { skein.queue, skein.lock, skein.event, skein.condition,
                     skein.pipe, skein.dict,
                     function() return skein.semaphore(1) end,
                     function() return skein.barrier(2) end,
                     function() return skein.value({ "x" }) end,
                     function() return skein.array("int32", 10) end,
                     function() return skein.array("double", 10000) end,
                     function()
                       local q = skein.queue()
                       q:put({ skein.lock(), q:size() })
                       return q
                     end }
    --- Makes `n` objects and drops them; how many there were at once.
    local function make(n)
      local most = 0
      for i = 1, n do
        local _ = makers[i % #makers + 1]()
        if i % 5000 == 0 then
          most = math.max(most, (core.arena()))
          clean()
        end
      end
      return most
    end
    collectgarbage("stop") -- but for what is said here
    make(10000)
    clean()
    local fds, memory, objects = support.fds(), rss(), core.arena()
    local _, used, pages = core.arena()
    assert.is_true(make(100000) >= objects + 5000)
    clean()
    collectgarbage("restart")
    assert.equal(fds, support.fds())
    local now, nowused, nowpages = core.arena()
    assert.equal(objects, now)
    assert.equal(used, nowused)
    assert.is_true(nowpages <= pages + MIB, nowpages - pages)
    if not os.getenv("LD_PRELOAD") then -- a sanitizer keeps what was freed
      assert.is_true(rss() <= memory + 2 * MIB, rss() - memory)
    end
  end))
end)
