--- What fuzzing begins with: messages of every kind, and what earlier fuzzing found
--- worth keeping (corpus/, by tools/trust/minimise). Run with a directory of
--- build/fuzz/, writes a file for each input of that target there.

local skein = require("skein")
local shapes = require("spec.wire_shapes")

local seeds = { messages = {}, codes = {} }

local function add(...) seeds.messages[#seeds.messages + 1] = skein.pack(...) end

local function counter()
  local n = 0
  local function up() n = n + 1 return n end
  return up, function() n = 0 end
end

--- Functions travel as these bytes.
local function code(fn) seeds.codes[#seeds.codes + 1] = string.dump(fn) end

local function fact(n) return n < 2 and 1 or n * fact(n - 1) end

add()
add(nil, true, false, 0, 1, -1, 127, 128, 1 << 40, math.mininteger, 1.5, -0.0, 1 / 0)
add("", "text", ("long "):rep(60), "text", "text")
add({}, { 1, 2, 3 }, { x = 1, y = { z = "deep" } }, { [1.5] = true, [false] = 0 })
local cycle = { name = "cycle" }
cycle.self, cycle.list = cycle, { cycle, cycle }
add(cycle, cycle.list)
add(shapes.Point.new(1, 2), setmetatable({}, { __index = string }))
add(shapes.Circle.new(2, "round"))
add(math.floor, string, shapes.Point.sum)
local up, reset = counter()
add(up, reset, fact)
for _, fn in ipairs({ up, reset, fact }) do code(fn) end
local records = {}
for i = 1, 20 do records[i] = { id = i, name = "record " .. i, v = i / 3 } end
add(records)

--- The inputs of target `name`.
local function inputs(name)
  local list = name == "unpack" and { table.unpack(seeds.messages) } or {}
  for line in io.lines("tools/trust/corpus/" .. name) do
    list[#list + 1] = line:gsub("%x%x", function(byte)
      return string.char(tonumber(byte, 16))
    end)
  end
  return list
end

local directory = ...
local target = directory and directory:match("/fuzz/(%w+)/$")
if target then
  for i, input in ipairs(inputs(target)) do
    local file <close> = assert(io.open(("%s/%d"):format(directory, i), "wb"))
    file:write(input)
  end
end

return seeds
