--- Races for every primitive: waiters are cancelled, give up and are served in
--- the same instant, in an order of chance. Whatever the order: what was given
--- was taken by exactly one or is still there, whoever gave up has nothing, the
--- others are served first come, first served, and nobody stays in line.

local core = require("skein.core")
local skein = require("skein")

local ROUNDS = 1500
local WAITERS = 4

--- A generator of its own, so that a seed tells the whole story.
local function dice(seed)
  return function(n)
    seed = seed * 6364136223846793005 + 1442695040888963407
    return (seed >> 33) % n + 1
  end
end

--- How a waiter is disturbed at second 1, when it is served as well.
local disturb = {
  function(wait) return wait(nil) end,                    -- not at all
  function(wait) return wait(nil) end,                    -- cancelled by another
  function(wait) return wait(1) end,                      -- its wait gives up
  function(wait) return skein.timeout(1, wait, nil) end,  -- its scope does
}
local UNDISTURBED, CANCELLED = 1, 2

--- One round: `game.wait(timeout)` takes one, `game.serve()` gives one, and
--- `game.left()` tells how many were given and not taken.
local function round(game, roll)
  local waiters, arrivals, taken = {}, 0, 0
  local function enter(w)
    return disturb[w.way](function(timeout)
      arrivals = arrivals + 1
      w.arrival = arrivals
      local ok, why = game.wait(timeout)
      if ok then
        taken = taken + 1
        w.served = true
      else
        assert.equal("timeout", why)
      end
    end)
  end
  for i = 1, roll(WAITERS) do
    local w = { way = roll(#disturb) }
    waiters[i] = w
    w.task = skein.task(enter, w)
  end
  skein.test.settle()
  local served, due = roll(WAITERS + 1) - 1, skein.now() + 1
  for _ = 1, served do
    skein.task(function()
      skein.sleep(due - skein.now())
      game.serve()
    end)
  end
  for _, w in ipairs(waiters) do
    if w.way == CANCELLED then
      skein.task(function()
        skein.sleep(due - skein.now())
        w.task:cancel()
      end)
    end
  end
  skein.sleep(1)
  skein.test.settle()
  local last = 0
  for _, w in ipairs(waiters) do
    if w.way == UNDISTURBED and w.served then last = math.max(last, w.arrival) end
  end
  for _, w in ipairs(waiters) do
    if w.way == UNDISTURBED and not w.served then
      assert(game.told or w.arrival > last, "served out of turn")
      assert(game.left and game.left() == 0 or taken == served, "one waits for what is there")
    end
    w.task:cancel()
    w.task:join()
    local status = w.task:status()
    assert(w.served or status ~= "finished" or w.way == 3, "a wait ended for no reason")
    w.task:error()
  end
  skein.test.settle() -- those that serve, too
  if game.left then assert.equal(served, taken + game.left()) end
  assert(taken <= served)
end

--- Tokens that are put and got.
local function getting(store, get, put)
  local put_so_far, got = 0, {}
  return {
    wait = function(timeout)
      local v, why = get(store, timeout)
      if v == nil then return nil, why end
      assert(not got[v], "got twice")
      got[v] = true
      return true
    end,
    serve = function()
      put_so_far = put_so_far + 1
      put(store, put_so_far)
    end,
  }
end

local function get(c, timeout) return c:get(timeout) end
local function put(c, v) assert(c:put(v)) end
local function recv(e, timeout) return e:recv(timeout) end

--- Makes a game of a class with size().
local function sized(new, ...)
  local args = table.pack(...)
  return function()
    local c = new(table.unpack(args, 1, args.n))
    local game = getting(c, get, put)
    function game.left() return c:size() end
    function game.clear()
      while c:get(0) do end
    end
    return game
  end
end

--- Putting into what is full: serving is to get.
local function putting(new)
  return function()
    local c = new(WAITERS)
    for _ = 1, WAITERS do c:put("first") end
    return {
      wait = function(timeout) return c:put("one", timeout) end,
      serve = function() assert(c:get()) end,
      left = function() return c:capacity() - c:size() end,
      clear = function()
        while c:put("first", 0) do end
      end,
    }
  end
end

--- A rendezvous leaves nothing: who serves without a taker waits until the end
--- of the round. `serve` and `take` may be select's.
local function meeting(take, give)
  return function()
    local c = skein.channel(0)
    local left = 0
    local givers = {}
    return {
      wait = function(timeout) return take(c, timeout) end,
      serve = function()
        left = left + 1
        givers[#givers + 1] = skein.task(function()
          assert(give(c))
          left = left - 1
        end)
      end,
      left = function() return left end,
      clear = function()
        for _, t in ipairs(givers) do
          t:cancel()
          t:join()
          t:error()
        end
        givers, left = {}, 0
      end,
    }
  end
end

local function give(c) return c:put("one") end
local function take(c, timeout) return c:get(timeout) end
local function offer(c, timeout) return c:put("one", timeout) end
local function accept(c) return c:get() end

local games = {
  ["channel get"] = sized(skein.channel),
  ["bounded channel get"] = sized(skein.channel, 8),
  ["stack get"] = sized(skein.channel, { order = "lifo" }),
  ["priority channel get"] = sized(skein.channel, { order = "priority" }),
  ["queue get"] = sized(skein.queue),
  ["channel put"] = putting(skein.channel),
  ["queue put"] = putting(skein.queue),
  ["rendezvous get"] = meeting(take, give),
  ["rendezvous put"] = meeting(offer, accept),
  ["rendezvous of queues, get"] = function()
    local game = meeting(take, give)
    local channel = skein.channel
    skein.channel = skein.queue
    local made = game()
    skein.channel = channel
    return made
  end,
  ["pipe recv"] = function()
    local a, b = skein.pipe()
    local game = getting(b, recv, function(_, v) assert(a:send(v)) end)
    local count = 0
    function game.left()
      local list = {}
      while b:poll(0) do list[#list + 1] = b:recv(0) end
      count = #list
      return count
    end
    function game.clear() end
    return game
  end,
  ["semaphore acquire"] = function()
    local s = skein.semaphore(0)
    return {
      wait = function(timeout) return s:acquire(timeout) end,
      serve = function() s:release() end,
      left = function() return s:value() end,
      clear = function()
        while s:acquire(0) do end
      end,
    }
  end,
  ["condition wait"] = function()
    local c = skein.condition()
    local release <const> = setmetatable({}, { __close = function() c:release() end })
    return { -- no left(): who is not there when it is notified missed it
      wait = function(timeout)
        c:acquire()
        local _ <close> = release
        return c:wait(timeout)
      end,
      serve = function()
        c:acquire()
        c:notify()
        c:release()
      end,
      clear = function() end,
    }
  end,
  ["select get"] = function()
    local c, idle = skein.channel(), skein.channel()
    local game = getting(c, function(_, timeout)
      local i, v = skein.select({ idle, c }, timeout)
      if not i then return nil, v end
      assert.equal(2, i)
      return v
    end, put)
    function game.left() return c:size() end
    function game.clear()
      while c:get(0) do end
    end
    return game
  end,
  ["select of shared ones"] = function()
    local q, idle = skein.queue(), skein.event()
    local game = getting(q, function(_, timeout)
      local i, v = skein.select({ idle, q }, timeout)
      if not i then return nil, v end
      assert.equal(2, i)
      return v
    end, put)
    function game.left() return q:size() end
    function game.clear()
      while q:get(0) do end
    end
    game.told = true -- not served: what it is told of it has to be the first to take
    return game
  end,
  ["select put"] = function()
    local c, full = skein.channel(WAITERS), skein.channel(1)
    for _ = 1, WAITERS do c:put(0) end
    full:put(0)
    return {
      wait = function(timeout)
        local i, why = skein.select({ { full, "put", 1 }, { c, "put", 1 } }, timeout)
        if i then assert.equal(2, i) end
        return i, why
      end,
      serve = function() assert(c:get()) end,
      left = function() return WAITERS - c:size() end,
      clear = function()
        while c:put(0, 0) do end
      end,
    }
  end,
}

--- Runs `body` many times, with tasks in an order of chance.
local function chance(seed, body)
  skein.test.run({ seed = seed, patience = 0 }, function()
    local roll = dice(seed)
    for _ = 1, ROUNDS do body(roll) end
  end)
  assert.equal(0, core.live())
end

--- Starts up to `n` tasks that run `wait(timeout, w)`, each disturbed at second
--- 1 in some way or not at all. The list of {way =, task =}.
local function enlist(roll, n, wait)
  local waiters, due = {}, skein.now() + 1
  for i = 1, n do
    local w = { way = roll(#disturb) }
    waiters[i] = w
    w.task = skein.task(disturb[w.way], function(timeout) return wait(timeout, w) end)
    if w.way == CANCELLED then
      skein.task(function()
        skein.sleep(due - skein.now())
        w.task:cancel()
      end)
    end
  end
  return waiters
end

--- All have ended, and asked for.
local function gather(waiters)
  for _, w in ipairs(waiters) do
    w.task:join()
    w.error = w.task:error()
  end
end

local function check_lock(acquire, release)
  return function(roll)
    local inside, arrivals, last = 0, 0, 0
    acquire(nil)
    local waiters = enlist(roll, roll(WAITERS), function(timeout, w)
      arrivals = arrivals + 1
      local arrival = arrivals
      local ok, why = acquire(timeout)
      if not ok then
        assert.equal("timeout", why)
        return
      end
      assert.is_nil(why)
      assert.equal(0, inside)
      assert(arrival > last, "served out of turn")
      inside, last, w.served = 1, arrival, true
      local _ <close> = setmetatable({}, {
        __close = function()
          inside = 0
          release()
        end,
      })
      skein.yield()
    end)
    skein.sleep(1)
    release()
    gather(waiters)
    for _, w in ipairs(waiters) do assert(w.served or w.way ~= UNDISTURBED) end
    assert.same({ true }, { acquire(0) })
    release()
  end
end

describe("in the same instant,", function()
  for seed = 1, 2 do
    for _, opts in ipairs { {}, { reentrant = true } } do
      local kind = opts.reentrant and "reentrant" or "plain"
      it(("a %s lock is passed on, seed %d"):format(kind, seed), function()
        local l = skein.lock(opts)
        chance(seed, check_lock(function(timeout) return l:acquire(timeout) end,
          function() l:release() end))
      end)
    end

    it("an event is set, seed " .. seed, function()
      local e = skein.event()
      chance(seed, function(roll)
        e:clear()
        local waiters = enlist(roll, roll(WAITERS), function(timeout, w)
          local ok, why = e:wait(timeout)
          w.served = ok
          assert(ok or why == "timeout")
        end)
        skein.sleep(1)
        e:set()
        gather(waiters)
        for _, w in ipairs(waiters) do assert(w.served or w.way ~= UNDISTURBED) end
      end)
    end)

    it("a task ends for all who wait, seed " .. seed, function()
      local calls = {
        function(t, timeout) return t:get(timeout) end,
        function(t, timeout) return t:join(timeout) and t:get(0) end,
        function(t, timeout) return (select(2, skein.select({ { t, "get" } }, timeout))) end,
        function(t, timeout) return skein.wait({ t }, timeout) and t:get(0) end,
      }
      chance(seed, function(roll)
        local fails = roll(2) == 1
        local mine = {}
        local t = skein.task(function()
          skein.sleep(1)
          if fails then error(mine) end
          return mine
        end):on_done(function() end) -- its error is somebody's business
        local waiters = enlist(roll, roll(WAITERS), function(timeout, w)
          local ok, value = pcall(calls[roll(#calls)], t, timeout)
          w.served = value == mine and ok ~= fails
          if not ok and not w.served then error(value, 0) end
        end)
        gather(waiters)
        t:error()
        for _, w in ipairs(waiters) do assert(w.served or w.way ~= UNDISTURBED) end
      end)
    end)

    it("a barrier lets all through or breaks, seed " .. seed, function()
      chance(seed, function(roll)
        local n = 2 + roll(2)
        local b = skein.barrier(n)
        local numbers, broken, count = {}, false, 0
        local function meet(timeout, w)
          local number, why = b:wait(timeout)
          if number then
            assert(number >= 1 and number <= n and not numbers[number])
            numbers[number] = true
            count = count + 1
          else
            assert(why == "broken" or why == "timeout" and w.way == 3)
            broken = true
          end
        end
        local waiters = enlist(roll, n - 1, meet)
        skein.sleep(1)
        local late = skein.task(meet, nil, {})
        skein.test.settle()
        if count == 0 and not broken then b:abort() end -- some were cancelled
        gather(waiters)
        late:join()
        assert(count == 0 or count == n)
      end)
    end)

    it("a send into a full pipe is received or not at all, seed " .. seed, function()
      local a, b = skein.pipe { bytes = 64 }
      local filling, padding = ("x"):rep(40), (" "):rep(30) -- not both of them fit
      chance(seed, function(roll)
        assert(a:send(filling))
        local sent = {}
        local waiters = enlist(roll, roll(WAITERS), function(timeout, w)
          local ok, why = a:send(w.way .. padding, timeout)
          assert(ok or why == "timeout")
          w.served = ok
        end)
        skein.sleep(1)
        assert.equal(filling, b:recv())
        skein.test.settle()
        local received = {}
        while b:poll(0) do
          received[#received + 1] = b:recv()
          skein.test.settle()
        end
        gather(waiters)
        for _, w in ipairs(waiters) do
          local item = w.way .. padding
          if w.served then sent[item] = (sent[item] or 0) + 1 end
          assert(w.served or w.way ~= UNDISTURBED)
        end
        for _, item in ipairs(received) do sent[item] = sent[item] - 1 end
        for _, rest in pairs(sent) do assert.equal(0, rest) end
      end)
    end)

    it("a group ends with what came first, seed " .. seed, function()
      chance(seed, function(roll)
        local mine, ended = {}, 0
        local waiters = enlist(roll, 1, function(timeout)
          local function body(g)
            for i = 1, 2 do
              g:task(function()
                local _ <close> = setmetatable({}, { __close = function() ended = ended + 1 end })
                skein.sleep(1)
                if i == 1 then error(mine) end
              end)
            end
            skein.sleep(1)
          end
          if timeout then return skein.timeout(timeout, skein.group, body) end
          return skein.group(body)
        end)
        gather(waiters)
        assert.equal(2, ended)
        local err = waiters[1].error
        assert(err == mine or type(err) == "table" and
          (err.kind == "cancelled" or err.kind == "timeout" or err.kind == "errors"))
        if waiters[1].way == UNDISTURBED then assert.equal(mine, err) end
      end)
    end)
  end

  for name, new in pairs(games) do
    for seed = 1, 2 do
      it(("a %s is served, cancelled and given up, seed %d"):format(name, seed), function()
        skein.test.run({ seed = seed, patience = 0 }, function()
          local game, roll = new(), dice(seed)
          for _ = 1, ROUNDS do
            round(game, roll)
            game.clear()
          end
        end)
        assert.equal(0, core.live())
      end)
    end
  end
end)
