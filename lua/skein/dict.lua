--- skein.dict: what needs no speed.

local core = require("skein.core")
local hold = require("skein.hold")

---@class skein.Dict
local Dict = core.methods("skein.Dict")

local keys = { boolean = true, number = true, string = true }

--- Sets the value at `k` to what `fn` makes of it, while nobody else changes
--- the dict. `fn` may wait. If it raises, nothing has changed.
---@async
---@param k boolean|number|string
---@param fn fun(old: any): any
---@return any new
function Dict:update(k, fn)
  if not keys[type(k)] or k ~= k then
    local got = k ~= k and "NaN" or type(k)
    error("bad argument #1 to 'update' (string, number or boolean as key "
      .. ("expected, got %s)"):format(got), 2)
  end
  local _ <close> = hold(self, "update", 2, fn)
  local new = fn(self:get(k))
  self:set(k, new)
  return new
end

return Dict
