--- What a worker of a pool does, from its first step to its last.

local core = require("skein.core")

local worker = {}

local function work(self)
  while self:step() do end
end

--- Takes jobs until there are no more, or it did enough.
---@param crew userdata  what it shares with the owner
---@param number integer  the worker's own
---@param berth integer  its place in the crew
---@param limit? integer  how many jobs it may do
---@param init? function|string
---@param args? table  of init
function worker.run(crew, number, berth, limit, init, args)
  local self = core.worker(crew, number, berth, limit)
  if init and not self:prepare(init, table.unpack(args, 1, args.n)) then return end
  self:ready()
  local ok, err = pcall(work, self)
  -- Jobs can never come any more: the owner is gone.
  if not ok and not core.is_error(err, "deadlock") then error(err, 0) end
end

return worker
