--- Sockets: an echo server, asked by 100 connections of another process. The
--- client is the same for all, floor/load.c; a work is the server at a port.

local floor = require("bench.lib.floor")
local loaded, skein = pcall(require, "skein")
if not loaded then skein = {} end

local function serve(stream)
  while true do
    local data = stream:read()
    if not data or not stream:write(data) then break end
  end
end

return {
  {
    id = "echo", title = "TCP echo, 100 connections", n = 100000, server = true,
    peers = { "go", "cqueues", "luv", "copas", "python" },
    floor_title = "C: epoll",
    goal = { peer = "go" },
    floor = floor.echo,
    skein = skein.net and function(port)
      assert(skein.net.listen("127.0.0.1", port)):serve(serve)
    end,
  },
}
