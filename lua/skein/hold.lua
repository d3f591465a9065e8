--- Holding the lock inside of a shared object while a function runs.

local core = require("skein.core")

local Held = {}

function Held:__close()
  core.unhold(self.object)
end

--- Acquires the lock of `object` for `fn`, argument `n` of the method `name`;
--- gives a value that releases it when closed.
local function hold(object, name, n, fn)
  if type(fn) ~= "function" then
    error(("bad argument #%d to '%s' (function expected, got %s)"):format(n,
      name, type(fn)), 3)
  end
  local held = setmetatable({ object = object }, Held) -- first: it may raise
  core.hold(object)
  return held
end

return hold
