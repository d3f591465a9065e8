--- A chat server: what one says, all others hear.
--
--   lua chat.lua [PORT [HOST]]     then: nc 127.0.0.1 4000
--
-- What to see: a task for each guest reads, and another one writes from a channel
-- of the guest's own, so that a guest who does not read holds nobody up: its
-- channel is full, and it misses something. Ctrl-C says goodbye to everybody.

local skein = require("skein")

local port = tonumber(arg and arg[1]) or 4000
local host = arg and arg[2] or "127.0.0.1"

local guests = {} -- name -> channel of what the guest is to hear

local function tell(line, but)
  for name, channel in pairs(guests) do
    if name ~= but then channel:put(line, 0) end
  end
end

local function ask_name(conn)
  while true do
    conn:write("your name? ")
    local name = conn:read_until("\n", 80)
    name = name and name:match("^%s*(.-)%s*$")
    if not name then return nil end
    if name ~= "" and not guests[name] then return name end
    conn:write("that one is taken\n")
  end
end

local function converse(conn, name)
  for line in conn:lines() do
    line = line:gsub("%c", "")
    if line == "/quit" then return end
    if line == "/who" then
      for other in pairs(guests) do guests[name]:put(other, 0) end
    else
      tell(name .. ": " .. line, name)
    end
  end
end

local function welcome(conn)
  local name = ask_name(conn)
  if not name then return end
  local channel = skein.channel(100)
  guests[name] = channel
  local _ <close> = setmetatable({}, { __close = function()
    guests[name] = nil
    tell("* " .. name .. " has left")
  end })
  local writer <close> = skein.task(function()
    for line in channel:items() do conn:write(line .. "\n") end
    conn:shutdown()
  end)
  channel:put("* hello, " .. name)
  tell("* " .. name .. " is here", name)
  converse(conn, name)
  channel:close()
  writer:join(1)
end

skein.run(function()
  local signals = skein.signal("INT", "TERM")
  local server = assert(skein.net.listen(host, port))
  print(("chat: listening on %s port %d"):format(server:sockname()))
  io.stdout:flush()
  skein.task(function()
    signals:get()
    server:close()
    tell("* the server ends")
    skein.sleep(0.05)
    for _, channel in pairs(guests) do channel:close() end
  end)
  server:serve(welcome, { limit = 1000, grace = 1 })
  print("chat: goodbye")
end)
