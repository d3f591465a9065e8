--- skein.value: what needs no speed.

local core = require("skein.core")
local hold = require("skein.hold")

---@class skein.Value
local Value = core.methods("skein.Value")

--- Replaces the value by what `fn` makes of it, while nobody else changes it.
--- `fn` may wait. If it raises, nothing has changed.
---@async
---@param fn fun(old: any): any
---@return any new
function Value:with(fn)
  local _ <close> = hold(self, "with", 1, fn)
  local new = fn(self:get())
  local why = core.misfit(self, new)
  if why then error(("bad result of the function given to 'with' (%s)"):format(why), 2) end
  self:set(new)
  return new
end

return Value
