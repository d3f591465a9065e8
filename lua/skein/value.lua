--- skein.value: what needs no speed.

local core = require("skein.core")

---@class skein.Value
local Value = core.methods("skein.Value")

local Held = {}

function Held:__close()
  core.value_release(self.value)
end

--- Replaces the value by what `fn` makes of it, while nobody else changes it.
--- `fn` may wait. If it raises, nothing has changed.
---@async
---@param fn fun(old: any): any
---@return any new
function Value:with(fn)
  if type(fn) ~= "function" then
    local got = type(fn)
    error(("bad argument #1 to 'with' (function expected, got %s)"):format(got), 2)
  end
  local hold = setmetatable({ value = self }, Held) -- first: it may raise
  core.value_hold(self)
  local _ <close> = hold
  local new = fn(self:get())
  self:set(new)
  return new
end

return Value
