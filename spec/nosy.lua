--- For specs of messages: an object whose making on arrival takes an item from
--- a queue that came with it.

local nosy = {}

function nosy.new(q)
  return { item = q:get(0) }
end

return nosy
