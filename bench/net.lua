--- TCP echo of 64 bytes beside its floor and others: the server on one core, the
--- client, the same for all, on another. Peers that are not installed are left out.
---   bench/net.lua [seconds of each measurement]

local here = arg[0]:match("^(.*)/") or "."
local seconds = tonumber(arg[1]) or 1
local CONNECTIONS = { 1, 100, 1000 }
local ROUNDS = 3

local function sh(command)
  local pipe <close> = io.popen(command)
  return pipe:read("a")
end

local function has(program) return sh("command -v " .. program) ~= "" end

local dir = sh("mktemp -d"):match("^[^\n]+")
local lua = sh("readlink /proc/$PPID/exe"):match("^[^\n]+")
local echo = dir .. "/echo"
assert(os.execute(("${CC:-cc} -O2 -D_GNU_SOURCE -o %s %s/floor/echo.c"):format(echo, here)))

local peers = {
  { "floor: epoll in C", echo .. " serve" },
  { "skein", ("%s %s/peers/echo_skein.lua"):format(lua, here) },
}

local function add(name, needed, command)
  if os.execute(needed .. " > /dev/null 2>&1") then peers[#peers + 1] = { name, command } end
end

if has("go") then
  os.execute(("cd %s/peers && go build -o %s/echo_go echo.go"):format(here, dir))
end
add("Go, one core", "test -x " .. dir .. "/echo_go", "env GOMAXPROCS=1 " .. dir .. "/echo_go")
for _, name in ipairs { "luv", "cqueues" } do
  add(name, ("%s -e 'require \"%s\"'"):format(lua, name),
    ("%s %s/peers/echo_%s.lua"):format(lua, here, name))
end
add("Node", "command -v node", ("node %s/peers/echo.js"):format(here))
add("asyncio", "command -v python3", ("python3 %s/peers/echo.py"):format(here))
add("uvloop", "python3 -c 'import uvloop'", ("python3 %s/peers/echo.py uvloop"):format(here))

--- Microseconds of processor that process `pid` has used.
local function used(pid)
  local file <close> = io.open("/proc/" .. pid .. "/stat")
  local user, system = file:read("a"):match("%) %S" .. (" %S+"):rep(10) .. " (%d+) (%d+)")
  return (user + system) * 10000
end

--- Round trips per second of a server that is started for it, and what one of
--- them costs it: that hardly depends on what else the machine does.
local function measure(command, connections)
  local pipe <close> = io.popen(("exec taskset -c 0 sh -c 'echo $$ > %s/pid; exec %s'")
    :format(dir, command))
  local port = pipe:read("l")
  local rate = tonumber(sh(("taskset -c 1 %s ask %s %d %g"):format(echo, port, connections,
    seconds)))
  local pid = sh("cat " .. dir .. "/pid"):match("%d+")
  local cost = used(pid) / (rate * seconds * 1.1)
  os.execute("kill " .. pid)
  return rate, cost
end

local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

print("TCP echo of 64 bytes: thousands of round trips a second, and microseconds of")
print("processor that one costs the server")
local header = ("  %-20s"):format("connections")
for _, n in ipairs(CONNECTIONS) do header = header .. ("%18d"):format(n) end
print(header)
local rates, costs = {}, {}
for round = 1, ROUNDS do -- in turns, so that all meet the same machine
  for i, peer in ipairs(peers) do
    for k, n in ipairs(CONNECTIONS) do
      local key = i * 10 + k
      rates[key], costs[key] = rates[key] or {}, costs[key] or {}
      rates[key][round], costs[key][round] = measure(peer[2], n)
    end
  end
end
for i, peer in ipairs(peers) do
  local line = ("  %-20s"):format(peer[1])
  for k in ipairs(CONNECTIONS) do
    local key = i * 10 + k
    line = line .. ("%9.1f %5.1f us"):format(median(rates[key]) / 1000, median(costs[key]))
  end
  print(line)
end
os.execute("rm -r " .. dir)
