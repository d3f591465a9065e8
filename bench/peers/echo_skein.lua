--- The echo server of bench/net.lua, in skein.

local skein = require("skein")

local server = assert(skein.net.listen("127.0.0.1", 0, { backlog = 4096 }))
print((select(2, server:sockname())))
io.stdout:flush()
server:serve(function(conn)
  for data in function() return conn:read() end do conn:write(data) end
end)
