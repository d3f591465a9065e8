--- skein.net: sockets. Addresses, connecting to whatever answers first, and
--- serving; the rest is C.

local core = require("skein.core")
local options = require("skein.options")
local serve = require("skein.serve")

local net = { pair = core.net.pair }

-- Seconds before the next address is tried beside those that did not answer.
local STAGGER = 0.25
-- errno of a local socket whose peer is busy.
local BUSY = 11

local REUSEADDR, REUSEPORT, BROADCAST, V6ONLY = 1, 2, 4, 8

--- What argument `arg` of `fn` and those behind it are: a path; or host and
--- port; and what follows.
local function parse(fn, arg, host, port, ...)
  local path = type(host) == "string" and host:match("^unix:(.*)")
  if path then return path, nil, nil, port, ... end
  if host ~= nil and type(host) ~= "string" then
    options.complain(fn, arg, ("host or \"unix:path\" expected, got %s"):format(type(host)))
  end
  if host and host:find("\0", 1, true) then
    options.complain(fn, arg, "host with a zero in it")
  end
  if type(port) == "string" and port:find("^%d+$") then port = math.tointeger(port) end
  if math.type(port) == "float" then port = math.tointeger(port) or port end
  if math.type(port) ~= "integer" or port < 0 or port > 65535 then
    options.complain(fn, arg + 1, ("port: whole number from 0 to 65535 expected, got %s")
      :format(type(port) == "number" and tostring(port) or type(port)))
  end
  return nil, host, port, ...
end

--- The options and the deadline: a table, a number of seconds, or both.
local function wishes(fn, arg, known, opts, timeout)
  if type(opts) == "number" and timeout == nil then opts, timeout = nil, opts end
  if opts ~= nil and type(opts) ~= "table" then
    options.complain(fn, arg, ("table of options expected, got %s"):format(type(opts)))
  end
  opts = opts or {}
  local get = options.reader(fn, arg, opts, known)
  if timeout == nil then timeout = opts.timeout end
  return get, options.deadline(fn, arg, timeout)
end

local function left(due)
  return due == math.huge and due or due - core.now()
end

-- ---- connecting ----

--- Connects to one address. A local peer whose backlog is full is tried again.
local function dial(address, due, nodelay)
  local pause = 0.001
  while true do
    local stream, why, code = core.net.dial(address, left(due), nodelay)
    if code ~= BUSY then return stream, why, code end
    if left(due) <= 0 then return nil, "timeout" end
    core.sleep(math.min(pause, left(due)))
    pause = math.min(pause * 2, 0.1)
  end
end

--- Those who lost the race hang up, however it is left.
local function losers()
  local streams = {}
  return setmetatable(streams, { __close = function()
    for stream in pairs(streams) do stream:close() end
  end })
end

