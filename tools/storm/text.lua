--- Items that can be told from damaged ones: a number, a text of some length
--- that follows from it, and a sum over both.

local text = {}

local function sum(s)
  local h = #s
  for i = 1, #s, math.max(1, #s // 16) do h = (h * 31 + s:byte(i)) & 0xffffffff end
  return h
end

--- Most are small, one in fifty is large.
local function body(id)
  local n = id % 50 == 0 and id * 7919 % 200000 or id * 7919 % 300
  return (("%08x"):format(id * 2654435761 & 0xffffffff)):rep(n // 8 + 1)
end

function text.item(id)
  local s = body(id)
  return { id = id, text = s, sum = sum(s) }
end

--- The number of an item that is whole; raises for one that is not.
function text.check(item)
  assert(item.text == body(item.id) and item.sum == sum(item.text),
    "an item is damaged")
  return item.id
end

return text
