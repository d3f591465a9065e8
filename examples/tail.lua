--- Follows several files as they grow, as tail -F does.
--
--   lua tail.lua FILE ...
--
-- What to see: a task for each file; reading stops nobody, wherever the file is.
-- One that is cut off, or replaced by a shorter one, is read from its beginning, one
-- that is not there yet is waited for. Ctrl-C ends it.

local skein = require("skein")

local PAUSE = 0.1

--- Writes whole lines; what is left of the last one.
local function write_lines(name, text)
  local rest = text:match("[^\n]*$")
  for line in text:sub(1, #text - #rest):gmatch("(.-)\n") do
    print(name .. ": " .. line)
  end
  io.stdout:flush()
  return rest
end

--- Is there another file of that name by now?
local function is_replaced(name, known)
  local file <close> = skein.open(name)
  return file and file:seek("end") < known
end

--- Reads on until the file is replaced or cut off.
local function follow(name, file)
  local rest = ""
  while true do
    local text = file:read()
    if text then
      rest = write_lines(name, rest .. text)
    elseif is_replaced(name, file:seek()) then
      return
    else
      skein.sleep(PAUSE)
    end
  end
end

local function watch(name)
  local begun = false
  while true do
    local file <close> = skein.open(name)
    if file then
      if not begun then file:seek("end") end
      follow(name, file)
    else
      skein.sleep(PAUSE)
    end
    begun = true
  end
end

skein.run(function()
  local names = { table.unpack(arg) }
  for _, name in ipairs(names) do skein.task({ name = name }, watch, name) end
  skein.signal("INT", "TERM"):get()
end)
