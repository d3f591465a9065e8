--- lua-cjson, https://github.com/openresty/lua-cjson: the usual way to make bytes
--- of Lua values.

local cjson = require("cjson")
local records = require("bench.lib.records")

local works = {}

function works.pack(n)
  local value = records(1000)
  return function() for _ = 1, n do cjson.encode(value) end end
end

function works.unpack(n)
  local text = cjson.encode(records(1000))
  return function() for _ = 1, n do cjson.decode(text) end end
end

return works
