--- pool:map and pool:imap.

local core = require("skein.core")
local skein = require("skein")
local pools = require("spec.pools")
local support = require("spec.support")

local failure, kind, task = support.failure, support.kind, support.task
local with, range = pools.with, pools.range

local function square(x) return x * x end

describe("pool:map", function()
  setup(pools.warm)

  it("gives the first results in order", with(2, function(pool)
    for _, n in ipairs { 0, 1, 2, 3, 10, 1000 } do
      local results = pool:map(square, range(n))
      assert.equal(n, results.n)
      for i = 1, n do assert.equal(i * i, results[i]) end
      assert.is_nil(results[n + 1])
    end
    assert.same({ n = 2, 1, 2 }, pool:map(function(x) return x, "more" end, { 1, 2 }))
  end))

  it("takes lists of many items", with(2, function(pool)
    local n = 200000
    local results = pool:map(function(x) return -x end, range(n))
    for i = 1, n, 997 do assert.equal(-i, results[i]) end
    assert.equal(-n, results[n])
    assert.equal(n, #results)
  end))

  it("keeps nil and false where they are", with(2, function(pool)
    local results = pool:map(function(x) if x ~= 2 then return x end end,
      { n = 4, 1, 2, nil, false })
    assert.same({ n = 4, 1, nil, nil, false }, results)
  end))

  it("cuts lists as it is told", with(2, function(pool)
    for _, chunk in ipairs { 1, 3, 7, 100, 1000000 } do
      local results = pool:map(square, range(20), { chunk = chunk })
      for i = 1, 20 do assert.equal(i * i, results[i]) end
    end
    local shared = {}
    local same = pool:map(function(t) _G.last = _G.last or t return t == _G.last end, -- luacheck: ignore
      { shared, shared }, { chunk = 2 })
    assert.same({ n = 2, true, true }, same)
  end))

  it("takes items that are lists of arguments", with(2, function(pool)
    local results = pool:map(function(a, b, c) return (a or 0) + (b or 0) + (c or 0) end,
      { { 1, 2 }, { 3, 4, 5 }, {}, { n = 3, 1, nil, 2 } }, { unpack = true })
    assert.same({ n = 4, 3, 12, 0, 3 }, results)
    local err = failure(pool.map, pool, square, { { 1 }, 2 }, { unpack = true })
    assert.match("item 2 is no list of arguments", err.message)
  end))

  it("takes functions with upvalues, and names", with(2, function(pool)
    local by = 3
    assert.same({ n = 2, 3, 6 }, pool:map(function(x) return x * by end, { 1, 2 }))
    assert.same({ n = 2, "A", "B" }, pool:map("string.upper", { "a", "b" }))
  end))

  it("spreads slow items over the workers", with(3, function(pool)
    local start = skein.now()
    pool:map(function() skein.sleep(0.05) end, range(6))
    assert.is_true(skein.now() - start < 0.25)
  end))

  --- How large the parts were that a map of 'fn' was cut into.
  local function parts(pool, fn, list, opts)
    local real, sizes = core.crew.part, {}
    core.crew.part = function(p, part, ...)
      sizes[#sizes + 1] = part.count
      return real(p, part, ...)
    end
    local ok, err = pcall(pool.map, pool, fn, list, opts)
    core.crew.part = real
    if not ok then error(err, 0) end
    return sizes
  end

  it("sends cheap items by thousands", with(2, function(pool)
    local sizes = parts(pool, function(x) return x end, range(1000000))
    assert.equal(1, sizes[1])
    assert.is_true(#sizes < 2000, #sizes .. " parts") -- a busy machine makes them smaller
    assert.is_true(math.max(table.unpack(sizes)) >= 4096)
  end))

  it("sends slow items one by one", with(2, function(pool)
    local sizes = parts(pool, function() skein.sleep(0.01) end, range(20))
    for _, size in ipairs(sizes) do assert.equal(1, size) end
    assert.equal(20, #sizes)
  end))

  it("sends as many as it is told", with(2, function(pool)
    assert.same({ 7, 7, 6 }, parts(pool, square, range(20), { chunk = 7 }))
    local sizes = parts(pool, function() skein.sleep(0.01) end, range(9), { chunk = 8 })
    assert.same({ 8, 1 }, sizes)
  end))

  it("does not let slow items hold back others in their part", with(2, function(pool)
    local who = skein.array("int32", 40)
    local results = pool:map(function(x)
      if x > 20000 and x <= 20040 then
        who[x - 20000] = require("skein").self().pid
        require("skein").sleep(0.01)
      end
      return x
    end, range(40040))
    for i = 1, 40040 do assert.equal(i, results[i]) end
    local share = {}
    for i = 1, 40 do share[who[i]] = (share[who[i]] or 0) + 1 end
    local shares = {}
    for _, n in pairs(share) do shares[#shares + 1] = n end
    assert.equal(2, #shares)
    assert.is_true(math.min(table.unpack(shares)) >= 8, table.concat(shares, " and "))
  end))

  it("raises the error of the lowest index", with(2, function(pool)
    for _, chunk in ipairs { 1, 2, 5, 20 } do
      local err = failure(pool.map, pool, function(x)
        if x == 3 then skein.sleep(0.02) error("three", 0) end
        if x >= 7 then error("later", 0) end
        return x
      end, range(20), { chunk = chunk })
      assert.equal("three", err.message)
    end
    assert.equal(1, pool:apply(function() return 1 end))
  end))

  it("drops items behind one that failed", with(2, function(pool)
    local seen = skein.queue()
    failure(pool.map, pool, function(x)
      seen:put(x)
      if x == 2 then error("no") end
      skein.sleep(0.01)
    end, range(1000), { chunk = 50 })
    assert.is_true(seen:size() < 40)
    assert.equal(0, pool:stats().queued)
  end))

  it("waits for those that have begun", with(2, function(pool)
    local ended = skein.queue()
    failure(pool.map, pool, function(x)
      if x == 2 then error("no") end
      skein.sleep(0.1)
      ended:put(x)
    end, { 1, 2 })
    assert.equal(1, ended:get(0))
  end))

  it("fails items whose results cannot cross", with(2, function(pool)
    local err = failure(pool.map, pool, function(x) return x == 5 and io.stdout or x end,
      range(8), { chunk = 4 })
    assert.match("cannot return result: ", tostring(err))
  end))

  it("raises for items that cannot cross", with(2, function(pool)
    local err = failure(function() pool:map(square, { 1, 2, print, io.stdout }) end)
    assert.match("cannot send item 4: ", tostring(err))
    assert.match("pool_map_spec.lua:%d+: $", err.where)
    err = failure(function() pool:map(function() return io.stdout end, { 1 }) end)
    assert.equal("error", err.kind)
    assert.equal(1, pool:apply(function() return 1 end))
  end))

  it("can be limited in time as a whole", with(2, function(pool)
    local pid = pool:map(function() return skein.self().pid end, { 1 })
    local start = skein.now()
    local err = failure(pool.map, pool, skein.sleep, { 0, 60, 0, 60, 60, 60 }, { timeout = 0.1 })
    assert.equal("timeout", err.kind)
    assert.is_true(skein.now() - start >= 0.1 and skein.now() - start < 5)
    assert.equal("timeout", kind(pool.map, pool, function() while true do end end, range(9),
      { timeout = 0.05 }))
    assert.equal("timeout", kind(pool.map, pool, skein.sleep, { 60 }, { timeout = 0 }))
    assert.same({ n = 2, 1, 4 }, pool:map(square, { 1, 2 }, { timeout = 10 }))
    assert.is_true(#pid == 1)
    assert.equal(0, pool:stats().queued)
  end))

  it("stops when its task is cancelled", with(2, function(pool)
    local list = { 60, 60, 60, 60 }
    assert.equal("timeout", kind(skein.timeout, 0.05, pool.map, pool, skein.sleep, list))
    local stats = pool:stats()
    assert.equal(0, stats.queued + stats.running)
    assert.same({ n = 2, 1, 4 }, pool:map(square, { 1, 2 }))
  end))

  it("reports its progress", with(2, function(pool)
    local calls = {}
    pool:map(square, range(100), { chunk = 10, progress = function(done, total)
      calls[#calls + 1] = done
      assert.equal(100, total)
    end })
    assert.equal(0, calls[1])
    assert.equal(100, calls[#calls])
    for i = 2, #calls do assert.is_true(calls[i] > calls[i - 1]) end
    assert.equal("stop", failure(pool.map, pool, square, range(100), {
      progress = function(done) if done > 0 then error("stop", 0) end end,
    }))
    local only = {}
    pool:map(square, {}, { progress = function(...) only[#only + 1] = { ... } end })
    assert.same({ { 0, 0 } }, only)
  end))

  it("draws a bar on stderr", function()
    local program = [[
      local skein = require("skein")
      local pool <close> = skein.pool(2)
      pool:map(function(x) skein.sleep(0.01) return x end, {1,2,3,4,5,6,7,8}, { progress = true })
    ]]
    local plain = support.program(program)
    assert.match("^8/8 in [%d.]+ s\n$", plain)
    local live = support.program(
      'local f = io.popen([==[script -qec "' .. support.lua .. " -e '" ..
      'require([[skein]]).pool(1):map([[math.abs]], {1,2,3}, {progress = true})' ..
      "'" .. '" /dev/null]==]) io.write(f:read("a"))')
    if live:find("3/3") then
      assert.match("100%% .*3/3 in [%d.]+ s.*\r?\n$", live)
      assert.match("\r", live)
    end
  end)

  it("goes on when the pool is closed meanwhile", task(function()
    local pool = skein.pool(2)
    local mapping = skein.task(pool.map, pool, function(x)
      skein.sleep(0.005)
      return x
    end, range(30))
    skein.sleep(0.03)
    pool:close()
    assert.equal(30, #mapping:get())
    assert.is_true(pool:join(5))
  end))

  it("ends when the pool is terminated", task(function()
    local pool = skein.pool(2)
    local mapping = skein.task(function() return pool:map(skein.sleep, { 60, 60, 60 }) end)
    skein.sleep(0.03)
    pool:terminate()
    assert.equal("cancelled", failure(mapping.get, mapping).kind)
    assert.is_true(pool:join(5))
  end))

  it("works in several tasks at once", with(2, function(pool)
    local sums = skein.map(range(70), function(k)
      local r = pool:map(function(x) return x + 1 end, { k, k, k })
      return r[1] + r[2] + r[3]
    end)
    for k = 1, 70 do assert.equal(3 * (k + 1), sums[k]) end
  end))

  it("counts items against tasks_per_worker", with({ workers = 2, tasks_per_worker = 5 },
    function(pool)
      local pids = pool:map(function() return skein.self().pid end, range(40), { chunk = 12 })
      local counts = {}
      for i = 1, 40 do counts[pids[i]] = (counts[pids[i]] or 0) + 1 end
      for _, n in pairs(counts) do assert.is_true(n <= 5) end
    end))
end)

describe("pool:imap", function()
  it("gives index, ok and results in order", with(2, function(pool)
    local got = {}
    for i, ok, a, b in pool:imap(function(x) return x * 2, x end, { 5, 6, 7 }) do
      got[#got + 1] = { i, ok, a, b }
    end
    assert.same({ { 1, true, 10, 5 }, { 2, true, 12, 6 }, { 3, true, 14, 7 } }, got)
  end))

  it("gives errors with false", with(2, function(pool)
    local seen = {}
    for i, ok, v in pool:imap(function(x) if x == 2 then error("two", 0) end return x end,
      { 1, 2, 3 }) do
      seen[i] = ok and v or v.message
    end
    assert.same({ 1, "two", 3 }, seen)
    for i, ok, err in pool:imap(square, { io.stdout }) do
      assert.equal(1, i)
      assert.is_false(ok)
      assert.equal("transfer", err.kind)
    end
  end))

  it("gives results as they end, if order does not matter", with(2, function(pool)
    local order = {}
    for i in pool:imap(function(s) skein.sleep(s) end, { 0.1, 0.01, 0.01 }, { ordered = false }) do
      order[#order + 1] = i
    end
    assert.equal(1, order[3])
  end))

  it("reads no further ahead than it may", with(2, function(pool)
    local read, given = 0, 0
    local function source()
      if read == 20 then return nil end
      read = read + 1
      assert.is_true(read - given <= 3)
      return read
    end
    for i, ok, v in pool:imap(square, source, { ahead = 3 }) do
      given = i
      assert.is_true(ok)
      assert.equal(i * i, v)
    end
    assert.equal(20, given)
  end))

  it("passes on the error of a source, behind the results before", with(2, function(pool)
    local n, got = 0, {}
    local err = failure(function()
      for i, _, v in pool:imap(square, function()
        n = n + 1
        if n == 4 then error("source", 0) end
        return n
      end) do got[i] = v end
    end)
    assert.equal("source", err)
    assert.same({ 1, 4, 9 }, got)
  end))

  it("stops its jobs when it is left early", with(2, function(pool)
    for i in pool:imap(function(x) if x > 2 then skein.sleep(60) end end, { 1, 2, 3, 4 }) do
      if i == 2 then break end
    end
    assert.equal(0, pool:stats().running)
  end))

  it("goes on when the pool is closed meanwhile", task(function()
    local pool = skein.pool(1)
    local sum = 0
    for _, _, v in pool:imap(square, { 1, 2, 3, 4, 5, 6 }) do
      pool:close()
      sum = sum + v
    end
    assert.equal(91, sum)
    assert.is_true(pool:join(5))
  end))
end)
