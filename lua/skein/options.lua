--- Options: tables of what a caller wishes, and complaints about them.
--
-- Complaints are raised at the line outside of skein that made the call.

local core = require("skein.core")

local options = {}

--- Raises a message, or an error object, at the user's line.
function options.raise(err)
  if type(err) == "string" then error(core.where() .. err, 0) end
  if core.is_error(err) then err.where = core.where() end
  error(err, 0)
end

--- "bad argument #1 to 'pool' (...)"
function options.complain(fn, arg, message)
  options.raise(("bad argument #%d to '%s' (%s)"):format(arg, fn, message))
end

--- A set of names that also lists them.
function options.set(...)
  local set = { list = table.concat({ ... }, ", "), has = {} }
  for _, name in ipairs { ... } do set.has[name] = true end
  return set
end

local function show(v)
  if v ~= v then return "NaN" end
  if type(v) == "number" then return tostring(v) end
  if type(v) == "string" then return ("'%s'"):format(v) end
  return type(v)
end

--- Functions that get an option of `opts` by name, nil if it is absent, and
--- complain about argument `arg` of `fn` if it is not what it should be.
function options.reader(fn, arg, opts, known)
  local function wrong(name, expected, v)
    options.complain(fn, arg, ("%s: %s expected, got %s"):format(name, expected, show(v)))
  end
  for name in pairs(opts) do
    if not known.has[name] then
      options.complain(fn, arg,
        ("unknown option '%s' (options: %s)"):format(tostring(name), known.list))
    end
  end
  local get = {}

  function get.typed(expected, name)
    local v = opts[name]
    if v ~= nil and type(v) ~= expected then wrong(name, expected, v) end
    return v
  end

  function get.count(name, least)
    local v = opts[name]
    if v == nil then return nil end
    if math.type(v) == "float" and math.tointeger(v) then v = math.tointeger(v) end
    if math.type(v) ~= "integer" or v < least then
      wrong(name, ("whole number of at least %d"):format(least), v)
    end
    return v
  end

  function get.choice(name, ...)
    local v = opts[name]
    if v == nil then return nil end
    for _, choice in ipairs { ... } do
      if v == choice then return v end
    end
    wrong(name, ('"%s"'):format(table.concat({ ... }, '" or "')), v)
  end

  function get.callable(name)
    local v = opts[name]
    if v ~= nil and type(v) ~= "function" and type(v) ~= "string" then
      wrong(name, "function or its name", v)
    end
    return v
  end

  return get
end

--- When a timeout of `seconds` is over; math.huge: never.
function options.deadline(fn, arg, seconds)
  if seconds == nil then return math.huge end
  if type(seconds) ~= "number" or seconds ~= seconds then
    options.complain(fn, arg, ("timeout: number expected, got %s")
      :format(type(seconds) == "number" and "NaN" or type(seconds)))
  end
  return core.now() + math.max(seconds, 0)
end

return options
