--- copas, https://github.com/lunarmodules/copas: tasks over LuaSocket. Debian has
--- it for Lua 5.2 only; the same file runs on 5.4.

local here, copas = pcall(require, "copas")
if not here then
  package.path = package.path .. ";/usr/share/lua/5.2/?.lua"
  copas = require("copas")
end
local socket = require("socket")

local works = {}

--- The server of bench/net.lua.
function works.echo(port)
  copas.addserver(assert(socket.bind("127.0.0.1", port, 128)), function(s)
    s:setoption("tcp-nodelay", true)
    while true do
      local data, err, part = copas.receivePartial(s, 4096)
      data = data or part
      if err == "closed" or not data then break end
      copas.send(s, data)
    end
  end)
  copas.loop()
end

return works
