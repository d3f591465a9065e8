--- Sockets: servers that are asked by another process, each with a processor of its
--- own. The client is the same for all: floor/load.c, or wrk for HTTP. A work is the
--- server at a port; several may have the same server. What counts is the time that the
--- server has its processor: that is its rate when the client is not the slower one.
--- With one connection both wait for each other, and the clock is the wall's.

local floor = require("bench.lib.floor")
local loaded, skein = pcall(require, "skein")
if not loaded then skein = {} end

local function echo(stream)
  while true do
    local data = stream:read()
    if not data or not stream:write(data) then break end
  end
end

local HELLO = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n" ..
  "Content-Type: text/plain\r\n\r\nHello, world!\n"
local MISSING = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

--- As examples/httpd.lua has it: the request line and all headers are looked at.
local function hello(stream)
  while true do
    local text = stream:read_until("\r\n\r\n", 16384)
    if not text then break end
    local method, target, minor = text:match("^(%u+) (%S+) HTTP/1%.(%d)\r\n")
    if method ~= "GET" then break end
    local headers = {}
    for name, value in text:gmatch("\r\n([%w-]+):[ \t]*([^\r\n]*)") do
      headers[name:lower()] = value
    end
    if not stream:write(target == "/" and HELLO or MISSING) then break end
    if headers.connection == "close" or minor == "0" then break end
  end
end

local function serve(fn)
  return skein.net and function(port)
    assert(skein.net.listen("127.0.0.1", port, { backlog = 4096 })):serve(fn)
  end
end

local function echoing(connections)
  return {
    id = "echo_" .. connections, n = 100000, server = "echo", connections = connections,
    title = ("TCP echo, %d connection%s"):format(connections, connections > 1 and "s" or ""),
    peers = { "go", "node", "cqueues", "luv", "copas", "python" },
    floor_title = "C: epoll",
    goal = { peer = "go" },
    clock = connections > 1 and "processor" or "wall",
    floor = floor.echo,
    skein = serve(echo),
  }
end

return {
  echoing(100),
  echoing(1),
  echoing(1000),
  {
    id = "http", n = 1, fixed = true, server = "http", connections = 100, client = "wrk",
    title = "HTTP hello, by wrk", peers = { "node", "go" },
    floor_title = "C: epoll, one answer", clock = "processor",
    goal = { peer = "node" },
    floor = floor.http,
    skein = serve(hello),
  },
}
