--- A list of n small records.
return function(n)
  local list = {}
  for i = 1, n do list[i] = { id = i, name = "task" .. i, v = 1.5 } end
  return list
end
