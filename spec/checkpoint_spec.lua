--- Every wait is a checkpoint, even if it need not wait: a cancelled task does not get
--- past it, and a wait that was cancelled has not happened.

local skein = require("skein")
local support = require("spec.support")
local net, task = skein.net, support.task

local function filled(make)
  return function()
    local c = make()
    c:put("item")
    return c
  end
end

local function kept(c) return c:size() == 1 and c:get() == "item" end

local function free(lock) return lock:acquire(0) end

local function piped()
  local here, there = skein.pipe()
  here:send("item")
  return { here, there }
end

local function connected()
  local here, there = net.pair()
  here:write("text\n")
  return { here, there, close = function()
    here:close()
    there:close()
  end }
end

--- A name: what waits, given what the second makes; afterwards the third is true.
local waits = {
  ["channel:put"] = { function(c) c:put(1) end, skein.channel, function(c) return c:empty() end },
  ["channel:get"] = { function(c) c:get() end, filled(skein.channel), kept },
  ["channel:get, once"] = { function(c) c:get(0) end, filled(skein.channel), kept },
  ["channel:items"] = { function(c) c:items()() end, filled(skein.channel), kept },
  ["channel:join"] = { function(c) c:join() end, skein.channel },
  ["queue:put"] = { function(c) c:put(1) end, skein.queue, function(c) return c:empty() end },
  ["queue:get"] = { function(c) c:get() end, filled(skein.queue), kept },
  ["queue:get, once"] = { function(c) c:get(0) end, filled(skein.queue), kept },
  ["queue:items"] = { function(c) c:items()() end, filled(skein.queue), kept },
  ["queue:join"] = { function(c) c:join() end, skein.queue },
  ["pipe:send"] = { function(p) p[2]:send(1) end, piped, function(p) return not p[1]:poll(0) end },
  ["pipe:recv"] = { function(p) p[2]:recv() end, piped, function(p) return p[2]:poll(0) end },
  ["pipe:poll"] = { function(p) p[2]:poll() end, piped },
  ["lock:acquire"] = { function(l) l:acquire() end, skein.lock, free },
  ["lock:with"] = { function(l) l:with(print) end, skein.lock, free },
  ["lock:hold"] = { function(l) l:hold() end, skein.lock, free },
  ["semaphore:acquire"] = { function(s) s:acquire() end, function() return skein.semaphore(1) end,
    function(s) return s:value() == 1 end },
  ["event:wait"] = { function(e) e:wait() end, function()
    local e = skein.event()
    e:set()
    return e
  end },
  ["condition:acquire"] = { function(c) c:acquire() end, skein.condition, free },
  ["barrier:wait"] = { function(b) b:wait() end, function() return skein.barrier(1) end },
  ["value:with"] = { function(v) v:with(print) end, function() return skein.value(1) end,
    function(v) return v:get() == 1 end },
  ["array:with"] = { function(a) a:with(print) end, function() return skein.array("int8", 1) end },
  ["dict:update"] = { function(d) d:update(1, function() return 1 end) end, skein.dict,
    function(d) return #d == 0 end },
  ["handle:get"] = { function(h) h:get() end, function()
    local h = skein.task(math.abs, 1)
    h:join()
    return h
  end },
  ["handle:join, once"] = { function(h) h:join(0) end, function()
    local h = skein.process(math.abs, 1)
    h:join()
    return h
  end },
  sleep = { function() skein.sleep(0) end },
  yield = { skein.yield },
  every = { function() skein.every(1e-9)() end },
  wait = { function(c) skein.wait { c } end, filled(skein.channel), kept },
  ["wait, once"] = { function(c) skein.wait({ c }, 0) end, skein.channel },
  select = { function(c) skein.select { c } end, filled(skein.queue), kept },
  ["all, of nothing"] = { function() skein.all {} end },
  ["map, of nothing"] = { function() skein.map({}, print) end },
  race = { function() skein.race { math.abs } end },
  group = { function() skein.group(function() end) end },
  ["stream:read"] = { function(s) s[2]:read() end, connected,
    function(s) return s[2]:read() == "text\n" end },
  ["stream:read, once"] = { function(s) s[2]:read("l", 0) end, connected,
    function(s) return s[2]:read() == "text\n" end },
  ["stream:lines"] = { function(s) s[2]:lines()() end, connected,
    function(s) return s[2]:read() == "text\n" end },
  ["stream:write"] = { function(s) s[2]:write("x") end, connected,
    function(s) return s[1]:read(nil, 0) == nil end },
  ["server:accept, once"] = { function(s) s:accept(0) end,
    function() return net.listen("127.0.0.1", 0) end },
  ["udp:recv, once"] = { function(s) s:recv(0) end, function() return net.udp("127.0.0.1", 0) end },
  open = { function() skein.open("/dev/null"):close() end },
  command = { function() skein.command { "true" }:get() end },
}

--- Those of a pool, which is there already.
local pools = {
  apply = function(pool) pool:apply(math.abs, 1) end,
  map = function(pool) pool:map(math.abs, { 1 }) end,
  ["map, of nothing"] = function(pool) pool:map(math.abs, {}) end,
  imap = function(pool) for i in pool:imap(math.abs, { 1 }) do assert(i == 1) end end,
}

local function close(object)
  local closes, fn = pcall(function() return object.close end)
  if closes and fn then fn(object) end
end

--- `wait(object)` is not got past: in a cancelled task, in a scope without time.
local function holds(wait, object, unharmed)
  local me, beyond
  me = skein.task(function()
    me:cancel()
    wait(object)
    beyond = true
  end)
  me:join()
  assert.equal("cancelled", me:status())
  assert.equal("timeout", support.kind(skein.timeout, 0, function()
    wait(object)
    beyond = true
  end))
  assert.is_nil(beyond)
  if unharmed then assert.is_truthy(unharmed(object)) end
  if object then close(object) end
end

describe("a cancelled task does not get past", function()
  for name, case in pairs(waits) do
    it(name, task(function()
      holds(case[1], case[2] and case[2](), case[3])
      collectgarbage()
    end))
  end

  for name, wait in pairs(pools) do
    it("pool:" .. name, task(function()
      local pool <close> = skein.pool { workers = 1, kind = "thread" }
      pool:apply(math.abs, 1)
      holds(function() wait(pool) end)
    end))
  end

  it("pool:join, of one that is gone", task(function()
    local pool = skein.pool { workers = 1, kind = "thread" }
    pool:close()
    assert.is_true(pool:join())
    holds(function() pool:join() end)
  end))
end)
