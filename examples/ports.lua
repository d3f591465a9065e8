--- Which ports of a host are open?
--
--   lua ports.lua [HOST [FROM [TO [LIMIT]]]]
--
-- What to see: thousands of attempts, never more than LIMIT at once, each with a
-- timeout; the results come in order.

local skein = require("skein")

local host = arg and arg[1] or "127.0.0.1"
local from, to = tonumber(arg and arg[2]) or 1, tonumber(arg and arg[3]) or 1024
local limit = tonumber(arg and arg[4]) or 200

local ports = {}
for port = from, to do ports[#ports + 1] = port end

local open = skein.map(ports, function(port)
  local conn, why = skein.net.connect(host, port, 1)
  if conn then conn:close() end
  return conn and "open" or why == "timeout" and "no answer"
end, limit)

local count = 0
for i, port in ipairs(ports) do
  if open[i] then
    print(("%5d  %s"):format(port, open[i]))
    count = count + 1
  end
end
print(("%d of %d ports"):format(count, #ports))
