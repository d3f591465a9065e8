--- What is done with bytes that chance made: the functions by target. Each raises
--- what must not be. The table of the code that may be loaded is the argument.

local known = ...

local skein = require("skein")
local shapes = require("spec.wire_shapes")
local seeds = require("tools.trust.seeds")

for _, code in ipairs(seeds.codes) do known[code] = true end

local targets = {}

--- Names that the bytes hold are looked up in what is loaded: nothing of this
--- reaches beyond the program.
local loaded = {}
for _, name in ipairs({ "string", "table", "math", "utf8", "spec.wire_shapes" }) do
  loaded[name] = package.loaded[name]
end


-- unpack ----------------------------------------------------------------------

--- The only errors of `unpack`: its own, and want of memory.
local function isrefusal(err)
  return type(err) == "table" and err.kind == "transfer" and #tostring(err) > 0
      or err == "not enough memory"
end

local function unpack_with(data, opts)
  local results = table.pack(pcall(skein.unpack, data, opts))
  if not results[1] then
    if not isrefusal(results[2]) then error(results[2], 0) end
    return
  end
  -- what was accepted can be told again, unless it had lost its module
  local ok, again = pcall(skein.pack, table.unpack(results, 2, results.n))
  if ok then
    local n = select("#", skein.unpack(again, { functions = true }))
    assert(n == results.n - 1, "another number of values")
  elseif not isrefusal(again) then
    error(again, 0)
  end
end

local count = 0

function targets.unpack(data)
  if count == 0 then
    for name in pairs(package.loaded) do package.loaded[name] = loaded[name] end
    package.searchers = {}
  end
  count = count + 1
  unpack_with(data)
  unpack_with(data, { functions = true })
  if count % 1000 == 0 then collectgarbage() end
end


-- options ---------------------------------------------------------------------

local class = setmetatable({}, { __index = function() error("__index of the user") end })

--- Values to choose from by a byte.
local values = {
  false, true, 0, 1, 2, -1, 3, 64, 1 << 31, 1 << 62, math.mininteger, math.maxinteger,
  0.5, -0.0, 1e308, math.huge, -math.huge, 0 / 0, 1e-9, 2.0,
  "", "a", "1", "fifo", "lifo", "priority", "int8", "int64", "uint32", "float", "double",
  "get", "put", "acquire", "recv", "INT", "SIGTERM", "fork", "spawn", "thread", "process",
  "string.format", "no.such.module", ("x"):rep(5000), "a\0b",
  print, function() end, coroutine.create(print), io.stdout, class, shapes,
  skein.lock(), skein.queue(1), skein.channel(), skein.event(), (skein.pipe()), skein.value(1),
}

local keys = { "name", "start", "daemon", "method", "capacity", "bytes", "order", "duplex",
  "reentrant", "slow", "workers", "kind", "init", "init_args", "tasks_per_worker", "retries",
  "timeout", "chunk", "unpack", "progress", "limit", "ordered", "ahead", 1, 2, 3, "n",
  "functions", "zzz" }

--- A reader of bytes: a number below `n`, 0 at the end.
local function reader(data)
  local at = 0
  return function(n)
    at = at + 1
    return (data:byte(at) or 0) % n
  end
end

local make

local function table_of(read, depth)
  local t = {}
  for _ = 1, read(5) do
    local key = keys[1 + read(#keys)]
    t[key] = make(read, depth + 1)
  end
  return t
end

function make(read, depth)
  local what = read(#values + 20)
  if what >= #values + 3 and depth < 3 then return table_of(read, depth) end
  return values[1 + what] -- nil, now and then
end

--- What may be called with anything, and neither ends the program nor waits.
local function idle() end

--- The options of processes and threads that never start.
local function unstarted(start)
  return function(opts, ...)
    if type(opts) ~= "table" or opts == class or opts == shapes then
      return start({ start = false }, opts, ...)
    end
    opts.start = false
    return start(opts, ...)
  end
end

local array = skein.array("int32", 8)
local dict = skein.dict()

local calls = {
  skein.channel, skein.queue, skein.pipe, skein.lock, skein.semaphore, skein.event,
  skein.condition, skein.barrier, skein.value, skein.dict, skein.signal, skein.every,
  unstarted(skein.process), unstarted(skein.thread), skein.pack, skein.unpack,
  skein.debug, skein.is_cancelled, skein.on_error,
  function(kind, n)
    if math.type(n) == "integer" and n > 1 << 20 then n = n >> 44 end
    return skein.array(kind, n)
  end,
  function(cases) return skein.select(cases, 0) end,
  function(list, s) return skein.wait(list, type(s) == "number" and s > 0 and 0 or s or 0) end,
  function(...) return skein.timeout(0, idle, ...) end,
  function(s, ...) return skein.timeout(s, idle, ...) end,
  function(a, b, c) return array:slice(a, b, c) end,
  function(a, b) return array:write(a, b) end,
  function(a, b) return array:add(a, b) end,
  function(a) return array:fill(a) end,
  function(a, b) array[a] = b end,
  function(a, b) return dict:set(a, b) end,
  function(a, b) return dict:add(a, b) end,
  function(a) return dict:get(a), dict:delete(a) end,
}

--- The texts of errors that Lua raises where code was careless.
local careless = { "attempt to", "bad argument #%d+ to '%?'" }

function targets.options(data)
  local read = reader(data)
  local call = calls[1 + read(#calls)]
  local args = table.pack(make(read, 0), make(read, 0), make(read, 0))
  args.n = read(4)
  local ok, err = pcall(call, table.unpack(args, 1, args.n))
  skein.on_error()
  if ok or type(err) == "table" then return end
  for _, text in ipairs(careless) do
    if tostring(err):find(text) and not tostring(err):find("__index of the user") then
      error(err, 0)
    end
  end
  count = count + 1
  if count % 1000 == 0 then collectgarbage() end
end

return targets
