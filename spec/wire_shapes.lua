--- A module for the specs of the wire: a class, a class that rebuilds its
--- objects, data, and functions.

local shapes = {}

local built = 0

---@class Point
shapes.Point = {}
shapes.Point.__index = shapes.Point

function shapes.Point.new(x, y)
  return setmetatable({ x = x, y = y }, shapes.Point)
end

function shapes.Point:sum()
  return self.x + self.y
end

---@class Circle: does not cross as it is, for its 'area' cannot
shapes.Circle = {}
shapes.Circle.__index = shapes.Circle

function shapes.Circle.new(radius, label)
  built = built + 1
  local area = coroutine.wrap(function()
    while true do coroutine.yield(math.pi * radius ^ 2) end
  end)
  return setmetatable({ radius = radius, label = label, area = area },
    shapes.Circle)
end

function shapes.Circle:__transfer()
  return "spec.wire_shapes.Circle.new", self.radius, self.label
end

--- How many circles were made.
function shapes.built()
  return built
end

function shapes.fail()
  error("cannot be made")
end

shapes.list = { 1, 2, 3 }
shapes.tag = {} -- a metatable without any field

return shapes
