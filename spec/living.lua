--- What there is: the functions of the module, and the methods of an object of
--- each class. Used by docs_spec.lua.

local living = {}

local function idle() end

--- An object of each class, and what ends it.
local samples = {
  Task = function(skein) return skein.task(idle), "join" end,
  Thread = function(skein) return skein.thread(idle), "join" end,
  Process = function(skein) return skein.process(idle), "join" end,
  Channel = function(skein) return skein.channel() end,
  Queue = function(skein) return skein.queue() end,
  Pipe = function(skein) return (skein.pipe()) end,
  Lock = function(skein) return skein.lock() end,
  Semaphore = function(skein) return skein.semaphore(1) end,
  Event = function(skein) return skein.event() end,
  Condition = function(skein) return skein.condition() end,
  Barrier = function(skein) return skein.barrier(1) end,
  Value = function(skein) return skein.value(0) end,
  Array = function(skein) return skein.array("double", 1) end,
  Dict = function(skein) return skein.dict() end,
  Pool = function(skein) return skein.pool(1), "terminate" end,
  Job = function(skein)
    local pool <close> = skein.pool(1)
    return pool:submit(idle), "join"
  end,
  Group = function(skein)
    local group
    skein.group(function(g) group = g end)
    return group
  end,
  Command = function(skein) return skein.command { "true" }, "join" end,
  Server = function(skein)
    return skein.net.listen("127.0.0.1", 0), "close"
  end,
  Stream = function(skein)
    local server = skein.net.listen("127.0.0.1", 0)
    local stream = skein.net.connect("127.0.0.1", select(2, server:sockname()))
    server:close()
    return stream, "close"
  end,
  Udp = function(skein) return skein.net.udp("127.0.0.1", 0), "close" end,
}

--- Classes that no user ever holds an object of.
living.internal = {
  ["skein.Error"] = true, -- tables, with fields only
  ["skein.Deposit"] = true,
  ["skein.Crew"] = true, ["skein.Worker"] = true, ["skein.Batch"] = true,
}

--- What a sample is made with, where that has another name than the class.
local makers = {
  Job = "pool", Server = "net", Stream = "net", Udp = "net",
}

function living.is_callable(v)
  local meta = type(v) == "table" and getmetatable(v)
  return type(v) == "function" or meta and meta.__call ~= nil
end

--- Adds the public functions that indexing by `index` finds. A function that
--- indexes is searched for the tables that it holds.
local function collect(index, into)
  if type(index) == "function" then
    for i = 1, 255 do
      local name, upvalue = debug.getupvalue(index, i)
      if not name then break end
      if type(upvalue) == "table" then collect(upvalue, into) end
    end
  elseif type(index) == "table" then
    for name, v in pairs(index) do
      if type(name) == "string" and not name:find("^_")
          and living.is_callable(v) then
        into[name] = true
      end
    end
    local meta = getmetatable(index)
    if meta then collect(meta.__index, into) end
  end
  return into
end

--- The live classes by name: an object's methods, and the object.
function living.classes(skein)
  local classes = {}
  for name, make in pairs(samples) do
    if skein[makers[name] or name:lower()] then
      local object, finish = make(skein)
      local meta = debug.getmetatable(object)
      classes[meta.__name] = {
        object = object, methods = collect(meta.__index, {}),
      }
      if finish then object[finish](object) end
    end
  end
  return classes
end

--- Adds the public functions of the module and of the tables in it.
local function functions_of(module, prefix, known, into)
  for name, v in pairs(module) do
    if type(name) == "string" and not name:find("^_") and not known[name] then
      if living.is_callable(v) then
        into[prefix .. name] = true
      elseif type(v) == "table" then
        local inner = name == "coroutine" and coroutine or {}
        functions_of(v, prefix .. name .. ".", inner, into)
      end
    end
  end
  return into
end

--- The names of all public functions of the module, as a set.
function living.functions(skein)
  return functions_of(skein, "skein.", {}, {})
end

return living
