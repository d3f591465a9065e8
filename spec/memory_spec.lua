--- What is put and got is given back: the family's memory is flat.

local core = require("skein.core")
local skein = require("skein")
local support = require("spec.support")
local family = require("spec.family")

local MIB = 1 << 20

--- Bytes of shared memory that this process has in use, and that anybody has.
local function resident()
  for line in io.lines("/proc/self/status") do
    local kib = line:match("^RssShmem:%s*(%d+)")
    if kib then return tonumber(kib) * 1024 end
  end
end

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
                     function() return skein.array("int32", 10) end }
    local function round()
      for i = 1, 100000 do
        local _ = makers[i % #makers + 1]()
        if i % 5000 == 0 then clean() end
      end
      clean()
    end
    for i = 1, 10000 do local _ = makers[i % #makers + 1]() end
    clean()
    local fds, shared, objects = support.fds(), resident(), core.arena()
    round()
    assert.equal(fds, support.fds())
    assert.equal(objects, (core.arena()))
    assert.is_true(resident() <= shared + MIB)
  end))
end)
