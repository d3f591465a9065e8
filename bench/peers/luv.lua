--- luv, https://github.com/luvit/luv: libuv for Lua. It has callbacks; a coroutine
--- that waits is resumed by one.

local uv = require("luv")
local resident = require("bench.lib.resident")
local create, resume, give = coroutine.create, coroutine.resume, coroutine.yield

local works = {}

function works.switch(n)
  local function work()
    for _ = 1, n // 2 do give() end
  end
  return function()
    for _ = 1, 2 do
      local co, idle = create(work), uv.new_idle()
      idle:start(function()
        resume(co)
        if coroutine.status(co) == "dead" then
          idle:stop()
          idle:close()
        end
      end)
    end
    uv.run()
  end
end

local function sleepers(figure)
  local function sleeper()
    local co, timer = coroutine.running(), uv.new_timer()
    timer:start(500, 0, function()
      timer:close()
      resume(co)
    end)
    give()
  end
  return resident.work(figure, function(n)
    for _ = 1, n do resume(create(sleeper)) end
  end, function() uv.run() end)
end

works.sleepers = sleepers("cpu")
works.sleepers_memory = sleepers("memory")

function works.thread(n)
  return function()
    for _ = 1, n do uv.new_thread(function() end):join() end
  end
end

function works.spawn(n)
  local lua = os.getenv("LUA") or "lua5.4"
  return function()
    for _ = 1, n do
      local handle
      handle = assert(uv.spawn(lua, { args = { "-e", "" } }, function() handle:close() end))
      uv.run()
    end
  end
end

--- Arm and disarm a timer while x others are pending.
function works.timers(n, x)
  for i = 1, x do uv.new_timer():start(1000000 + i, 0, print) end
  return function()
    for _ = 1, n do
      local timer = uv.new_timer()
      timer:start(1000, 0, print)
      timer:stop()
      timer:close()
      uv.run("nowait")
    end
  end
end

--- The server of bench/net.lua.
function works.echo(port)
  local server = uv.new_tcp()
  server:bind("127.0.0.1", port)
  server:listen(128, function()
    local client = uv.new_tcp()
    server:accept(client)
    client:read_start(function(_, data)
      if data then client:write(data) else client:close() end
    end)
  end)
  uv.run()
end

return works
