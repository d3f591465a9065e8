--- skein.test: tests of what takes time, without taking it.

local core = require("skein.core")
local options = require("skein.options")

local test = {}

local known = options.set("seed", "patience")
local PATIENCE = 0.05 -- seconds

--- `arg`: which argument `fn` is.
local function run(arg, opts, fn, ...)
  local get = options.reader("run", 1, opts, known)
  local patience = get.typed("number", "patience") or PATIENCE
  local seed = get.typed("number", "seed")
  if patience ~= patience then
    options.complain("run", 1, "patience: number expected, got NaN")
  end
  if seed and not math.tointeger(seed) then
    options.complain("run", 1, ("seed: whole number expected, got %s"):format(seed))
  end
  if type(fn) ~= "function" then
    options.complain("run", arg, ("function expected, got %s"):format(type(fn)))
  end
  if not core.test_begin(patience, seed) then
    options.raise("skein.test.run inside of a run")
  end
  local _ <close> = setmetatable({}, { __close = core.test_end })
  return core.run(fn, ...)
end

--- `skein.run` on a clock that stands still while anything can go on, and
--- leaps to the next deadline when everything waits.
---@async
---@param opts? table  `seed`: the order in which ready tasks run is by chance,
--- the same one for the same seed; `patience`: real seconds for something from
--- outside to come before a leap
---@param fn fun(...): ...
---@return any ...  what `fn` returned
function test.run(opts, fn, ...)
  if type(opts) == "table" then return run(2, opts, fn, ...) end
  return run(1, {}, opts, fn, ...)
end

test.settle = core.settle

return test
