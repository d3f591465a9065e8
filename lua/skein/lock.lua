--- skein.lock: what needs no speed.

local core = require("skein.core")

---@class skein.Lock
local Lock = core.methods("skein.Lock")

--- Acquires the lock, calls `fn(...)` and releases it, also when `fn` raises.
---@async
---@param fn fun(...): ...
---@return any ...  what `fn` returned
function Lock:with(fn, ...)
  if type(fn) ~= "function" then
    local got = type(fn)
    error(("bad argument #1 to 'with' (function expected, got %s)"):format(got), 2)
  end
  local _ <close> = self:hold()
  return fn(...)
end

return Lock
