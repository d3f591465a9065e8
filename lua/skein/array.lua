--- skein.array: what needs no speed.

local core = require("skein.core")
local hold = require("skein.hold")

---@class skein.Array
local Array = core.methods("skein.Array")

--- Calls `fn(...)` while every other `with` of the array is kept out. `fn` may
--- wait.
---@async
---@param fn fun(...): ...
---@return any ...  what `fn` returned
function Array:with(fn, ...)
  local _ <close> = hold(self, "with", 1, fn)
  return fn(...)
end

return Array
