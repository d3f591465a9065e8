--- The echo server of bench/net.lua, in cqueues.

local cqueues = require("cqueues")
local socket = require("cqueues.socket")

local loop = cqueues.new()
local server = socket.listen("127.0.0.1", 0)
server:listen()
print((select(3, server:localname())))
io.stdout:flush()
loop:wrap(function()
  for conn in server:clients() do
    loop:wrap(function()
      conn:setmode("bn", "bn")
      conn:setvbuf("no")
      conn:onerror(function(_, _, code) return code end) -- the client just leaves
      while true do
        local data = conn:read(-65536)
        if not data then break end
        conn:write(data)
      end
      conn:close()
    end)
  end
end)
assert(loop:loop())
