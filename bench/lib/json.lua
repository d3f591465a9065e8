--- Writes values as JSON, keys in order, so that two results can be compared.

local write

local function quote(s)
  return '"' .. s:gsub('[%c"\\]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
end

local function list(t, indent)
  local parts, flat = {}, true
  for i = 1, #t do
    flat = flat and type(t[i]) ~= "table"
    parts[i] = write(t[i], indent .. "  ")
  end
  if flat then return "[" .. table.concat(parts, ", ") .. "]" end
  local inner = "\n" .. indent .. "  "
  return "[" .. inner .. table.concat(parts, "," .. inner) .. "\n" .. indent .. "]"
end

local function object(t, indent)
  local keys, parts = {}, {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys)
  for i, key in ipairs(keys) do
    parts[i] = quote(key) .. ": " .. write(t[key], indent .. "  ")
  end
  local inner = "\n" .. indent .. "  "
  return "{" .. inner .. table.concat(parts, "," .. inner) .. "\n" .. indent .. "}"
end

function write(v, indent)
  if type(v) == "table" then
    return (#v > 0 or next(v) == nil) and list(v, indent) or object(v, indent)
  elseif type(v) == "string" then
    return quote(v)
  elseif math.type(v) == "float" then
    return ("%.6g"):format(v)
  end
  return tostring(v)
end

return function(v) return write(v, "") .. "\n" end
