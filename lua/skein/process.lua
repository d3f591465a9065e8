--- skein.process: what needs no speed.

local core = require("skein.core")

---@class skein.Process
local Process = core.methods("skein.Process")

--- Sends SIGTERM, and SIGKILL if the process still runs `grace` seconds later.
--- Does not wait: a task of this thread sees to the second signal.
---@param grace? number  seconds, 5 by default
---@return boolean sent  false: it had ended
function Process:terminate(grace)
  if grace == nil then grace = 5 end
  if type(grace) ~= "number" or grace ~= grace then
    error(("bad argument #1 to 'terminate' (number expected, got %s)")
      :format(type(grace) == "number" and "NaN" or type(grace)), 2)
  end
  if not self:signal("TERM") then return false end
  core.task({ name = "terminate " .. self.name }, function()
    if not self:join(grace) then self:kill() end
  end)
  return true
end

return Process