--- Tries all addresses, each a little after the one before or when that one
--- has failed; the first that answers wins.
local function race(group, addresses, due, nodelay, made)
  local results = core.channel()
  local next, pending, failure = 1, 0, nil
  local function attempt()
    local address = addresses[next]
    next, pending = next + 1, pending + 1
    group:task(function()
      local stream, why, code = dial(address, due, nodelay)
      if stream then made[stream] = true end
      results:put({ stream = stream, why, code })
    end)
  end
  attempt()
  while pending > 0 do
    local result = results:get(next <= #addresses and STAGGER or math.huge)
    if result and result.stream then
      made[result.stream] = nil
      group:cancel()
      return result.stream
    end
    if result then
      pending = pending - 1
      failure = failure or result
    end
    if next <= #addresses and left(due) > 0 then attempt() end
  end
  return nil, table.unpack(failure, 1, 2)
end

local function addresses_of(fn, path, host, port, due)
  if not path then return core.net.resolve(host, port, left(due)) end
  local address, why, code = core.net.local_address(path)
  if address then return { address } end
  if why == "closed" then options.complain(fn, 1, "path expected") end
  return nil, why, code
end

local connect_options = options.set("timeout", "nodelay")

--- Connects to a host and port, or to a local socket.
---@async
---@param host string  a name, a number, or "unix:/path", "unix:@name" alone
---@return skein.Stream? stream, string? why, integer? errno
function net.connect(host, ...)
  local path, name, port, opts, timeout = parse("connect", 1, host, ...)
  local get, due = wishes("connect", path and 2 or 3, connect_options, opts, timeout)
  local nodelay = get.typed("boolean", "nodelay") ~= false
  if not path and not name then options.complain("connect", 1, "host expected, got nil") end
  local addresses, why, code = addresses_of("connect", path, name, port, due)
  if not addresses then return nil, why, code end
  if #addresses == 1 then return dial(addresses[1], due, nodelay) end
  local made <close> = losers()
  return core.group(race, addresses, due, nodelay, made)
end

-- ---- listening ----

local listen_options = options.set("backlog", "reuseaddr", "reuseport", "v6only", "timeout")

--- Listens at the first of the addresses that lets itself be bound.
local function bind(make, addresses, flags, ...)
  local why, code
  for _, address in ipairs(addresses) do
    local socket
    socket, why, code = make(address, flags, ...)
    if socket then return socket end
  end
  return nil, why, code
end

local function flag(get, name, bit, absent)
  local on = get.typed("boolean", name)
  if on == nil then on = absent end
  return on and bit or 0
end

--- Listens at a host and port, or at a local path.
---@async
---@param host? string|integer  a name, a number, nil for all, or "unix:/path" alone; or the port
---@return skein.Server? server, string? why, integer? errno
function net.listen(host, ...)
  if type(host) == "number" then return net.listen(nil, host, ...) end -- a port
  if host == "*" then host = nil end
  local path, name, port, opts, timeout = parse("listen", 1, host, ...)
  local get, due = wishes("listen", path and 2 or 3, listen_options, opts, timeout)
  local flags = flag(get, "reuseaddr", REUSEADDR, true) | flag(get, "reuseport", REUSEPORT)
    | flag(get, "v6only", V6ONLY)
  local backlog = get.count("backlog", 0) or 1024
  local addresses, why, code = addresses_of("listen", path, name, port, due)
  if not addresses then return nil, why, code end
  return bind(core.net.listen_at, addresses, flags, math.min(backlog, 65535))
end

core.methods("skein.Server").serve = serve

-- ---- datagrams ----

local udp_options = options.set("reuseaddr", "reuseport", "broadcast", "v6only", "timeout")

--- A socket for datagrams, bound to a host and port, or to a local path; to any
--- port of IPv4 if there are none.
---@async
---@param host? string
---@return skein.Udp? socket, string? why, integer? errno
function net.udp(host, port, ...)
  if host == nil and port == nil then host, port = "0.0.0.0", 0 end
  local path, name, number, opts, timeout = parse("udp", 1, host, port, ...)
  local get, due = wishes("udp", path and 2 or 3, udp_options, opts, timeout)
  local flags = flag(get, "reuseaddr", REUSEADDR) | flag(get, "reuseport", REUSEPORT)
    | flag(get, "broadcast", BROADCAST) | flag(get, "v6only", V6ONLY)
  local addresses, why, code = addresses_of("udp", path, name, number, due)
  if not addresses then return nil, why, code end
  return bind(core.net.udp_at, addresses, flags)
end

---@class skein.Udp
local Udp = core.methods("skein.Udp")

--- Sends a datagram: to a host and port, a local path, or where it is connected.
---@async
---@param data string
---@return true? ok, string? why, integer? errno
function Udp:send(data, host, ...)
  if type(data) ~= "string" and type(data) ~= "number" then
    options.complain("send", 1, "string expected, got " .. type(data))
  end
  if host == nil then return core.net.send(self, data, nil, (select(2, ...))) end
  local path, name, port, timeout = parse("send", 2, host, ...)
  local due = options.deadline("send", path and 3 or 4, timeout)
  local addresses, why, code = addresses_of("send", path, name, port, due)
  if not addresses then return nil, why, code end
  return core.net.send(self, data, addresses[1], left(due))
end

--- From now on it sends to, and receives from, this host and port alone.
---@async
---@return true? ok, string? why, integer? errno
function Udp:connect(host, ...)
  local path, name, port, timeout = parse("connect", 1, host, ...)
  local due = options.deadline("connect", path and 2 or 3, timeout)
  local addresses, why, code = addresses_of("connect", path, name, port, due)
  if not addresses then return nil, why, code end
  return core.net.associate(self, addresses[1])
end

return net
