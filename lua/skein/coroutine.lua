--- Lua's coroutine library, in which a wait suspends the task.

local core = require("skein.core")

local native = coroutine
local close = native.close

local library = {}
for name, value in pairs(native) do library[name] = value end

library.resume = core.co_resume
library.wrap = core.co_wrap

--- Closes `co`, unless it is inside a wait.
---@param co thread
function library.close(co)
  if type(co) ~= "thread" then
    error(("bad argument #1 to 'close' (coroutine expected, got %s)"):format(type(co)), 2)
  end
  if core.co_iswaiting(co) then
    error("cannot close a coroutine that waits", 2)
  end
  return close(co)
end

--- Makes it the library that everybody uses.
function library.install()
  for _, name in ipairs { "resume", "wrap", "close" } do
    rawset(native, name, library[name])
  end
end

return library
