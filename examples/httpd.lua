--- An HTTP server of several processes that share one port.
--
--   lua httpd.lua [PORT [PROCESSES [DIRECTORY]]]    then: curl 127.0.0.1:8080
--
-- What to see: the parent listens and gives the server to its children, who accept
-- from it side by side; a task for each connection; keep-alive, HEAD, ranges, and
-- clear answers to what is no HTTP. Without a directory, "/" says hello. Ctrl-C
-- lets the requests that are under way end.

local skein = require("skein")

local port = tonumber(arg and arg[1]) or 8080
local processes = tonumber(arg and arg[2]) or skein.cpus()
local root = arg and arg[3]

-- What a process does. It runs in a fresh interpreter.
local function work(server, directory)
  local me = require("skein")
  local PIECE = 262144

  local reasons = {
    [200] = "OK", [206] = "Partial Content", [400] = "Bad Request", [404] = "Not Found",
    [405] = "Method Not Allowed", [416] = "Range Not Satisfiable",
    [431] = "Request Header Fields Too Large",
  }

  local function head(code, length, more)
    return ("HTTP/1.1 %d %s\r\nContent-Length: %d\r\n%s\r\n"):format(code,
      reasons[code], length, more or "")
  end

  local function answer(conn, request, code, body, more)
    local text = head(code, #body, more)
    return conn:write(request.method == "HEAD" and text or text .. body)
  end

  local function refuse(conn, request, code)
    return answer(conn, request, code, reasons[code] .. "\n", "Connection: close\r\n")
  end

  --- The next request: nil at the end, false if it is none.
  local function receive(conn)
    local text, why = conn:read_until("\r\n\r\n", 16384, 30)
    if not text then return nil, why end
    local method, target, minor = text:match("^(%u+) (%S+) HTTP/1%.(%d)\r\n")
    if not method then return nil, "malformed" end
    local request = { method = method, target = target, headers = {} }
    for name, value in text:gmatch("\r\n([%w-]+):[ \t]*([^\r\n]*)") do
      request.headers[name:lower()] = value
    end
    local connection = (request.headers.connection or ""):lower()
    request.keep = connection ~= "close" and (minor ~= "0" or connection == "keep-alive")
    return request
  end

  --- First and last byte that are asked for, of `size`.
  local function range(request, size)
    local from, to = (request.headers.range or ""):match("^bytes=(%d*)%-(%d*)$")
    if not from or from .. to == "" then return nil end
    from, to = math.tointeger(tonumber(from)), math.tointeger(tonumber(to))
    if not from then return math.max(size - to, 0), size - 1 end
    return from, math.min(to or size - 1, size - 1)
  end

  local function send(conn, file, count)
    while count > 0 do
      local piece = file:read(math.min(count, PIECE))
      if not piece or not conn:write(piece) then return nil end
      count = count - #piece
    end
    return true
  end

  local function serve_file(conn, request)
    local path = request.target:gsub("%?.*", ""):gsub("%%(%x%x)", function(hex)
      return string.char(tonumber(hex, 16))
    end)
    if path:find("..", 1, true) or path:find("%z") then return refuse(conn, request, 404) end
    local file = me.open(directory .. path)
    local size = file and file:seek("end")
    if not size then return refuse(conn, request, 404) end
    local _ <close> = file
    local from, to = range(request, size)
    local code, more = 200, "Accept-Ranges: bytes\r\n"
    if from and (from > to or from >= size) then return refuse(conn, request, 416) end
    if from then
      code, more = 206, ("Content-Range: bytes %d-%d/%d\r\n"):format(from, to, size)
    else
      from, to = 0, size - 1
    end
    if not conn:write(head(code, to - from + 1, more)) then return nil end
    if request.method == "HEAD" then return true end
    file:seek("set", from)
    return send(conn, file, to - from + 1)
  end

  local function respond(conn, request)
    if request.method ~= "GET" and request.method ~= "HEAD" then
      return refuse(conn, request, 405)
    end
    if directory then return serve_file(conn, request) end
    if request.target ~= "/" then return answer(conn, request, 404, "Not Found\n") end
    return answer(conn, request, 200, "Hello, world!\n", "Content-Type: text/plain\r\n")
  end

  local function attend(conn)
    repeat
      local request, why = receive(conn)
      if why == "malformed" then refuse(conn, {}, 400) end
      if why == "too long" then refuse(conn, {}, 431) end
    until not request or not respond(conn, request) or not request.keep or server:closed()
  end

  me.run(function()
    me.task(function()
      me.signal("INT", "TERM"):get()
      server:close()
    end)
    server:serve(attend, { grace = 1 })
  end)
end

local signals = skein.signal("INT", "TERM") -- from here on it ends in order
local server = assert(skein.net.listen("127.0.0.1", port))
print(("httpd: listening on %s port %d, %d processes"):format(
  table.concat({ server:sockname() }, "", 1, 1), select(2, server:sockname()), processes))
io.stdout:flush()
local children = {}
for i = 1, processes do
  children[i] = skein.process({ method = "spawn", name = "httpd " .. i }, work, server, root)
end
server:close() -- here; the children have it
signals:get()
for _, child in ipairs(children) do child:signal("TERM") end
for _, child in ipairs(children) do child:join() end
print("httpd: goodbye")
