--- A downloader that fetches the parts of a file side by side.
--
--   lua download.lua URL FILE [PARTS]
--
-- What to see: `map` with a limit, a timeout around each part, another try for a
-- part that failed, progress while it runs, and nothing half done: the file gets
-- its name when it is complete.

local skein = require("skein")

local url, name = arg[1], arg[2]
local parts = tonumber(arg[3]) or 4
if not name then
  io.stderr:write("usage: lua download.lua URL FILE [PARTS]\n")
  os.exit(2)
end

local host, port, path = url:match("^http://([^:/]+):?(%d*)(/?.*)$")
assert(host, "not a URL of http: " .. url)
port = tonumber(port) or 80
path = path == "" and "/" or path

--- Sends a request; the connection, the status and the headers of the answer.
local function ask(method, more)
  local conn = assert(skein.net.connect(host, port, 10))
  conn:write(("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n"):format(
    method, path, host, more or ""))
  local head = assert(conn:read_until("\r\n\r\n", 65536, 10))
  local headers = {}
  for key, value in head:gmatch("\r\n([%w-]+):[ \t]*([^\r\n]*)") do
    headers[key:lower()] = value
  end
  return conn, tonumber(head:match("^HTTP/1%.%d (%d+)")), headers
end

local size, done = 0, 0

local function fetch(part)
  local conn, status = ask("GET", ("Range: bytes=%d-%d\r\n"):format(part.from, part.to))
  local _ <close> = conn
  assert(status == 206, "the server says " .. tostring(status))
  local file <close> = assert(skein.open(name .. ".part", "r+"))
  file:seek("set", part.from)
  while part.from <= part.to do
    local data = assert(conn:read(math.min(65536, part.to - part.from + 1)))
    assert(file:write(data))
    part.from = part.from + #data
    done = done + #data
  end
end

--- Goes on where it stopped, three times.
local function insist(part)
  for try = 1, 3 do
    local ok, err = pcall(skein.timeout, 60, fetch, part)
    if ok then return end
    if try == 3 or skein.is_cancelled(err) then error(err, 0) end
  end
end

local function show_progress()
  for _ in skein.every(0.1) do
    io.stderr:write(("\r%3d %%"):format(size > 0 and done * 100 // size or 0))
  end
end

skein.run(function()
  local conn, status, headers = ask("HEAD")
  conn:close()
  assert(status == 200, "the server says " .. tostring(status))
  size = math.tointeger(tonumber(headers["content-length"])) or error("its size is not known")
  assert(skein.open(name .. ".part", "w")):close()
  local progress = skein.task(show_progress)
  local list, step = {}, math.max((size + parts - 1) // parts, 1)
  for from = 0, size - 1, step do
    list[#list + 1] = { from = from, to = math.min(from + step, size) - 1 }
  end
  local start = skein.now()
  skein.map(list, insist, parts)
  progress:cancel()
  assert(os.rename(name .. ".part", name))
  io.stderr:write("\r")
  print(("%s: %d bytes in %d parts, %.1f MB/s"):format(name, size, #list,
    size / 1e6 / math.max(skein.now() - start, 1e-6)))
end)
